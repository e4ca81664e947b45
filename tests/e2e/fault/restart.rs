//! A controller that ends and begins, or that does not see coderd for a moment, changes nothing.

use serde_json::{Value, json};
use testbed::proxy::{Answer, Fault};

use super::{in_sync, requests};
use crate::e2e::{
    object::reason, rest::versions, scene::Scene, template::small_source, workspace::manifest,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_and_a_short_outage_change_no_status() {
    // With more patience than the failures below take.
    let flags = ["--import=none", "--sweep-interval=5s"];
    let mut scene = Scene::with_flags("restart", &flags).await;
    let template = scene.ready_template(&small_source("")).await;
    let spec = json!({ "running": true, "ttlMillis": 3_600_000 });
    let workspace = scene.ready_workspace(&template.name, &spec).await;
    let bare = scene.workspace_object(&scene.name("b"));
    let waiting = scene.workspace_object(&scene.name("n"));
    scene
        .apply(&manifest(&bare, &template.name, &json!({})))
        .await;
    scene
        .apply(&manifest(&waiting, "nowhere", &json!({})))
        .await;
    for object in [&template.ctpl, &workspace.cws, &format!("cws/{bare}")] {
        scene.until(object, "in sync", in_sync).await;
    }
    let waits = |seen: &Value| reason(seen, "Reconciling") == "WaitingForTemplate";
    scene
        .until(&format!("cws/{waiting}"), "waiting", waits)
        .await;
    scene
        .eventually("a time without writes", async || {
            let before = versions(&scene).await;
            scene.sweeps(2).await;
            versions(&scene).await == before
        })
        .await;
    let before = versions(&scene).await;

    scene.kill_controller().await;
    scene.start_controller().await;
    scene.sweeps(2).await;
    assert_eq!(versions(&scene).await, before, "a restart was written down");

    // coderd is out of sight when it starts, and once more later.
    for restarts in [true, false] {
        let answer = Answer::internal_error("dial tcp: connection refused");
        let rule = scene
            .proxy
            .install(requests("*", ""), Fault::Answer(answer));
        if restarts {
            scene.kill_controller().await;
            scene.launch_controller().await;
        }
        let failed = || scene.log().matches("a sweep of coderd failed").count();
        let known = failed();
        scene
            .eventually("two sweeps fail", async || failed() >= known + 2)
            .await;
        scene.proxy.remove(rule);
        scene.sweeps(2).await;
        assert_eq!(versions(&scene).await, before, "a moment was written down");
    }
}
