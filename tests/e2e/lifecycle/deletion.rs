//! Deleting with `Delete`: the object goes when coderd has proved that its twin is gone.

use serde_json::json;
use testbed::proxy::{Matcher, Stage};

use crate::e2e::{
    coder::id,
    object::{condition, is_free, is_ready, message, reason},
    scene::{PATIENCE, Scene, Template, Workspace},
    template::small_source,
};

/// A machine whose end runs `command`.
fn source_with_end(command: &str) -> String {
    format!(
        r#"
resource "terraform_data" "machine" {{
  provisioner "local-exec" {{
    when    = destroy
    command = "{command}"
  }}
}}
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_stays_while_its_workspace_is_being_deleted() {
    let scene = Scene::new("proof").await;
    let template = scene.ready_template(&small_source("")).await.name;
    let Workspace { cws, twin, .. } = scene.ready_workspace(&template, &json!({})).await;

    // The order is on its way: the object stays, and says so.
    let builds = Matcher::new("POST", "/builds$").unwrap();
    let hold = scene.proxy.hold(builds, Stage::BeforeForwarding);
    scene.delete(&cws).await;
    let order = hold.held(PATIENCE).await.unwrap();
    assert!(
        order.body.contains("\"transition\":\"delete\""),
        "{order:?}"
    );
    assert!(!order.body.contains("orphan\":true"), "{order:?}");
    let seen = scene
        .object(&cws)
        .await
        .expect("the object waits for the order");
    assert_eq!(reason(&seen, "Reconciling"), "Deleting");
    assert_eq!(scene.workspace_status(id(&twin)).await, 200);
    drop(hold);
    scene.until_gone(&cws).await;
    assert_eq!(scene.workspace_status(id(&twin)).await, 410);
    assert_eq!(scene.proxy.count("POST", "/builds$").unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_delete_waits_for_a_slow_delete_build() {
    let scene = Scene::new("slow").await;
    let template = scene.ready_template(&source_with_end("sleep 4")).await.name;
    let Workspace { cws, twin, .. } = scene.ready_workspace(&template, &json!({})).await;

    let waits = async {
        scene
            .kubectl(&["delete", &cws, "--wait", "--timeout=60s"])
            .await
    };
    let watches = async {
        scene
            .until(&cws, "being deleted in coderd", |seen| {
                seen["status"]["latestBuildStatus"] == "deleting"
            })
            .await
    };
    let (_, seen) = tokio::join!(waits, watches);
    assert!(!is_free(&seen));
    assert_eq!(condition(&seen, "Ready"), "False");
    assert_eq!(scene.workspace_status(id(&twin)).await, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_goes_after_its_workspaces() {
    let scene = Scene::new("after").await;
    let Template {
        ctpl, twin: row, ..
    } = scene.ready_template(&small_source("")).await;
    let (_, twin) = scene.foreign_workspace("w", &row).await;
    scene.sweeps(2).await;

    scene.delete(&ctpl).await;
    let seen = scene
        .until(&ctpl, "waits", |seen| {
            reason(seen, "Reconciling") == "WaitingForWorkspaces"
        })
        .await;
    let said = message(&seen, "Reconciling");
    assert!(
        said.contains("1 workspace ") && said.contains("Retain"),
        "{said}"
    );
    assert_eq!(scene.proxy.count("DELETE", "/templates/").unwrap(), 0);

    scene.person.build(id(&twin), "delete").await;
    scene.until_gone(&ctpl).await;
    assert_eq!(scene.template_status(id(&row)).await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_and_its_workspaces_can_be_deleted_together() {
    let scene = Scene::new("both").await;
    let template = scene.ready_template(&small_source("")).await;
    let twin = scene.ready_workspace(&template.name, &json!({})).await.twin;
    scene
        .kubectl(&["delete", "ctpl,cws", "--all", "--timeout=80s"])
        .await;
    assert_eq!(scene.workspace_status(id(&twin)).await, 410);
    assert_eq!(scene.template_status(id(&template.twin)).await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_delete_build_is_shown_with_the_next_try_and_retain_lets_go() {
    let scene = Scene::new("faildel").await;
    let template = scene.ready_template(&source_with_end("exit 3")).await.name;
    let Workspace { cws, twin, .. } = scene.ready_workspace(&template, &json!({})).await;

    scene.delete(&cws).await;
    let seen = scene
        .until(&cws, "DeleteFailed", |seen| {
            reason(seen, "Reconciling") == "DeleteFailed"
        })
        .await;
    let said = message(&seen, "Reconciling");
    assert!(said.contains("the next try comes 1 min after"), "{said}");
    assert!(said.contains("Retain"), "the exit is not named: {said}");
    assert_eq!(condition(&seen, "Ready"), "False");
    scene.sweeps(3).await;
    assert_eq!(
        scene.person.builds(id(&twin)).await.len(),
        2,
        "not before its time"
    );

    // Asked for, it is tried at once.
    scene
        .annotate(&cws, "coder.com/reconcile-requested-at=now")
        .await;
    scene
        .until(&cws, "the second delete failed too", |seen| {
            seen["status"]["latestBuildNumber"] == 3
                && reason(seen, "Reconciling") == "DeleteFailed"
        })
        .await;

    scene
        .patch(&cws, json!({ "deletionPolicy": "Retain" }))
        .await;
    scene.until_gone(&cws).await;
    assert_eq!(scene.workspace_status(id(&twin)).await, 200);
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_follows_the_policy_with_its_finalizer() {
    let scene = Scene::new("policy").await;
    let ctpl = scene.ready_template(&small_source("")).await.ctpl;
    let seen = scene.object(&ctpl).await.unwrap();
    assert!(!is_free(&seen));
    scene
        .patch(&ctpl, json!({ "deletionPolicy": "Retain" }))
        .await;
    scene
        .until(&ctpl, "free", |seen| is_free(seen) && is_ready(seen))
        .await;
    scene.patch(&ctpl, json!({ "deletionPolicy": null })).await;
    scene
        .until(&ctpl, "held again", |seen| !is_free(seen) && is_ready(seen))
        .await;
}
