//! Clients that ask for much and do not read it: what they hold up, and for how long.

use serde_json::json;

use super::{
    caller::{Ask, Protocol},
    hop::Hop,
    server::Server,
    stage::{Group, Stage, WORKSPACES, workspace},
};

const YAML: &str = "application/yaml";

/// A server that is alone with its clients, and `number` workspaces of a quarter of a megabyte.
async fn furnished(test: &str, number: usize) -> (Stage, Server, Hop) {
    let stage = Stage::new(test).await;
    for number in 0..number {
        let mut object = workspace(Group::Stored, &format!("acme.alice.w{number}"));
        object["metadata"]["annotations"] = json!({ "note": "long ".repeat(50_000) });
        stage.make(WORKSPACES, &object).await;
    }
    let (server, hop) = Server::watched(stage.bed).await;
    (stage, server, hop)
}

/// Takes away what would be in the way of others.
async fn clear(stage: &Stage) {
    let all = stage.path(Group::Stored, WORKSPACES, "");
    stage.admin.send(Ask::new("DELETE", all)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_an_answer_loses_it_and_whoever_watches_goes_on() {
    // More than the buffers take that are on the way.
    let (stage, server, hop) = furnished("unread-list", 100).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    let all = stage.path(Group::Old, WORKSPACES, "");
    let first = caller.get(format!("{all}?limit=1")).await.expect(200);
    let version = first.json()["metadata"]["resourceVersion"].clone();
    let version = version.as_str().unwrap();
    let ask = Ask::get(format!("{all}?watch=1&resourceVersion={version}"));
    let mut watch = caller.open(ask).await;
    let mut unread = Vec::new();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let slow = caller.with_protocol(protocol);
        let answer = slow.open(Ask::get(&all)).await;
        assert_eq!(answer.status, 200);
        unread.push((protocol, answer, slow));
    }
    assert_eq!(hop.open(), 3, "each of them waits for its reader");
    server
        .eventually("the lists are given up, and not the watch", async || {
            hop.open() == 1
        })
        .await;
    for (protocol, answer, _connected) in unread {
        let broken = answer.rest().await;
        assert!(broken.is_err(), "{protocol:?}: half a list looks whole");
    }
    // It has run for longer than it may go without a sign of life.
    assert_eq!(server.probe("/healthz").await, 200);
    clear(&stage).await;
    let event = watch.event().await.expect("the watch has ended");
    assert_eq!(event["type"], "DELETED");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_room_for_yaml_is_used_up_an_answer_comes_as_json() {
    const NUMBER: usize = 16;
    let (stage, server, _hop) = furnished("room", NUMBER).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    let ask = Ask::get(stage.path(Group::Old, WORKSPACES, "")).accept(YAML);
    // Each keeps its room for as long as it is not read, on a connection of its own.
    let mut unread = Vec::new();
    loop {
        let slow = caller.again();
        let answer = slow.open(ask.clone()).await;
        assert_eq!(answer.status, 200);
        if answer.headers["content-type"] != YAML {
            assert_eq!(answer.headers["content-type"], "application/json");
            break;
        }
        unread.push((answer, slow));
        assert!(unread.len() < 20, "there is no end of the room");
    }
    assert!(!unread.is_empty(), "there is room to begin with");
    // It is the whole answer, in the words of the old group.
    let list = caller.send(ask.clone()).await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), NUMBER);
    assert_eq!(list["apiVersion"], Group::Old.version());
    drop(unread);
    server
        .eventually("there is room again", async || {
            let reply = caller.send(ask.clone()).await.expect(200);
            reply.header("content-type") == YAML
        })
        .await;
    clear(&stage).await;
}
