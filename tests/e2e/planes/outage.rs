//! Two Coders in two namespaces: what becomes of one does not hold up the other.

use serde_json::json;
use testbed::{
    Bed, Proxy,
    proxy::{Matcher, Stage},
};

use super::{access, discovering, is_unknown};
use crate::e2e::{
    object::is_ready,
    scene::Scene,
    template::{manifest, small_source},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_coder_that_hangs_holds_up_no_other() {
    let quiet = Scene::idle(Bed::shared().unwrap(), "hung", &[]).await;
    let scene = discovering("lively", &[&quiet], "--import=none").await;
    let other = scene.bed.start_coder("planes_outage").await.unwrap();
    let proxy = Proxy::start(other.url()).unwrap();
    scene
        .control_plane("coder", &scene.proxy, scene.bed.controller_token())
        .await;
    quiet
        .control_plane("coder", &proxy, other.controller_token())
        .await;
    let lively = scene.ready_template(&small_source("")).await;
    // Each worker of the other one gets something to hang on.
    let names: Vec<_> = (0..12)
        .map(|number| format!("{}.t{number}", other.organization()))
        .collect();
    for name in &names {
        quiet.apply(&manifest(name, &small_source(""))).await;
    }
    for name in &names {
        quiet
            .until(&format!("ctpl/{name}"), "ready", is_ready)
            .await;
    }
    let hold = proxy.hold(Matcher::new("*", "").unwrap(), Stage::BeforeForwarding);
    proxy.forget();
    for name in &names {
        let ctpl = format!("ctpl/{name}");
        quiet.patch(&ctpl, json!({ "displayName": "Held" })).await;
    }
    hold.held(crate::e2e::scene::PATIENCE).await.unwrap();
    for number in 0..5 {
        let display = format!("Lively {number}");
        scene
            .patch(&lively.ctpl, json!({ "displayName": display }))
            .await;
        scene
            .eventually("the other one goes on", async || {
                scene.template(&lively.name).await["display_name"] == display
            })
            .await;
    }
    assert_eq!(proxy.mutations(), [], "it was held all the time");
    drop(hold);
    for name in &names {
        quiet
            .until(&format!("ctpl/{name}"), "in step again", |seen| {
                is_ready(seen) && seen["spec"]["displayName"] == "Held"
            })
            .await;
    }

    // It moves to another address, and nothing is made anew.
    let moved = Proxy::start(other.url()).unwrap();
    quiet.report("coder", &access("coder", &moved.url())).await;
    let ctpl = format!("ctpl/{}", names[0]);
    quiet.patch(&ctpl, json!({ "displayName": "Moved" })).await;
    quiet
        .eventually("it is reached at the new address", async || {
            moved.mutations().len() == 1
        })
        .await;

    // Disabled, it is left alone.
    let off = json!({ "operatorAccess": { "disabled": true } });
    quiet.patch("ccp/coder", off).await;
    quiet
        .until(&ctpl, "left alone", |seen| {
            is_unknown(seen, "ControlPlaneNotReady")
        })
        .await;
    let own = scene.object(&lively.ctpl).await.unwrap();
    assert!(is_ready(&own));
}
