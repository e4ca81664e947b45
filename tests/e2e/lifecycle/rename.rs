//! A rename in Coder makes no twin: the binding is by id and stays.

use serde_json::json;

use crate::e2e::{
    coder::id,
    object::{condition, is_ready, message, reason},
    scene::{Scene, Workspace},
    template::{self, small_source},
    workspace,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_workspace_that_is_renamed_keeps_syncing_and_gets_no_twin() {
    let mut scene = Scene::new("rename").await;
    let template = scene.ready_template(&small_source("")).await.name;
    let spec = json!({ "running": true, "ttlMillis": 3_600_000 });
    let Workspace {
        name,
        cws,
        applied,
        twin,
    } = scene.ready_workspace(&template, &spec).await;
    let object = scene.workspace_object(&name);
    scene.proxy.forget();

    let renamed = scene.name("v");
    let path = format!("/workspaces/{}", id(&twin));
    scene
        .person
        .ask("PATCH", &path, Some(json!({ "name": renamed })))
        .await;
    let stalled = scene
        .until(&cws, "RenamedInCoder", |seen| {
            reason(seen, "Stalled") == "RenamedInCoder"
        })
        .await;
    let new_object = scene.workspace_object(&renamed);
    let said = message(&stalled, "Stalled");
    assert!(
        said.contains(&new_object) && said.contains("Retain"),
        "{said}"
    );
    assert_eq!(stalled["status"]["id"], twin["id"]);

    // A declared field is still kept, by id; nothing is made under the old name.
    let ttl = format!("/workspaces/{}/ttl", id(&twin));
    scene
        .person
        .ask("PUT", &ttl, Some(json!({ "ttl_ms": 600_000 })))
        .await;
    scene
        .eventually("the declared ttl is back", async || {
            scene.person.get(&path).await["ttl_ms"] == 3_600_000
        })
        .await;
    scene.sweeps(2).await;
    assert!(scene.find_workspace(&name).await.is_none());
    assert_eq!(
        scene.proxy.count("POST", ".").unwrap(),
        0,
        "{:?}",
        scene.proxy.mutations()
    );

    // A second object, with the new name, is told whose twin it is, also by a new controller.
    let mut second = applied.clone();
    second["metadata"]["name"] = json!(new_object);
    let new = format!("cws/{new_object}");
    scene.apply(&second).await;
    let duplicate = scene
        .until(&new, "Duplicate", |seen| {
            reason(seen, "Stalled") == "Duplicate"
        })
        .await;
    assert!(
        message(&duplicate, "Stalled").contains(&object),
        "{duplicate}"
    );
    scene.kill_controller().await;
    scene.start_controller().await;
    scene.sweeps(2).await;
    let duplicate = scene.object(&new).await.unwrap();
    assert!(duplicate["status"]["binding"].is_null(), "{duplicate}");
    assert_eq!(reason(&duplicate, "Stalled"), "Duplicate");

    // Following as the message says: the second object takes over.
    scene
        .patch(&cws, json!({ "deletionPolicy": "Retain" }))
        .await;
    scene.kubectl(&["delete", &cws, "--timeout=30s"]).await;
    let seen = scene.until(&new, "ready", is_ready).await;
    assert_eq!(seen["status"]["id"], twin["id"]);
    assert_eq!(condition(&seen, "Stalled"), "");
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_whose_owner_is_renamed_keeps_syncing() {
    let scene = Scene::new("owner").await;
    let template = scene.ready_template(&small_source("")).await.name;
    let user = scene.name("u");
    scene
        .person
        .make_user(scene.bed.organization_id(), &user)
        .await;
    let name = scene.name("w");
    let object = format!("{}.{user}.{name}", scene.bed.organization());
    let cws = format!("cws/{object}");
    let spec = json!({ "running": true, "ttlMillis": 3_600_000 });
    scene
        .apply(&workspace::manifest(&object, &template, &spec))
        .await;
    scene.wait(&cws, "Ready").await;
    let twin = scene.person.workspace(&user, &name).await.unwrap();

    let renamed = scene.name("x");
    rename_user(&scene, &user, &renamed).await;
    let stalled = scene
        .until(&cws, "RenamedInCoder", |seen| {
            reason(seen, "Stalled") == "RenamedInCoder"
        })
        .await;
    let said = message(&stalled, "Stalled");
    let whole = format!("{}.{renamed}.{name}", scene.bed.organization());
    assert!(said.contains(&whole), "{said}");

    let ttl = format!("/workspaces/{}/ttl", id(&twin));
    scene
        .person
        .ask("PUT", &ttl, Some(json!({ "ttl_ms": 600_000 })))
        .await;
    let path = format!("/workspaces/{}", id(&twin));
    scene
        .eventually("the declared ttl is back", async || {
            scene.person.get(&path).await["ttl_ms"] == 3_600_000
        })
        .await;
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 1);
    assert_eq!(
        scene
            .proxy
            .count("POST", "/users/[^/]+/workspaces$")
            .unwrap(),
        1
    );

    // Back under the old name all is well.
    rename_user(&scene, &renamed, &user).await;
    scene.until(&cws, "ready", is_ready).await;

    // With every field handed back it is still an object that was made here: to delete it for a rename
    // would delete the workspace.
    let mut empty = workspace::manifest(&object, &template, &json!({}));
    empty["spec"] = json!({});
    scene.apply(&empty).await;
    rename_user(&scene, &user, &renamed).await;
    scene
        .until(&cws, "RenamedInCoder", |seen| {
            reason(seen, "Stalled") == "RenamedInCoder"
        })
        .await;
    scene.sweeps(2).await;
    assert!(scene.object(&cws).await.is_some());
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 1);
}

async fn rename_user(scene: &Scene, from: &str, to: &str) {
    let profile = format!("/users/{from}/profile");
    let body = json!({ "username": to, "name": "" });
    scene.person.ask("PUT", &profile, Some(body)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_template_that_is_renamed_keeps_syncing_and_gets_no_twin() {
    let scene = Scene::new("retitle").await;
    let name = scene.name("t");
    let object = scene.template_object(&name);
    let ctpl = format!("ctpl/{object}");
    let mut applied = template::manifest(&object, &small_source(""));
    applied["spec"]["displayName"] = json!("Ours");
    scene.apply(&applied).await;
    scene.wait(&ctpl, "Ready").await;
    let twin = scene.template(&name).await;
    let (workspace, _) = scene.foreign_workspace("w", &twin).await;
    let workspace_object = scene.workspace_object(&workspace);
    let cws = format!("cws/{workspace_object}");
    scene
        .apply(&workspace::manifest(&workspace_object, &name, &json!({})))
        .await;
    scene.wait(&cws, "Ready").await;
    scene.proxy.forget();

    let renamed = scene.name("s");
    let path = format!("/templates/{}", id(&twin));
    let body = json!({ "name": renamed, "display_name": "Theirs" });
    scene.person.ask("PATCH", &path, Some(body)).await;
    let stalled = scene
        .until(&ctpl, "RenamedInCoder", |seen| {
            reason(seen, "Stalled") == "RenamedInCoder"
        })
        .await;
    let new_object = scene.template_object(&renamed);
    let said = message(&stalled, "Stalled");
    assert!(
        said.contains(&new_object) && said.contains("Retain"),
        "{said}"
    );
    scene
        .eventually("the declared display name is back", async || {
            scene.person.get(&path).await["display_name"] == "Ours"
        })
        .await;

    // New files go to the same template.
    applied["spec"]["files"]["main.tf"] = json!(small_source("two"));
    scene.apply(&applied).await;
    scene
        .eventually("two versions", async || {
            scene.person.versions(id(&twin)).await.len() == 2
        })
        .await;
    scene
        .until(&ctpl, "promoted", |seen| {
            condition(seen, "VersionPromoted") == "True"
        })
        .await;
    assert!(scene.find_template(&name).await.is_none());
    assert_eq!(scene.proxy.count("POST", "/templates$").unwrap(), 0);

    // Its workspaces go on, and may say either name.
    let seen = scene
        .until(&cws, "the new name is reported", |seen| {
            seen["status"]["templateName"] == renamed.as_str()
        })
        .await;
    assert_eq!(condition(&seen, "Stalled"), "", "{seen}");
    scene
        .apply(&workspace::manifest(
            &workspace_object,
            &renamed,
            &json!({}),
        ))
        .await;
    scene.until(&cws, "ready", is_ready).await;

    // A second object is told whose twin it is, and takes over as the message says.
    let mut second = applied.clone();
    second["metadata"]["name"] = json!(new_object);
    let new = format!("ctpl/{new_object}");
    scene.apply(&second).await;
    scene
        .until(&new, "Duplicate", |seen| {
            reason(seen, "Stalled") == "Duplicate"
        })
        .await;
    scene
        .patch(&ctpl, json!({ "deletionPolicy": "Retain" }))
        .await;
    scene.kubectl(&["delete", &ctpl, "--timeout=30s"]).await;
    let seen = scene.until(&new, "ready", is_ready).await;
    assert_eq!(seen["status"]["id"], twin["id"]);
    assert_eq!(scene.person.versions(id(&twin)).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_spellings_of_one_name_do_not_share_a_twin() {
    let scene = Scene::new("twice").await;
    let (template, row) = scene.foreign_template("t").await;
    let (name, _) = scene.foreign_workspace("w", &row).await;
    let short = scene.workspace_object(&name);
    let long = format!("static.{short}");
    scene
        .apply(&workspace::manifest(&short, &template, &json!({})))
        .await;
    scene.wait(&format!("cws/{short}"), "Ready").await;
    scene
        .apply(&workspace::manifest(&long, &template, &json!({})))
        .await;
    let cws = format!("cws/{long}");
    let seen = scene
        .until(&cws, "Duplicate", |seen| {
            reason(seen, "Stalled") == "Duplicate"
        })
        .await;
    assert!(message(&seen, "Stalled").contains(&short), "{seen}");
}
