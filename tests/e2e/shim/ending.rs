//! How the aggregated API ends: nothing new is begun, and what is under way is finished.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{
    caller::Ask,
    hop::{Hop, Instead},
    server::Server,
    stage::{Group, Stage, WORKSPACES, workspace},
};
use crate::e2e::scene::PATIENCE;

/// Holds what is written until the result is given a permit.
fn hold_writes(hop: &Hop) -> Arc<Semaphore> {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    hop.rule(move |seen| {
        let is_write = seen.is_about_objects() && seen.method != "GET";
        is_write.then(|| Instead::Hold(Arc::clone(&held)))
    });
    gate
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_finished_before_the_process_ends() {
    let stage = Stage::new("ending").await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    let all = stage.path(Group::Old, WORKSPACES, "");
    let list = caller.get(&all).await.expect(200).json();
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let ask = Ask::get(format!("{all}?watch=1&resourceVersion={version}"));
    let mut watch = caller.open(ask).await;
    let gate = hold_writes(&hop);
    let make = Ask::new("POST", all).json(&workspace(Group::Old, "acme.alice.dev"));
    let making = caller.send(make);
    let stopping = async {
        server
            .eventually("the write is under way", async || {
                let mut seen = hop.about_objects().into_iter();
                seen.any(|seen| seen.method == "POST")
            })
            .await;
        server.program.terminate();
        server
            .eventually("nobody is taken in any more", async || {
                !server.direct().reaches().await
            })
            .await;
        assert_eq!(server.program.status(), None, "it waits for the write");
        gate.add_permits(1);
    };
    let (made, ()) = tokio::join!(making, stopping);
    assert_eq!(
        made.expect(201).json()["metadata"]["name"],
        "acme.alice.dev"
    );
    // A watch ends as kube-apiserver ends one, and its client goes on elsewhere.
    while let Some(event) = watch.event().await {
        assert_eq!(event["type"], "ADDED", "{event}");
    }
    let status = server.program.wait(PATIENCE).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", server.log_tail());
}
