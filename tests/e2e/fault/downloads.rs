//! An archive may take minutes to come: who waits for one holds up nobody else.

use serde_json::json;
use testbed::proxy::Stage;

use super::{in_sync, requests};
use crate::e2e::{
    scene::{PATIENCE, Scene},
    template::{manifest, small_source},
};

#[tokio::test(flavor = "multi_thread")]
async fn slow_downloads_hold_up_nobody_else() {
    let flags = ["--import=none", "--workers=2"];
    let scene = Scene::with_flags("downloads", &flags).await;
    let template = scene.ready_template(&small_source("")).await;
    let hold = scene
        .proxy
        .hold(requests("GET", "/files/"), Stage::BeforeReply);
    // More than there are workers: what is there has to be read before another version is built.
    let mut adopted = Vec::new();
    for part in ["a", "b", "c"] {
        let (name, _) = scene.foreign_template(part).await;
        let object = scene.template_object(&name);
        scene.apply(&manifest(&object, &small_source("ours"))).await;
        adopted.push(format!("ctpl/{object}"));
    }
    hold.held(PATIENCE).await.unwrap();

    let spec = json!({ "running": true });
    let workspace = scene.ready_workspace(&template.name, &spec).await;
    scene.until(&workspace.cws, "in sync", in_sync).await;
    assert!(!hold.all_held().is_empty(), "an archive is still awaited");

    drop(hold);
    for ctpl in adopted {
        scene.wait(&ctpl, "Ready").await;
    }
}
