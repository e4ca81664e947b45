//! An object that lost its status, as backups restore it, changes nothing in coderd.

use serde_json::{Value, json};

use super::{is_free, origin, template_status, workspace_status};
use crate::e2e::{
    coder::id,
    scene::{Scene, is_ready, message, owners, reason},
    template::{self, small_source},
    workspace,
};

/// What a backup keeps of an object.
async fn backup(scene: &Scene, object: &str) -> Value {
    let text = scene.kubectl(&["get", object, "-o", "json"]).await;
    let mut saved: Value = serde_json::from_str(&text).unwrap();
    saved.as_object_mut().unwrap().remove("status");
    let metadata = saved["metadata"].as_object_mut().unwrap();
    for field in [
        "uid",
        "resourceVersion",
        "managedFields",
        "creationTimestamp",
        "generation",
    ] {
        metadata.remove(field);
    }
    saved
}

/// Removes an object while nobody looks.
async fn wipe(scene: &Scene, object: &str) {
    let patch = r#"{"metadata":{"finalizers":null}}"#;
    scene
        .kubectl(&["patch", object, "--type=merge", "-p", patch])
        .await;
    scene.kubectl(&["delete", object, "--timeout=30s"]).await;
}

async fn restore(scene: &Scene, saved: &Value) {
    let (fine, text) = scene
        .try_kubectl(&["create", "-f", "-"], &saved.to_string())
        .await;
    assert!(fine, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_workspace_starts_stops_creates_and_deletes_nothing() {
    let mut scene = Scene::new("restore").await;
    let template = workspace::a_template(&scene, &small_source("")).await;
    let name = scene.name("w");
    let object = scene.workspace_object(&name);
    let cws = format!("cws/{object}");
    scene
        .apply(&workspace::manifest(
            &object,
            &template,
            &json!({ "running": true }),
        ))
        .await;
    scene.wait(&cws, "Ready").await;
    let twin = scene
        .person
        .workspace(scene.bed.owner(), &name)
        .await
        .unwrap();

    let saved = backup(&scene, &cws).await;
    assert_eq!(saved["spec"]["running"], true);
    assert_eq!(
        saved["metadata"]["labels"]["coder.com/origin"],
        "kubernetes"
    );
    scene.kill_controller().await;
    wipe(&scene, &cws).await;
    scene.person.build(id(&twin), "stop").await;
    restore(&scene, &saved).await;
    scene.proxy.forget();
    scene.start_controller().await;

    let seen = scene
        .until(&cws, "coderd's state is mirrored", |seen| {
            is_ready(seen) && seen["spec"]["running"] == false
        })
        .await;
    assert_eq!(owners(&seen, "running"), ["coderd"]);
    assert_eq!(seen["status"]["id"], twin["id"]);
    assert_eq!(seen["status"]["binding"]["origin"], "coderd");
    let seen = scene
        .until(&cws, "labelled", |seen| origin(seen) == "coderd")
        .await;
    assert!(is_free(&seen), "{seen}");
    scene.sweeps(2).await;
    assert_eq!(
        scene.person.builds(id(&twin)).await.len(),
        2,
        "one start, one stop by a person"
    );
    assert!(
        scene.proxy.mutations().is_empty(),
        "{:?}",
        scene.proxy.mutations()
    );

    // From here on it is an object like any other.
    patch_running(&scene, &cws, true).await;
    scene
        .until(&cws, "ready", |seen| {
            is_ready(seen) && seen["spec"]["running"] == true
        })
        .await;
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 3);
    scene.kubectl(&["delete", &cws, "--timeout=30s"]).await;
    assert_eq!(workspace_status(&scene, id(&twin)).await, 200);
}

async fn patch_running(scene: &Scene, object: &str, running: bool) {
    super::patch(scene, object, json!({ "running": running })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_object_that_is_deleted_at_once_deletes_nothing() {
    let mut scene = Scene::new("brief").await;
    let template = workspace::a_template(&scene, &small_source("")).await;
    let name = scene.name("w");
    let object = scene.workspace_object(&name);
    let cws = format!("cws/{object}");
    scene
        .apply(&workspace::manifest(&object, &template, &json!({})))
        .await;
    scene.wait(&cws, "Ready").await;
    let twin = scene
        .person
        .workspace(scene.bed.owner(), &name)
        .await
        .unwrap();
    let saved = backup(&scene, &cws).await;
    assert!(
        !saved["metadata"]["finalizers"].is_null(),
        "the finalizer is in the backup"
    );
    scene.kill_controller().await;
    wipe(&scene, &cws).await;
    restore(&scene, &saved).await;
    super::delete(&scene, &cws).await;
    scene.proxy.forget();
    scene.start_controller().await;
    scene.until_gone(&cws).await;
    assert_eq!(workspace_status(&scene, id(&twin)).await, 200);
    assert!(
        scene.proxy.mutations().is_empty(),
        "{:?}",
        scene.proxy.mutations()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_template_builds_nothing() {
    let mut scene = Scene::new("rebuild").await;
    let name = scene.name("t");
    let object = scene.template_object(&name);
    let ctpl = format!("ctpl/{object}");
    scene
        .apply(&template::manifest(&object, &small_source("")))
        .await;
    scene.wait(&ctpl, "Ready").await;
    let twin = scene
        .person
        .template(scene.bed.organization(), &name)
        .await
        .unwrap();
    let saved = backup(&scene, &ctpl).await;
    scene.kill_controller().await;
    wipe(&scene, &ctpl).await;
    restore(&scene, &saved).await;
    scene.proxy.forget();
    scene.start_controller().await;

    let seen = scene.until(&ctpl, "ready", is_ready).await;
    assert_eq!(seen["status"]["id"], twin["id"]);
    assert_eq!(seen["status"]["binding"]["origin"], "coderd");
    assert!(is_free(&seen), "{seen}");
    scene.sweeps(2).await;
    assert_eq!(scene.person.versions(id(&twin)).await.len(), 1);
    assert!(
        scene.proxy.mutations().is_empty(),
        "{:?}",
        scene.proxy.mutations()
    );
    scene.kubectl(&["delete", &ctpl, "--timeout=30s"]).await;
    assert_eq!(template_status(&scene, id(&twin)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_object_whose_twin_is_gone_is_lost_and_nothing_is_created() {
    let mut scene = Scene::new("lostres").await;
    let name = scene.name("w");
    let template = scene.name("t");
    let cws = format!("cws/{}", scene.workspace_object(&name));
    let ctpl = format!("ctpl/{}", scene.template_object(&template));
    workspace::a_template(&scene, &small_source("")).await;
    let object = scene.workspace_object(&name);
    scene
        .apply(&workspace::manifest(&object, &template, &json!({})))
        .await;
    scene.wait(&cws, "Ready").await;
    let twin = scene
        .person
        .workspace(scene.bed.owner(), &name)
        .await
        .unwrap();
    let row = scene
        .person
        .template(scene.bed.organization(), &template)
        .await
        .unwrap();
    let saved = [backup(&scene, &cws).await, backup(&scene, &ctpl).await];
    scene.kill_controller().await;
    wipe(&scene, &cws).await;
    wipe(&scene, &ctpl).await;
    scene.person.build(id(&twin), "delete").await;
    scene
        .person
        .ask("DELETE", &format!("/templates/{}", id(&row)), None)
        .await;
    for object in &saved {
        restore(&scene, object).await;
    }
    scene.proxy.forget();
    scene.start_controller().await;
    for object in [&cws, &ctpl] {
        let seen = scene
            .until(object, "LostAfterRestore", |seen| {
                reason(seen, "Stalled") == "LostAfterRestore"
            })
            .await;
        assert!(
            message(&seen, "Stalled").contains("coder.com/origin"),
            "{seen}"
        );
    }
    scene.sweeps(2).await;
    assert!(
        scene.proxy.mutations().is_empty(),
        "{:?}",
        scene.proxy.mutations()
    );

    // The way out that the message names makes new ones.
    for object in [&ctpl, &cws] {
        scene.kubectl(&["label", object, "coder.com/origin-"]).await;
        scene.until(object, "ready", is_ready).await;
    }
    let new = scene
        .person
        .workspace(scene.bed.owner(), &name)
        .await
        .unwrap();
    assert_ne!(new["id"], twin["id"]);
}
