//! Deleting with `Delete`: the object goes when coderd has proved that its twin is gone.

use serde_json::json;
use testbed::proxy::{Matcher, Stage};

use super::{delete, foreign_workspace, is_free, patch, template_status, workspace_status};
use crate::e2e::{
    coder::id,
    scene::{PATIENCE, Scene, condition, is_ready, message, reason},
    template::{self, small_source},
    workspace,
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

    // The order is on its way: the object stays, and says so.
    let builds = Matcher::new("POST", "/builds$").unwrap();
    let hold = scene.proxy.hold(builds, Stage::BeforeForwarding);
    delete(&scene, &cws).await;
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
    assert_eq!(workspace_status(&scene, id(&twin)).await, 200);
    drop(hold);
    scene.until_gone(&cws).await;
    assert_eq!(workspace_status(&scene, id(&twin)).await, 410);
    assert_eq!(scene.proxy.count("POST", "/builds$").unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_delete_waits_for_a_slow_delete_build() {
    let scene = Scene::new("slow").await;
    let template = workspace::a_template(&scene, &source_with_end("sleep 4")).await;
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
    assert_eq!(workspace_status(&scene, id(&twin)).await, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_goes_after_its_workspaces() {
    let scene = Scene::new("after").await;
    let name = workspace::a_template(&scene, &small_source("")).await;
    let row = scene
        .person
        .template(scene.bed.organization(), &name)
        .await
        .unwrap();
    let (_, twin) = foreign_workspace(&scene, "w", &row).await;
    let ctpl = format!("ctpl/{}", scene.template_object(&name));
    scene.sweeps(2).await;

    delete(&scene, &ctpl).await;
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
    assert_eq!(template_status(&scene, id(&row)).await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_and_its_workspaces_can_be_deleted_together() {
    let scene = Scene::new("both").await;
    let template = workspace::a_template(&scene, &small_source("")).await;
    let row = scene
        .person
        .template(scene.bed.organization(), &template)
        .await
        .unwrap();
    let name = scene.name("w");
    let object = scene.workspace_object(&name);
    scene
        .apply(&workspace::manifest(&object, &template, &json!({})))
        .await;
    scene.wait(&format!("cws/{object}"), "Ready").await;
    let twin = scene
        .person
        .workspace(scene.bed.owner(), &name)
        .await
        .unwrap();
    scene
        .kubectl(&["delete", "ctpl,cws", "--all", "--timeout=80s"])
        .await;
    assert_eq!(workspace_status(&scene, id(&twin)).await, 410);
    assert_eq!(template_status(&scene, id(&row)).await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_delete_build_is_shown_with_the_next_try_and_retain_lets_go() {
    let scene = Scene::new("faildel").await;
    let template = workspace::a_template(&scene, &source_with_end("exit 3")).await;
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

    delete(&scene, &cws).await;
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
        .kubectl(&["annotate", &cws, "coder.com/reconcile-requested-at=now"])
        .await;
    scene
        .until(&cws, "the second delete failed too", |seen| {
            seen["status"]["latestBuildNumber"] == 3
                && reason(seen, "Reconciling") == "DeleteFailed"
        })
        .await;

    patch(&scene, &cws, json!({ "deletionPolicy": "Retain" })).await;
    scene.until_gone(&cws).await;
    assert_eq!(workspace_status(&scene, id(&twin)).await, 200);
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_follows_the_policy_with_its_finalizer() {
    let scene = Scene::new("policy").await;
    let name = scene.name("t");
    let object = scene.template_object(&name);
    let ctpl = format!("ctpl/{object}");
    scene
        .apply(&template::manifest(&object, &small_source("")))
        .await;
    let seen = scene.until(&ctpl, "ready", is_ready).await;
    assert!(!is_free(&seen));
    patch(&scene, &ctpl, json!({ "deletionPolicy": "Retain" })).await;
    scene
        .until(&ctpl, "free", |seen| is_free(seen) && is_ready(seen))
        .await;
    patch(&scene, &ctpl, json!({ "deletionPolicy": null })).await;
    scene
        .until(&ctpl, "held again", |seen| !is_free(seen) && is_ready(seen))
        .await;
}
