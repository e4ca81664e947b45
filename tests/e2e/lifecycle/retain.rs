//! Deleting without `Delete`, or without a twin: the object goes at once, also while coderd is down.

use serde_json::json;
use testbed::proxy::{Fault, Matcher};

use crate::e2e::{
    coder::id,
    object::{condition, is_free, is_ready, reason},
    scene::Scene,
    template::{self, small_source},
    workspace,
};

/// No request reaches coderd.
fn cut(scene: &Scene) {
    scene
        .proxy
        .install(Matcher::new("*", ".").unwrap(), Fault::DropBefore);
}

#[tokio::test(flavor = "multi_thread")]
async fn retain_releases_at_once_also_while_coderd_is_down() {
    let scene = Scene::new("retain").await;
    let template = scene.ready_template(&small_source("")).await;
    let names = [scene.name("a"), scene.name("b")];
    let mut twins = Vec::new();
    for name in &names {
        let object = scene.workspace_object(name);
        scene
            .apply(&workspace::manifest(&object, &template.name, &json!({})))
            .await;
        scene.wait(&format!("cws/{object}"), "Ready").await;
        twins.push(scene.workspace(name).await);
    }
    let [first, second] = names.map(|name| format!("cws/{}", scene.workspace_object(&name)));
    scene
        .patch(&first, json!({ "deletionPolicy": "Retain" }))
        .await;
    scene
        .until(&first, "free", |seen| is_free(seen) && is_ready(seen))
        .await;

    cut(&scene);
    scene
        .until(&first, "not known", |seen| {
            condition(seen, "Synced") == "Unknown"
        })
        .await;
    scene.kubectl(&["delete", &first, "--timeout=10s"]).await;

    // Delete waits for coderd, whatever it takes; Retain lets go even then.
    scene.delete(&second).await;
    scene.delete(&template.ctpl).await;
    let seen = scene
        .until(&second, "waits", |seen| {
            reason(seen, "Reconciling") == "CoderdUnavailable"
        })
        .await;
    assert!(!is_free(&seen));
    for object in [&second, &template.ctpl] {
        scene
            .patch(object, json!({ "deletionPolicy": "Retain" }))
            .await;
        scene.until_gone(object).await;
    }

    scene.proxy.remove_all();
    scene.sweeps(2).await;
    for twin in &twins {
        assert_eq!(scene.workspace_status(id(twin)).await, 200);
        assert_eq!(scene.person.builds(id(twin)).await.len(), 1);
    }
    assert_eq!(scene.template_status(id(&template.twin)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_bound_is_released_at_once() {
    let scene = Scene::new("unbound").await;
    let object = scene.workspace_object(&scene.name("w"));
    let cws = format!("cws/{object}");
    let spec = json!({ "deletionPolicy": "Delete" });
    scene
        .apply(&workspace::manifest(&object, "no-such-template", &spec))
        .await;
    scene
        .until(&cws, "waits", |seen| {
            reason(seen, "Reconciling") == "WaitingForTemplate"
        })
        .await;
    scene.kubectl(&["delete", &cws, "--timeout=10s"]).await;

    // While coderd is down nothing can be bound.
    cut(&scene);
    let name = scene.name("t");
    let ctpl = format!("ctpl/{}", scene.template_object(&name));
    scene
        .apply(&template::manifest(
            &scene.template_object(&name),
            &small_source(""),
        ))
        .await;
    scene
        .until(&ctpl, "not known", |seen| {
            condition(seen, "Synced") == "Unknown"
        })
        .await;
    scene.kubectl(&["delete", &ctpl, "--timeout=10s"]).await;
    scene.proxy.remove_all();
    scene.sweeps(2).await;
    assert!(scene.find_template(&name).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_whose_first_version_fails_is_released_at_once() {
    let scene = Scene::new("stillborn").await;
    let object = scene.template_object(&scene.name("t"));
    let ctpl = format!("ctpl/{object}");
    scene
        .apply(&template::manifest(
            &object,
            "resource \"terraform_data\" \"machine\" {",
        ))
        .await;
    scene
        .until(&ctpl, "failed", |seen| {
            reason(seen, "Stalled") == "VersionFailed"
        })
        .await;
    // A lost reply of the creation would be settled for as long as a request may take.
    scene.kubectl(&["delete", &ctpl, "--timeout=60s"]).await;
}
