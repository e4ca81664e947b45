//! A program that is newer than its CRDs. The CRDs are everybody's, so this test has a bed of its own.

use coder_k8s::api::crd;
use serde_json::json;
use testbed::{Access, Bed, Options};

use crate::e2e::{
    object::{is_ready, version},
    scene::{Scene, install_crds},
    template::{manifest, small_source},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_older_crd_is_named_once_and_nothing_is_done_until_it_is_replaced() {
    let bed: &'static Access = Box::leak(Box::new(Bed::start(Options::default()).await.unwrap()));
    let mut scene = Scene::idle(bed, "older", &["--import=none"]).await;
    // What the controller writes into every status of a bound object.
    let mut older = serde_json::to_value(&crd::synced()[0]).unwrap();
    let root = &mut older["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let status = root["properties"]["status"]["properties"].as_object_mut();
    status.unwrap().remove("binding").unwrap();
    scene.apply(&older).await;
    let name = scene.name("t");
    let object = scene.template_object(&name);
    let ctpl = format!("ctpl/{object}");
    scene.apply(&manifest(&object, &small_source(""))).await;
    let before = scene.object(&ctpl).await.unwrap();

    scene.launch_controller().await;
    let says = "the CRD codertemplates.coder.com is older than this program: it lacks \
                status.binding. Until it is replaced, nothing is done about its objects: \
                coder-k8s crds | kubectl apply --server-side -f -";
    scene
        .eventually("it says what it lacks", async || {
            let (status, text) = scene.probe("/readyz").await;
            status == 503 && text.contains(says)
        })
        .await;
    scene.sweeps(3).await;
    let seen = scene.object(&ctpl).await.unwrap();
    assert_eq!(version(&seen), version(&before), "{seen}");
    scene.wrote_nothing();
    let log = scene.log();
    assert_eq!(log.matches(says).count(), 1);
    assert!(!log.contains("field not declared in schema"));
    assert_eq!(scene.probe("/readyz").await.0, 503);

    // As the message says. Nobody restarts anything.
    install_crds(bed).await;
    scene
        .eventually("ready", async || scene.probe("/readyz").await.0 == 200)
        .await;
    scene.until(&ctpl, "ready", is_ready).await;

    // It can become older again, and the other kind goes on.
    scene.apply(&older).await;
    scene
        .eventually("it lacks something again", async || {
            scene.probe("/readyz").await.0 == 503
        })
        .await;
    let cws = scene.workspace_object(&scene.name("w"));
    let workspace = crate::e2e::workspace::manifest(&cws, &name, &json!({}));
    scene.apply(&workspace).await;
    scene.until(&format!("cws/{cws}"), "ready", is_ready).await;
}
