//! What is deleted in Coder although it is declared.

use serde_json::json;

use crate::e2e::{
    coder::id,
    object::{condition, is_free, is_ready, message, origin, reason},
    scene::{Scene, Workspace},
    template::{self, small_source},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_workspace_that_is_deleted_in_coder_is_made_again_only_on_request() {
    let scene = Scene::new("lost").await;
    let template = scene.ready_template(&small_source("")).await.name;
    let Workspace {
        name,
        cws,
        applied,
        twin,
    } = scene
        .ready_workspace(&template, &json!({ "running": true }))
        .await;
    scene.proxy.forget();

    scene.person.build(id(&twin), "delete").await;
    let stalled = scene
        .until(&cws, "DeletedExternally", |seen| {
            reason(seen, "Stalled") == "DeletedExternally"
        })
        .await;
    assert_eq!(condition(&stalled, "Ready"), "False");
    assert_eq!(condition(&stalled, "Running"), "False");
    let annotation = format!("coder.com/recreate: {}", id(&twin));
    assert!(
        message(&stalled, "Stalled").contains(&annotation),
        "{stalled}"
    );
    // Neither another apply, nor an order, nor the wrong id make a new one.
    let mut stopped = applied.clone();
    stopped["spec"]["running"] = json!(false);
    scene.apply(&stopped).await;
    scene.apply(&applied).await;
    let wrong = "coder.com/recreate=00000000-0000-0000-0000-000000000001";
    scene.annotate(&cws, wrong).await;
    scene.sweeps(2).await;
    scene.wrote_nothing();
    assert!(scene.find_workspace(&name).await.is_none());

    let right = format!("coder.com/recreate={}", id(&twin));
    scene.annotate(&cws, &right).await;
    let seen = scene
        .until(&cws, "made again", |seen| {
            is_ready(seen) && seen["status"]["id"] != twin["id"]
        })
        .await;
    assert_eq!(seen["status"]["binding"]["origin"], "kubernetes");
    assert!(!is_free(&seen), "{seen}");
    assert_eq!(scene.proxy.count("POST", "/workspaces$").unwrap(), 1);

    // The annotation speaks of one twin only.
    let second = scene.workspace(&name).await;
    scene.person.build(id(&second), "delete").await;
    scene
        .until(&cws, "DeletedExternally", |seen| {
            reason(seen, "Stalled") == "DeletedExternally"
        })
        .await;
    scene.kubectl(&["delete", &cws, "--timeout=30s"]).await;
    assert_eq!(scene.proxy.count("POST", "/workspaces$").unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_template_that_is_deleted_in_coder_is_made_again_with_its_policy() {
    let scene = Scene::new("remake").await;
    let organization = scene.bed.organization();
    // One was made here, the other was adopted.
    let ours = scene.name("o");
    let theirs = scene.name("t");
    let tar = template::tar(&[("main.tf", &small_source("theirs"))]);
    scene.person.make_template(organization, &theirs, tar).await;
    for (name, is_ours) in [(&ours, true), (&theirs, false)] {
        let object = scene.template_object(name);
        let ctpl = format!("ctpl/{object}");
        scene
            .apply(&template::manifest(&object, &small_source("theirs")))
            .await;
        scene.wait(&ctpl, "Ready").await;
        let before = scene.object(&ctpl).await.unwrap();
        assert_eq!(is_free(&before), !is_ours);
        let row = scene.template(name).await;

        scene
            .person
            .ask("DELETE", &format!("/templates/{}", id(&row)), None)
            .await;
        let seen = scene
            .until(&ctpl, "made again", |seen| {
                is_ready(seen) && seen["status"]["id"] != row["id"]
            })
            .await;
        let new = scene.template(name).await;
        assert_ne!(new["active_version_id"], row["active_version_id"]);
        assert_eq!(seen["status"]["activeVersionID"], new["active_version_id"]);
        assert_eq!(origin(&seen), origin(&before), "{seen}");
        assert_eq!(is_free(&seen), is_free(&before), "the policy is unchanged");
        assert_eq!(scene.person.versions(id(&new)).await.len(), 1);
    }
}
