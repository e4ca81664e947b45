//! The annotation `coder.com/paused`.

use serde_json::json;

use super::{delete, patch, workspace_status};
use crate::e2e::{
    coder::id,
    scene::{Scene, condition, is_ready, reason},
    template::small_source,
    workspace,
};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_to_coderd_while_an_object_is_paused() {
    let scene = Scene::new("pause").await;
    let template = workspace::a_template(&scene, &small_source("")).await;
    let name = scene.name("w");
    let object = scene.workspace_object(&name);
    let cws = format!("cws/{object}");
    let spec = json!({ "running": true, "ttlMillis": 3_600_000 });
    let mut applied = workspace::manifest(&object, &template, &spec);
    scene.apply(&applied).await;
    scene.wait(&cws, "Ready").await;
    let twin = scene
        .person
        .workspace(scene.bed.owner(), &name)
        .await
        .unwrap();

    scene
        .kubectl(&["annotate", &cws, "coder.com/paused=true"])
        .await;
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
    assert!(
        scene.proxy.mutations().is_empty(),
        "{:?}",
        scene.proxy.mutations()
    );

    // Un-pausing catches up on both.
    scene
        .kubectl(&["annotate", &cws, "coder.com/paused-"])
        .await;
    scene.until(&cws, "ready", is_ready).await;
    let now = scene
        .person
        .workspace(scene.bed.owner(), &name)
        .await
        .unwrap();
    assert_eq!(now["ttl_ms"], 3_600_000);
    assert_eq!(now["latest_build"]["status"], "stopped");
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 2);

    // Deleting waits while paused, unless nothing has to be done in coderd.
    scene
        .kubectl(&["annotate", &cws, "coder.com/paused=true"])
        .await;
    scene
        .until(&cws, "paused", |seen| reason(seen, "Synced") == "Paused")
        .await;
    scene.proxy.forget();
    delete(&scene, &cws).await;
    scene.sweeps(3).await;
    assert!(
        scene.object(&cws).await.is_some(),
        "Delete is in effect, and nothing is deleted"
    );
    patch(&scene, &cws, json!({ "deletionPolicy": "Retain" })).await;
    scene.until_gone(&cws).await;
    assert!(
        scene.proxy.mutations().is_empty(),
        "{:?}",
        scene.proxy.mutations()
    );
    assert_eq!(workspace_status(&scene, id(&twin)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_object_makes_nothing_and_catches_up_when_it_goes_on() {
    let scene = Scene::new("pausenew").await;
    let template = workspace::a_template(&scene, &small_source("")).await;
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
    assert!(
        scene
            .person
            .workspace(scene.bed.owner(), &name)
            .await
            .is_none()
    );
    scene
        .kubectl(&["annotate", &cws, "coder.com/paused-"])
        .await;
    scene.until(&cws, "ready", is_ready).await;
    let twin = scene
        .person
        .workspace(scene.bed.owner(), &name)
        .await
        .unwrap();

    // Deleting with Delete goes on too.
    scene
        .kubectl(&["annotate", &cws, "coder.com/paused=true"])
        .await;
    delete(&scene, &cws).await;
    scene
        .until(&cws, "paused", |seen| reason(seen, "Synced") == "Paused")
        .await;
    scene
        .kubectl(&["annotate", &cws, "coder.com/paused-"])
        .await;
    scene.until_gone(&cws).await;
    assert_eq!(workspace_status(&scene, id(&twin)).await, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_was_made_during_a_pause_counts_as_an_edit_afterwards() {
    let scene = Scene::new("pausefix").await;
    let source = "resource \"terraform_data\" \"machine\" {\n  provisioner \"local-exec\" {\n    \
                  command = \"exit 3\"\n  }\n}\n";
    let template = workspace::a_template(&scene, source).await;
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
    scene
        .kubectl(&["annotate", &cws, "coder.com/paused=true"])
        .await;
    scene
        .until(&cws, "paused", |seen| reason(seen, "Synced") == "Paused")
        .await;
    applied["spec"]["ttlMillis"] = json!(3_600_000);
    scene.apply(&applied).await;
    scene.sweeps(2).await;
    scene
        .kubectl(&["annotate", &cws, "coder.com/paused-"])
        .await;
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
