//! Deleting the CRDs takes nothing away in coderd. It removes the objects of all tests, so this test
//! has a bed of its own.

use serde_json::json;
use testbed::{Access, Bed, Options};

use super::{is_free, template_status, workspace_status};
use crate::e2e::{
    coder::id,
    scene::{Scene, is_ready},
    template::small_source,
    workspace,
};

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_crds_releases_every_object_and_leaves_coderd_untouched() {
    // As with the shared bed, its guard removes it when the process ends.
    let bed: &'static Access = Box::leak(Box::new(Bed::start(Options::default()).await.unwrap()));
    let scene = Scene::on(bed, "crds", &["--import=none"]).await;
    let template = workspace::a_template(&scene, &small_source("")).await;
    let row = scene
        .person
        .template(bed.organization(), &template)
        .await
        .unwrap();
    let name = scene.name("w");
    let object = scene.workspace_object(&name);
    let cws = format!("cws/{object}");
    let ctpl = format!("ctpl/{}", scene.template_object(&template));
    let spec = json!({ "deletionPolicy": "Delete" });
    scene
        .apply(&workspace::manifest(&object, &template, &spec))
        .await;
    scene.wait(&cws, "Ready").await;
    let twin = scene.person.workspace(bed.owner(), &name).await.unwrap();
    for object in [&cws, &ctpl] {
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
    assert_eq!(workspace_status(&scene, id(&twin)).await, 200);
    assert_eq!(template_status(&scene, id(&row)).await, 200);
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 1);
    assert!(
        scene.proxy.mutations().is_empty(),
        "{:?}",
        scene.proxy.mutations()
    );

    // Installed again, the same manifests adopt what is there.
    scene
        .kubectl(&["apply", "--server-side", "-f", &crds])
        .await;
    scene
        .kubectl(&["wait", "--for=condition=Established", "-f", &crds])
        .await;
    scene
        .apply(&workspace::manifest(&object, &template, &json!({})))
        .await;
    let seen = scene.until(&cws, "adopted", is_ready).await;
    assert_eq!(seen["status"]["id"], twin["id"]);
    assert_eq!(seen["status"]["binding"]["origin"], "coderd");
}
