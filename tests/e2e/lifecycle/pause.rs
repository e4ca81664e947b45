//! The annotation `coder.com/paused`.

use serde_json::json;

use crate::e2e::{
    coder::id,
    object::{condition, is_ready, reason},
    scene::{Scene, Workspace},
    template::small_source,
    workspace,
};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_to_coderd_while_an_object_is_paused() {
    let scene = Scene::new("pause").await;
    let template = scene.ready_template(&small_source("")).await.name;
    let spec = json!({ "running": true, "ttlMillis": 3_600_000 });
    let Workspace {
        name,
        cws,
        mut applied,
        twin,
    } = scene.ready_workspace(&template, &spec).await;

    scene.annotate(&cws, "coder.com/paused=true").await;
    scene
        .until(&cws, "paused", |seen| reason(seen, "Synced") == "Paused")
        .await;
    scene.proxy.forget();
    let ttl = format!("/workspaces/{}/ttl", id(&twin));
    scene
        .person
        .ask("PUT", &ttl, Some(json!({ "ttl_ms": 600_000 })))
        .await;
    applied["spec"]["running"] = json!(false);
    scene.apply(&applied).await;
    let seen = scene
        .until(&cws, "the new generation is paused too", |seen| {
            seen["status"]["conditions"]
                .as_array()
                .unwrap()
                .iter()
                .all(|one| one["observedGeneration"] == seen["metadata"]["generation"])
        })
        .await;
    assert_eq!(condition(&seen, "Ready"), "Unknown");
    scene.sweeps(3).await;
    scene.wrote_nothing();

    // Un-pausing catches up on both.
    scene.annotate(&cws, "coder.com/paused-").await;
    scene.until(&cws, "ready", is_ready).await;
    let now = scene.workspace(&name).await;
    assert_eq!(now["ttl_ms"], 3_600_000);
    assert_eq!(now["latest_build"]["status"], "stopped");
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 2);

    // Deleting waits while paused, unless nothing has to be done in coderd.
    scene.annotate(&cws, "coder.com/paused=true").await;
    scene
        .until(&cws, "paused", |seen| reason(seen, "Synced") == "Paused")
        .await;
    scene.proxy.forget();
    scene.delete(&cws).await;
    scene.sweeps(3).await;
    assert!(
        scene.object(&cws).await.is_some(),
        "Delete is in effect, and nothing is deleted"
    );
    scene
        .patch(&cws, json!({ "deletionPolicy": "Retain" }))
        .await;
    scene.until_gone(&cws).await;
    scene.wrote_nothing();
    assert_eq!(scene.workspace_status(id(&twin)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_object_makes_nothing_and_catches_up_when_it_goes_on() {
    let scene = Scene::new("pausenew").await;
    let template = scene.ready_template(&small_source("")).await.name;
    let name = scene.name("w");
    let object = scene.workspace_object(&name);
    let cws = format!("cws/{object}");
    let mut applied = workspace::manifest(&object, &template, &json!({}));
    applied["metadata"]["annotations"] = json!({ "coder.com/paused": "true" });
    scene.apply(&applied).await;
    scene
        .until(&cws, "paused", |seen| reason(seen, "Synced") == "Paused")
        .await;
    scene.sweeps(2).await;
    assert!(scene.find_workspace(&name).await.is_none());
    scene.annotate(&cws, "coder.com/paused-").await;
    scene.until(&cws, "ready", is_ready).await;
    let twin = scene.workspace(&name).await;

    // Deleting with Delete goes on too.
    scene.annotate(&cws, "coder.com/paused=true").await;
    scene.delete(&cws).await;
    scene
        .until(&cws, "paused", |seen| reason(seen, "Synced") == "Paused")
        .await;
    scene.annotate(&cws, "coder.com/paused-").await;
    scene.until_gone(&cws).await;
    assert_eq!(scene.workspace_status(id(&twin)).await, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_was_made_during_a_pause_counts_as_an_edit_afterwards() {
    let scene = Scene::new("pausefix").await;
    let source = "resource \"terraform_data\" \"machine\" {\n  provisioner \"local-exec\" {\n    \
                  command = \"exit 3\"\n  }\n}\n";
    let template = scene.ready_template(source).await.name;
    let name = scene.name("w");
    let object = scene.workspace_object(&name);
    let cws = format!("cws/{object}");
    let mut applied = workspace::manifest(&object, &template, &json!({ "running": true }));
    scene.apply(&applied).await;
    scene
        .until(&cws, "failed", |seen| {
            reason(seen, "Stalled") == "BuildFailed"
        })
        .await;
    scene.annotate(&cws, "coder.com/paused=true").await;
    scene
        .until(&cws, "paused", |seen| reason(seen, "Synced") == "Paused")
        .await;
    applied["spec"]["ttlMillis"] = json!(3_600_000);
    scene.apply(&applied).await;
    scene.sweeps(2).await;
    scene.annotate(&cws, "coder.com/paused-").await;
    scene
        .until(&cws, "the new spec is tried", |seen| {
            seen["status"]["latestBuildNumber"] == 2 && reason(seen, "Stalled") == "BuildFailed"
        })
        .await;
    let events = scene.events(&cws).await;
    assert!(
        !events
            .iter()
            .any(|event| event.starts_with("DriftCorrected")),
        "{events:?}"
    );
}
