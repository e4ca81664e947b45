//! Deleting the CRDs takes nothing away in coderd. It removes the objects of all tests, so this test
//! has a bed of its own.

use serde_json::json;
use testbed::{Access, Bed, Options};

use crate::e2e::{
    coder::id,
    object::{is_free, is_ready},
    scene::{Scene, Template, Workspace},
    template::small_source,
    workspace,
};

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_crds_releases_every_object_and_leaves_coderd_untouched() {
    let mut scene = on_its_own_bed("crds").await;
    let (template, workspace) = held(&scene).await;
    remove_the_crds(&scene, &template, &workspace).await;
    let Workspace {
        name, cws, twin, ..
    } = workspace;

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

/// Who may not read CRDs, as where only Roles are given, is told by what the API server serves.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_read_crds_objects_are_deleted_and_released_all_the_same() {
    let mut scene = on_its_own_bed("roles").await;
    scene.may_be_refused = true;
    let binding = format!("coder-k8s-{}", scene.namespace);
    scene
        .kubectl(&["delete", "clusterrolebinding", &binding])
        .await;
    scene.kill_controller().await;
    scene.start_controller().await;
    let (template, workspace) = held(&scene).await;
    scene
        .kubectl(&["delete", &workspace.cws, "--timeout=60s"])
        .await;
    assert_eq!(scene.workspace_status(id(&workspace.twin)).await, 410);
    let spec = json!({ "deletionPolicy": "Delete" });
    let workspace = scene.ready_workspace(&template.name, &spec).await;
    remove_the_crds(&scene, &template, &workspace).await;
}

async fn on_its_own_bed(test: &str) -> Scene {
    // As with the shared bed, its guard removes it when the process ends.
    let bed: &'static Access = Box::leak(Box::new(Bed::start(Options::default()).await.unwrap()));
    Scene::on(bed, test, &["--import=none"]).await
}

/// A template and a workspace whose deletion deletes in Coder.
async fn held(scene: &Scene) -> (Template, Workspace) {
    let template = scene.ready_template(&small_source("")).await;
    let spec = json!({ "deletionPolicy": "Delete" });
    let workspace = scene.ready_workspace(&template.name, &spec).await;
    for object in [&workspace.cws, &template.ctpl] {
        assert!(
            !is_free(&scene.object(object).await.unwrap()),
            "Delete is in effect"
        );
    }
    (template, workspace)
}

/// Deletes the CRDs: nothing happens in Coder.
async fn remove_the_crds(scene: &Scene, template: &Template, workspace: &Workspace) {
    scene.proxy.forget();
    let builds = scene.person.builds(id(&workspace.twin)).await.len();
    let crds = crate::root().join("crds").display().to_string();
    scene
        .kubectl(&["delete", "-f", &crds, "--timeout=60s"])
        .await;
    scene.sweeps(3).await;
    assert_eq!(scene.workspace_status(id(&workspace.twin)).await, 200);
    assert_eq!(scene.template_status(id(&template.twin)).await, 200);
    assert_eq!(scene.person.builds(id(&workspace.twin)).await.len(), builds);
    scene.wrote_nothing();
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
