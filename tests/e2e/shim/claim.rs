//! What a deletion through the old group claims of an imported object so that its twin goes along, and
//! what is left of that where the object is not deleted.

use std::sync::Arc;

use coder_k8s::api::names::{FINALIZER, MANAGER_SHIM};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{
    caller::{Ask, Protocol},
    hop::{Hop, Instead, answer},
    policy::Policy,
    server::Server,
    stage::{Group, Stage, WORKSPACES, workspace},
};

pub(super) const NAME: &str = "acme.alice.dev";

/// An imported workspace, without a controller.
pub(super) async fn imported(stage: &Stage, name: &str) -> Value {
    stage
        .make(WORKSPACES, &workspace(Group::Stored, name))
        .await;
    let status = json!({ "status": { "binding": {
        "deploymentID": "d", "id": "i", "origin": "coderd", "boundAt": "2026-01-01T00:00:00Z",
    } } });
    let path = stage.path(Group::Stored, WORKSPACES, &format!("{name}/status"));
    let patch = Ask::new("PATCH", path).body("application/merge-patch+json", status.to_string());
    stage.admin.send(patch).await.expect(200).json()
}

pub(super) async fn read(stage: &Stage, name: &str) -> Value {
    let path = stage.path(Group::Stored, WORKSPACES, name);
    stage.admin.get(path).await.expect(200).json()
}

pub(super) fn delete(stage: &Stage, name: &str) -> Ask {
    Ask::new("DELETE", stage.path(Group::Old, WORKSPACES, name))
}

/// What the server has sent about objects: `DELETE?` is a deletion that changes nothing.
pub(super) fn sent(hop: &Hop) -> Vec<String> {
    let seen = hop.about_objects().into_iter();
    let sent = seen.map(|one| match one.method.as_str() {
        "DELETE" if is_trial(&one.body) => "DELETE?".to_owned(),
        _ => one.method,
    });
    sent.collect()
}

fn is_trial(body: &[u8]) -> bool {
    let options: Value = serde_json::from_slice(body).unwrap_or_default();
    options["dryRun"] == json!(["All"])
}

fn is_claimed(object: &Value) -> bool {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    entries.iter().any(|entry| entry["manager"] == MANAGER_SHIM)
}

/// Nothing is left of a claim.
fn assert_unclaimed(object: &Value) {
    assert!(!is_claimed(object), "{object}");
    assert_eq!(object["spec"]["deletionPolicy"], json!(null), "{object}");
    assert_eq!(object["metadata"]["finalizers"], json!(null), "{object}");
    assert_eq!(object["metadata"]["deletionTimestamp"], json!(null));
}

/// Its deletion has come, and its twin goes along.
fn assert_ending(object: &Value) {
    assert!(object["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(object["metadata"]["finalizers"], json!([FINALIZER]));
    assert_eq!(object["spec"]["deletionPolicy"], "Delete");
}

const DENIED: &str = "admission webhook \"backup.example.com\" denied the request: not before noon";

/// What kube-apiserver answers where a webhook refuses with 409.
fn denied() -> Instead {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": DENIED, "code": 409,
    });
    answer(409, &status)
}

/// Changes the object each time that somebody is about to delete it, for ever.
async fn be_faster(stage: &Stage, hop: &Hop, gate: &Semaphore) {
    let deletions = || sent(hop).iter().filter(|one| *one == "DELETE").count();
    for number in 0.. {
        stage
            .server
            .eventually("a deletion is held", async || deletions() > number)
            .await;
        let path = stage.path(Group::Stored, WORKSPACES, NAME);
        let patch = json!({ "metadata": { "labels": { "number": number.to_string() } } });
        let ask = Ask::new("PATCH", path).body("application/merge-patch+json", patch.to_string());
        stage.admin.send(ask).await.expect(200);
        gate.add_permits(1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowed_deletion_is_tried_claimed_and_made() {
    let stage = Stage::new("claimed").await;
    imported(&stage, NAME).await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    caller.send(delete(&stage, NAME)).await.expect(200);
    assert_eq!(sent(&hop), ["GET", "DELETE?", "PATCH", "DELETE"]);
    assert_ending(&read(&stage, NAME).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_or_a_precondition_refuses_is_never_claimed() {
    let stage = Stage::new("refused").await;
    let object = imported(&stage, NAME).await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    for preconditions in [
        json!({ "uid": "another" }),
        json!({ "resourceVersion": "1" }),
    ] {
        let options = json!({ "preconditions": preconditions });
        let ask = delete(&stage, NAME).json(&options);
        caller.send(ask).await.expect(409);
    }
    let tried = Ask::new(
        "DELETE",
        stage.path(Group::Stored, WORKSPACES, &format!("{NAME}?dryRun=All")),
    );
    let policy = Policy::new(&stage, &["DELETE"], "false", "nothing goes here", &tried).await;
    hop.forget();
    let refused = caller.send(delete(&stage, NAME)).await.expect(422).json();
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.starts_with(&format!(
            "coderworkspaces.aggregation.coder.com \"{NAME}\" is forbidden"
        )),
        "{message}"
    );
    assert!(message.ends_with("nothing goes here"), "{message}");
    assert_eq!(sent(&hop), ["GET", "DELETE?"]);
    let now = read(&stage, NAME).await;
    assert_eq!(now, object, "not even its version is another");
    policy.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_taken_back_where_the_deletion_is_refused_after_all() {
    let stage = Stage::new("after-all").await;
    imported(&stage, NAME).await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    // It sees the claim, which is there only after the trial.
    let mut claimed = workspace(Group::Stored, "acme.alice.claimed");
    claimed["spec"]["deletionPolicy"] = json!("Delete");
    stage.make(WORKSPACES, &claimed).await;
    let tried = Ask::new(
        "DELETE",
        stage.path(Group::Stored, WORKSPACES, "acme.alice.claimed?dryRun=All"),
    );
    let policy = Policy::new(
        &stage,
        &["DELETE"],
        "!has(oldObject.spec.deletionPolicy)",
        "twins stay",
        &tried,
    )
    .await;
    let refused = caller.send(delete(&stage, NAME)).await.expect(422).json();
    let message = refused["message"].as_str().unwrap();
    assert!(message.ends_with("twins stay"), "{message}");
    assert_eq!(
        sent(&hop),
        ["GET", "DELETE?", "PATCH", "DELETE", "GET", "PATCH"]
    );
    assert_unclaimed(&read(&stage, NAME).await);

    // What somebody else has made of it meanwhile stays.
    imported(&stage, "acme.alice.other").await;
    let path = stage.path(
        Group::Stored,
        WORKSPACES,
        "acme.alice.other?fieldManager=anna",
    );
    let mut declared = workspace(Group::Stored, "acme.alice.other");
    declared["spec"] = json!({ "templateName": "docker" });
    declared["metadata"]["finalizers"] = json!([FINALIZER]);
    let apply = Ask::new("PATCH", path).body("application/apply-patch+yaml", declared.to_string());
    stage.admin.send(apply).await.expect(200);
    caller
        .send(delete(&stage, "acme.alice.other"))
        .await
        .expect(422);
    let other = read(&stage, "acme.alice.other").await;
    assert!(!is_claimed(&other), "{other}");
    assert_eq!(other["metadata"]["finalizers"], json!([FINALIZER]));
    assert_eq!(other["spec"]["deletionPolicy"], json!(null));
    policy.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_of_an_earlier_try_is_not_forgotten() {
    let stage = Stage::new("tries").await;
    imported(&stage, NAME).await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    hop.rule(move |seen| {
        let is_held = seen.method == "DELETE" && !is_trial(&seen.body);
        is_held.then(|| Instead::Hold(Arc::clone(&held)))
    });
    let refused = tokio::select! {
        refused = caller.send(delete(&stage, NAME)) => refused.expect(503),
        () = be_faster(&stage, &hop, &gate) => unreachable!("it never ends"),
    };
    assert_eq!(refused.header("retry-after"), "1");
    let sent = sent(&hop);
    let count = |what: &str| sent.iter().filter(|one| *one == what).count();
    assert_eq!(count("PATCH"), 2, "claimed and taken back: {sent:?}");
    assert!(count("DELETE") > 1, "{sent:?}");
    // Each of them was for the object as it was read with the claim.
    for seen in hop.about_objects() {
        if seen.method == "DELETE" {
            let wanted = &seen.json()["preconditions"];
            assert!(wanted["resourceVersion"].is_string(), "{wanted}");
        }
    }
    assert_unclaimed(&read(&stage, NAME).await);

    // Who names a version is told.
    hop.heal();
    hop.rule(|seen| (seen.method == "DELETE" && !is_trial(&seen.body)).then(denied));
    let version = read(&stage, NAME).await["metadata"]["resourceVersion"].clone();
    let options = json!({ "preconditions": { "resourceVersion": version } });
    let ask = delete(&stage, NAME).json(&options);
    caller.send(ask).await.expect(409);
    assert_unclaimed(&read(&stage, NAME).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_that_nobody_has_caused_is_told_as_what_it_is() {
    let stage = Stage::new("denied").await;
    let before = imported(&stage, NAME).await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    let told = async || {
        hop.forget();
        let refused = caller.send(delete(&stage, NAME)).await.expect(409);
        assert_eq!(refused.json()["message"], DENIED);
        sent(&hop)
    };
    // By the trial already: nothing is claimed.
    hop.rule(|seen| (seen.method == "DELETE").then(denied));
    assert_eq!(told().await, ["GET", "DELETE?", "GET"]);
    assert_eq!(read(&stage, NAME).await, before);
    // By the claim.
    hop.heal();
    hop.rule(|seen| (seen.method == "PATCH").then(denied));
    assert_eq!(told().await, ["GET", "DELETE?", "PATCH", "GET"]);
    assert_eq!(read(&stage, NAME).await, before);
    // By the deletion itself, of which the trial was allowed.
    hop.heal();
    hop.rule(|seen| (seen.method == "DELETE" && !is_trial(&seen.body)).then(denied));
    let taken_back = ["GET", "PATCH"];
    let expected = [
        &["GET", "DELETE?", "PATCH", "DELETE", "GET"][..],
        &taken_back,
    ];
    assert_eq!(told().await, expected.concat());
    assert_unclaimed(&read(&stage, NAME).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_stays_where_nobody_knows_whether_the_deletion_came() {
    let stage = Stage::new("unknown").await;
    imported(&stage, NAME).await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    hop.rule(|seen| (seen.method == "DELETE" && !is_trial(&seen.body)).then_some(Instead::Drop));
    caller.send(delete(&stage, NAME)).await.expect(504);
    let object = read(&stage, NAME).await;
    assert!(is_claimed(&object), "{object}");
    // And who asks again deletes it with its twin.
    hop.heal();
    caller.send(delete(&stage, NAME)).await.expect(200);
    assert_ending(&read(&stage, NAME).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_goes_on_when_its_caller_leaves() {
    let stage = Stage::new("leaves").await;
    imported(&stage, NAME).await;
    let (server, hop) = Server::watched(stage.bed).await;
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    hop.rule(move |seen| (seen.method == "PATCH").then(|| Instead::Hold(Arc::clone(&held))));
    let caller = server
        .proxy_for("x", &["system:masters"])
        .with_protocol(Protocol::Http1);
    let claiming = server.eventually("the claim is on its way", async || {
        sent(&hop).contains(&"PATCH".to_owned())
    });
    tokio::select! {
        reply = caller.send(delete(&stage, NAME)) => panic!("answered: {}", reply.text()),
        () = claiming => {}
    }
    drop(caller);
    server
        .eventually("the server has noticed", async || {
            server.measured("coder_k8s_apiserver_connections").await == "0"
        })
        .await;
    gate.add_permits(1);
    server
        .eventually("its deletion has come", async || {
            read(&stage, NAME).await["metadata"]["deletionTimestamp"].is_string()
        })
        .await;
    assert_ending(&read(&stage, NAME).await);
}
