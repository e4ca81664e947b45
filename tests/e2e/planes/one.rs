//! One Coder: found, used, and gone.

use serde_json::json;

use super::{access, discovering, is_unknown};
use crate::e2e::{
    coder::id,
    object::{is_ready, message},
    template::{manifest, small_source},
    workspace,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_coder_is_waited_for_found_and_given_up_with_its_control_plane() {
    let scene = discovering("found", &[], "--import=none").await;
    let name = scene.name("t");
    let object = scene.template_object(&name);
    let ctpl = format!("ctpl/{object}");
    scene.apply(&manifest(&object, &small_source(""))).await;
    let seen = scene
        .until(&ctpl, "without a control plane", |seen| {
            is_unknown(seen, "NoControlPlane")
        })
        .await;
    assert!(message(&seen, "Synced").contains(&scene.namespace));

    scene.announce("coder").await;
    scene
        .until(&ctpl, "waiting for access", |seen| {
            is_unknown(seen, "ControlPlaneNotReady")
        })
        .await;
    scene
        .keep_token("coder", scene.bed.controller_token())
        .await;
    scene
        .report("coder", &access("coder", &scene.proxy.url()))
        .await;
    let seen = scene.until(&ctpl, "synchronised", is_ready).await;
    assert_eq!(seen["status"]["controlPlane"], "coder");
    let events = scene.list("events.k8s.io/v1", "events").await;
    let created = events.iter().find(|event| event["reason"] == "Created");
    assert_eq!(created.unwrap()["related"]["kind"], "CoderControlPlane");
    assert_eq!(created.unwrap()["related"]["name"], "coder");
    let sample = format!(
        "namespace=\"{}\",control_plane=\"coder\",result=\"ok\"",
        scene.namespace
    );
    assert!(scene.scrape().await.contains(&sample));

    // While its access is renewed, it goes on.
    scene
        .report("coder", &json!({ "operatorAccessReady": false }))
        .await;
    scene.patch(&ctpl, json!({ "displayName": "Go" })).await;
    scene
        .eventually("the change arrives", async || {
            scene.template(&name).await["display_name"] == "Go"
        })
        .await;

    let spec = json!({ "deletionPolicy": "Delete" });
    let workspace = scene.ready_workspace(&name, &spec).await;
    scene.kubectl(&["delete", "ccp", "coder"]).await;
    scene
        .until(&ctpl, "its control plane is gone", |seen| {
            is_unknown(seen, "ControlPlaneGone")
        })
        .await;
    scene.proxy.forget();
    scene
        .kubectl(&["delete", &workspace.cws, "--timeout=60s"])
        .await;
    scene
        .event(&workspace.cws, "it is let go", |event| {
            event.contains("control plane coder is gone") && event.contains("1 more objects")
        })
        .await;
    assert_eq!(scene.workspace_status(id(&workspace.twin)).await, 200);
    scene.wrote_nothing();

    // Under another name it is the same deployment: what is bound finds it.
    scene
        .control_plane("renamed", &scene.proxy, scene.bed.controller_token())
        .await;
    let seen = scene
        .until(&ctpl, "found again", |seen| {
            is_ready(seen) && seen["status"]["controlPlane"] == "renamed"
        })
        .await;
    assert_eq!(seen["status"]["id"], scene.template(&name).await["id"]);
    let applied = workspace::manifest(&scene.workspace_object(&workspace.name), &name, &json!({}));
    scene.apply(&applied).await;
    let seen = scene.until(&workspace.cws, "adopted", is_ready).await;
    assert_eq!(seen["status"]["id"], workspace.twin["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_followed_and_a_missing_one_is_said() {
    let scene = discovering("token", &[], "--import=none").await;
    scene.announce("coder").await;
    scene
        .report("coder", &access("coder", &scene.proxy.url()))
        .await;
    let name = scene.name("t");
    let object = scene.template_object(&name);
    let ctpl = format!("ctpl/{object}");
    scene.apply(&manifest(&object, &small_source(""))).await;
    let seen = scene
        .until(&ctpl, "without a token", |seen| {
            is_unknown(seen, "ControlPlaneNotReady")
        })
        .await;
    let said = message(&seen, "Synced");
    assert!(said.contains("there is no Secret"), "{said}");
    scene
        .keep_token("coder", scene.bed.controller_token())
        .await;
    scene.until(&ctpl, "synchronised", is_ready).await;

    scene.keep_token("coder", "wrong").await;
    scene
        .until(&ctpl, "with a token that is refused", |seen| {
            is_unknown(seen, "Unauthorized")
        })
        .await;
    scene
        .keep_token("coder", scene.bed.controller_token())
        .await;
    scene
        .until(&ctpl, "synchronised again", |seen| {
            is_ready(seen) && !is_unknown(seen, "Unauthorized")
        })
        .await;
    let log = scene.log();
    assert!(!log.contains(scene.bed.controller_token()));
}
