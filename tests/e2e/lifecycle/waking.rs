//! What waits for something is woken by it.

use serde_json::json;

use crate::e2e::{
    coder::id,
    object::reason,
    scene::Scene,
    template::{small_source, tar},
    workspace,
};

/// The next sweep sees the template. By itself the workspace would be looked at again after 15 s, which
/// is many sweeps unless coderd is slow.
const SWEEPS: u64 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_is_created_as_soon_as_a_sweep_has_seen_its_template() {
    let scene = Scene::new("wake").await;
    let organization = scene.bed.organization();
    let files = tar(&[("main.tf", &small_source(""))]);
    let version = scene.person.make_version(organization, None, files).await;
    let (template, name) = (scene.name("t"), scene.name("w"));
    let object = scene.workspace_object(&name);
    let cws = format!("cws/{object}");
    scene
        .apply(&workspace::manifest(&object, &template, &json!({})))
        .await;
    scene
        .until(&cws, "waits", |seen| {
            reason(seen, "Reconciling") == "WaitingForTemplate"
        })
        .await;

    let sweeps = || scene.proxy.count("GET", "/workspaces$").unwrap();
    let path = format!("/organizations/{organization}/templates");
    let body = json!({ "name": template, "template_version_id": id(&version) });
    // No sweep is under way then that has read the templates already.
    scene.sweeps(1).await;
    let start = sweeps();
    scene.person.ask("POST", &path, Some(body)).await;
    scene
        .eventually("it is created, or too late", async || {
            let created = scene.proxy.count("POST", "/workspaces$").unwrap() > 0;
            created || sweeps() > start + SWEEPS
        })
        .await;
    assert_eq!(
        scene.proxy.count("POST", "/workspaces$").unwrap(),
        1,
        "{SWEEPS} sweeps have seen the template\n{}",
        scene.log_tail()
    );
    scene.wait(&cws, "Ready").await;
}
