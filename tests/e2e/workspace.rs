//! Workspaces: created, started and stopped as `spec` or coderd says.

use serde_json::{Value, json};

use super::{
    coder::id,
    object::{condition, is_ready, owners, reason},
    scene::{Scene, Workspace},
    template,
};

/// A manifest of a workspace from `template`.
pub fn manifest(object: &str, template: &str, spec: &Value) -> Value {
    let mut manifest = json!({
        "apiVersion": "coder.com/v1alpha1",
        "kind": "CoderWorkspace",
        "metadata": { "name": object },
        "spec": spec,
    });
    manifest["spec"]["templateName"] = json!(template);
    manifest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_runs_and_stops_as_spec_says() {
    let scene = Scene::new("power").await;
    let template = scene.ready_template(&template::source("")).await.name;
    let spec = json!({
        "running": true,
        "ttlMillis": 3_600_000,
        "autostartSchedule": "CRON_TZ=Europe/Berlin 30 8 * * 1-5",
        "parameters": [{ "name": "size", "value": "large" }],
    });
    let Workspace {
        name,
        cws,
        mut applied,
        twin,
    } = scene.ready_workspace(&template, &spec).await;
    assert_eq!(twin["latest_build"]["status"], "running");
    assert_eq!(twin["ttl_ms"], 3_600_000);
    assert_eq!(
        twin["autostart_schedule"],
        "CRON_TZ=Europe/Berlin 30 8 * * 1-5"
    );
    let path = format!("/workspacebuilds/{}/parameters", id(&twin["latest_build"]));
    assert_eq!(
        scene.person.get(&path).await,
        json!([{ "name": "size", "value": "large" }])
    );
    let seen = scene.object(&cws).await.unwrap();
    assert_eq!(seen["status"]["binding"]["origin"], "kubernetes");
    assert_eq!(seen["status"]["agents"][0]["name"], "main");
    assert_eq!(seen["metadata"]["labels"]["coder.com/origin"], "kubernetes");

    applied["spec"]["running"] = json!(false);
    scene.apply(&applied).await;
    scene.wait(&cws, "Ready").await;
    let twin = scene.workspace(&name).await;
    assert_eq!(twin["latest_build"]["status"], "stopped");
    assert_eq!(
        condition(&scene.object(&cws).await.unwrap(), "Running"),
        "False"
    );

    applied["spec"]["running"] = json!(true);
    scene.apply(&applied).await;
    scene.wait(&cws, "Ready").await;
    assert_eq!(
        scene.person.builds(id(&twin)).await.len(),
        3,
        "one build for each order"
    );

    // Deleting the object deletes the workspace, and waits for coderd's proof.
    scene.kubectl(&["delete", &cws, "--timeout=60s"]).await;
    let (status, _) = scene
        .person
        .send("GET", &format!("/workspaces/{}", id(&twin)), None)
        .await;
    assert_eq!(status, 410);

    // The log tells the whole story, a line an action.
    let log = scene.log();
    for (message, what) in [
        ("changed the object", "add the finalizer"),
        ("changed coderd", "create"),
        ("told", "Created"),
        ("changed the object", "label the origin"),
        ("changed the object", "mirror into spec"),
        ("changed coderd", "running"),
        ("changed the object", "remove the finalizer"),
    ] {
        let what = format!("what=\"{what}\"");
        let parts = ["INFO", message, &what, &name];
        let is_it = |line: &str| parts.iter().all(|part| line.contains(part));
        assert!(log.lines().any(is_it), "{message} {what}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_is_created_stopped_ends_stopped() {
    let scene = Scene::new("stopped").await;
    let template = scene.ready_template(&template::small_source("")).await.name;
    let twin = scene
        .ready_workspace(&template, &json!({ "running": false }))
        .await
        .twin;
    assert_eq!(twin["latest_build"]["status"], "stopped");
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_autostop_that_spec_cannot_hold_keeps_nothing_else_from_being_mirrored() {
    let scene = Scene::new("long").await;
    let template = scene.ready_template(&template::small_source("")).await;
    // coderd takes any default, and gives it to each new workspace.
    let path = format!("/templates/{}", id(&template.twin));
    let sixty_days = 60_i64 * 24 * 3_600_000;
    scene
        .person
        .ask(
            "PATCH",
            &path,
            Some(json!({ "default_ttl_ms": sixty_days })),
        )
        .await;
    let Workspace {
        name, cws, twin, ..
    } = scene.ready_workspace(&template.name, &json!({})).await;
    assert_eq!(twin["ttl_ms"], sixty_days);
    let seen = scene.object(&cws).await.unwrap();
    assert_eq!(seen["spec"]["ttlMillis"], Value::Null);
    assert_eq!(owners(&seen, "running"), ["coderd"]);
    assert_eq!(reason(&seen, "Synced"), "NotMirrored");

    // Somebody who calls himself as we do declares as everybody does, unless he applies.
    let namesake = "--field-manager=coder-k8s";
    let patch = r#"{"spec":{"ttlMillis":3600000}}"#;
    scene
        .kubectl(&["patch", &cws, "--type=merge", namesake, "-p", patch])
        .await;
    scene
        .eventually("the declared autostop is pushed", async || {
            scene.workspace(&name).await["ttl_ms"] == 3_600_000
        })
        .await;
    scene
        .until(&cws, "synced", |seen| condition(seen, "Synced") == "True")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_by_somebody_else_is_mirrored_and_nobody_restarts_it() {
    let scene = Scene::new("mirror").await;
    let template = scene.ready_template(&template::small_source("")).await.name;
    let Workspace {
        name, cws, twin, ..
    } = scene
        .ready_workspace(&template, &json!({ "running": true }))
        .await;
    let object = scene.workspace_object(&name);
    scene.person.build(id(&twin), "stop").await;
    let stopped = scene
        .until(&cws, "spec.running is false", |seen| {
            seen["spec"]["running"] == false
        })
        .await;
    assert_eq!(owners(&stopped, "running"), ["coderd"]);
    scene.until(&cws, "ready", is_ready).await;
    scene.sweeps(3).await;
    let twin = scene.workspace(&name).await;
    assert_eq!(twin["latest_build"]["status"], "stopped");
    assert_eq!(
        twin["latest_build"]["build_number"], 2,
        "nobody started it again"
    );

    // A plain apply of the old manifest is told who set the field; force makes it an order.
    let old = manifest(&object, &template, &json!({ "running": true }));
    let (fine, text) = scene.try_apply(&old, &[]).await;
    assert!(
        !fine && text.contains("conflict with \"coderd\": .spec.running"),
        "{text}"
    );
    let (fine, text) = scene.try_apply(&old, &["--force-conflicts"]).await;
    assert!(fine, "{text}");
    scene.wait(&cws, "Ready").await;
    let twin = scene.workspace(&name).await;
    assert_eq!(twin["latest_build"]["status"], "running");
    assert_eq!(twin["latest_build"]["build_number"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_build_is_shown_and_not_tried_again_until_something_changes() {
    let scene = Scene::new("failed").await;
    let source = r#"
resource "terraform_data" "machine" {
  provisioner "local-exec" {
    command = "exit 3"
  }
}
"#;
    let template = scene.ready_template(source).await.name;
    let name = scene.name("w");
    let object = scene.workspace_object(&name);
    let cws = format!("cws/{object}");
    scene
        .apply(&manifest(&object, &template, &json!({ "running": true })))
        .await;
    let failed = scene
        .until(&cws, "the build failed", |seen| {
            reason(seen, "Ready") == "BuildFailed"
        })
        .await;
    assert_eq!(condition(&failed, "Ready"), "False");
    assert_eq!(condition(&failed, "Stalled"), "True");
    let twin = scene.workspace(&name).await;
    scene.sweeps(3).await;
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 1);

    scene
        .annotate(&cws, "coder.com/reconcile-requested-at=now")
        .await;
    scene
        .until(&cws, "the second build failed too", |seen| {
            seen["status"]["latestBuildNumber"] == 2 && reason(seen, "Ready") == "BuildFailed"
        })
        .await;
    scene.sweeps(3).await;
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 2);
    let seen = scene.object(&cws).await.unwrap();
    assert_eq!(seen["status"]["lastHandledReconcileAt"], "now");
}
