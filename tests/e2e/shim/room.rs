//! Answers in YAML, which need room: nothing is refused for want of it once it was carried out.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;
use tokio::sync::Semaphore;

use super::{
    caller::Ask,
    hop::Instead,
    server::Server,
    stage::{Group, Stage, WORKSPACES, workspace},
};

/// As many answers in YAML as there is room for: 64 MiB, and 8 MiB each may take.
const FIT: usize = 7;
const YAML: &str = "application/yaml";

#[tokio::test(flavor = "multi_thread")]
async fn a_write_for_whose_answer_there_is_no_room_is_not_sent() {
    let stage = Stage::new("room").await;
    stage.make_workspaces(&["acme.alice.dev"]).await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    hop.rule(move |seen| {
        let is_held = seen.method == "GET" && seen.is_about_objects();
        is_held.then(|| Instead::Hold(Arc::clone(&held)))
    });
    let read = || Ask::get(stage.path(Group::Old, WORKSPACES, "acme.alice.dev")).accept(YAML);
    let post = |name: &str| {
        Ask::new("POST", stage.path(Group::Old, WORKSPACES, "")).json(&workspace(Group::Old, name))
    };
    let reading = join_all((0..FIT).map(|_| caller.send(read())));
    let writing = async {
        server
            .eventually("the room is taken", async || {
                hop.about_objects().len() == FIT
            })
            .await;
        let refused = caller
            .send(post("acme.alice.a").accept(YAML))
            .await
            .expect(429);
        assert_eq!(refused.header("retry-after"), "1");
        let sent = hop.about_objects();
        assert!(
            sent.iter().all(|seen| seen.method == "GET"),
            "nothing was sent"
        );
        // JSON streams, and needs none.
        caller.send(post("acme.alice.b")).await.expect(201);
        gate.add_permits(FIT);
    };
    let (answers, ()) = tokio::join!(reading, writing);
    for answer in answers {
        assert_eq!(answer.expect(200).header("content-type"), YAML);
    }
    caller
        .send(post("acme.alice.a").accept(YAML))
        .await
        .expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_as_a_collection_is_told_in_json() {
    let stage = Stage::new("untold").await;
    stage
        .make_workspaces(&["acme.alice.a", "acme.alice.b"])
        .await;
    // The list of them may be larger than what is written in YAML.
    let ask = Ask::new("DELETE", stage.path(Group::Old, WORKSPACES, "")).accept(YAML);
    let deleted = stage.admin.send(ask).await.expect(200);
    assert_eq!(deleted.header("content-type"), "application/json");
    let list = deleted.json();
    assert_eq!(list["apiVersion"], json!(Group::Old.version()));
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
}
