//! Deleting the CRDs takes nothing away in coderd. It removes the objects of all tests, so this test
//! has a bed of its own.

use serde_json::json;
use testbed::{Access, Bed, Options};

use crate::e2e::{
    coder::id,
    object::{is_free, is_ready},
    scene::{Scene, Workspace},
    template::small_source,
    workspace,
};

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_crds_releases_every_object_and_leaves_coderd_untouched() {
    // As with the shared bed, its guard removes it when the process ends.
    let bed: &'static Access = Box::leak(Box::new(Bed::start(Options::default()).await.unwrap()));
    let mut scene = Scene::on(bed, "crds", &["--import=none"]).await;
    let template = scene.ready_template(&small_source("")).await;
    let spec = json!({ "deletionPolicy": "Delete" });
    let Workspace {
        name, cws, twin, ..
    } = scene.ready_workspace(&template.name, &spec).await;
    for object in [&cws, &template.ctpl] {
        assert!(
            !is_free(&scene.object(object).await.unwrap()),
            "Delete is in effect"
        );
    }
    scene.proxy.forget();

    let crds = crate::root().join("crds").display().to_string();
    scene
        .kubectl(&["delete", "-f", &crds, "--timeout=60s"])
        .await;
    scene.sweeps(3).await;
    assert_eq!(scene.workspace_status(id(&twin)).await, 200);
    assert_eq!(scene.template_status(id(&template.twin)).await, 200);
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 1);
    scene.wrote_nothing();

    // Where one kind is installed again, it works without the other, and the same manifest adopts what
    // is there.
    install(&scene, "coderworkspaces").await;
    scene.kill_controller().await;
    scene.start_controller().await;
    scene
        .apply(&workspace::manifest(
            &scene.workspace_object(&name),
            &template.name,
            &json!({}),
        ))
        .await;
    let seen = scene.until(&cws, "adopted", is_ready).await;
    assert_eq!(seen["status"]["id"], twin["id"]);
    assert_eq!(seen["status"]["binding"]["origin"], "coderd");

    // The other one is found when it comes.
    install(&scene, "codertemplates").await;
    scene.apply(&template.applied).await;
    let seen = scene.until(&template.ctpl, "adopted", is_ready).await;
    assert_eq!(seen["status"]["id"], template.twin["id"]);
}

async fn install(scene: &Scene, plural: &str) {
    let file = format!("crds/coder.com_{plural}.yaml");
    let file = crate::root().join(file).display().to_string();
    scene
        .kubectl(&["apply", "--server-side", "-f", &file])
        .await;
    scene
        .kubectl(&["wait", "--for=condition=Established", "-f", &file])
        .await;
}
