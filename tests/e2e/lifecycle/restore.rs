//! An object that lost its status, as backups restore it, changes nothing in coderd.

use serde_json::{Value, json};

use crate::e2e::{
    coder::id,
    object::{is_free, is_ready, message, origin, owners, reason},
    scene::{Scene, Template, Workspace},
    template::small_source,
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
    let template = scene.ready_template(&small_source("")).await.name;
    let Workspace { cws, twin, .. } = scene
        .ready_workspace(&template, &json!({ "running": true }))
        .await;

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
    scene.wrote_nothing();

    // From here on it is an object like any other.
    scene.patch(&cws, json!({ "running": true })).await;
    scene
        .until(&cws, "ready", |seen| {
            is_ready(seen) && seen["spec"]["running"] == true
        })
        .await;
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 3);
    scene.kubectl(&["delete", &cws, "--timeout=30s"]).await;
    assert_eq!(scene.workspace_status(id(&twin)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_object_that_is_deleted_at_once_deletes_nothing() {
    let mut scene = Scene::new("brief").await;
    let template = scene.ready_template(&small_source("")).await.name;
    let Workspace { cws, twin, .. } = scene.ready_workspace(&template, &json!({})).await;
    let saved = backup(&scene, &cws).await;
    assert!(
        !saved["metadata"]["finalizers"].is_null(),
        "the finalizer is in the backup"
    );
    scene.kill_controller().await;
    wipe(&scene, &cws).await;
    restore(&scene, &saved).await;
    scene.delete(&cws).await;
    scene.proxy.forget();
    scene.start_controller().await;
    scene.until_gone(&cws).await;
    assert_eq!(scene.workspace_status(id(&twin)).await, 200);
    scene.wrote_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_template_builds_nothing() {
    let mut scene = Scene::new("rebuild").await;
    let Template { ctpl, twin, .. } = scene.ready_template(&small_source("")).await;
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
    scene.wrote_nothing();
    scene.kubectl(&["delete", &ctpl, "--timeout=30s"]).await;
    assert_eq!(scene.template_status(id(&twin)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_object_whose_twin_is_gone_is_lost_and_nothing_is_created() {
    let mut scene = Scene::new("lostres").await;
    let template = scene.ready_template(&small_source("")).await;
    let ctpl = template.ctpl;
    let Workspace {
        name, cws, twin, ..
    } = scene.ready_workspace(&template.name, &json!({})).await;
    let saved = [backup(&scene, &cws).await, backup(&scene, &ctpl).await];
    scene.kill_controller().await;
    wipe(&scene, &cws).await;
    wipe(&scene, &ctpl).await;
    scene.person.build(id(&twin), "delete").await;
    scene
        .person
        .ask(
            "DELETE",
            &format!("/templates/{}", id(&template.twin)),
            None,
        )
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
    scene.wrote_nothing();

    // The way out that the message names makes new ones; the version went with its template.
    let pin = json!({ "templateVersionID": null });
    scene.patch(&cws, pin).await;
    scene.patch(&ctpl, json!({ "versionID": null })).await;
    for object in [&ctpl, &cws] {
        scene.kubectl(&["label", object, "coder.com/origin-"]).await;
        scene.until(object, "ready", is_ready).await;
    }
    let new = scene.workspace(&name).await;
    assert_ne!(new["id"], twin["id"]);
}
