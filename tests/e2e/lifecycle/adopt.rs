//! What exists and is declared is adopted, not made a second time.

use serde_json::{Value, json};

use crate::e2e::{
    coder::id,
    object::{condition, is_free, is_ready, origin},
    scene::Scene,
    template::{self, small_source, tar},
    workspace,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_exists_is_adopted_and_stays_when_its_object_goes() {
    let scene = Scene::new("adopt").await;
    let (template, row) = scene.foreign_template("t").await;
    let (name, twin) = scene.foreign_workspace("w", &row).await;
    let object = scene.workspace_object(&name);
    let cws = format!("cws/{object}");
    let spec = json!({ "running": true, "ttlMillis": 3_600_000 });
    scene
        .apply(&workspace::manifest(&object, &template, &spec))
        .await;
    scene.wait(&cws, "Ready").await;

    let seen = scene.object(&cws).await.unwrap();
    assert_eq!(seen["status"]["id"], twin["id"]);
    assert_eq!(seen["status"]["binding"]["origin"], "coderd");
    assert_eq!(origin(&seen), "coderd");
    assert!(is_free(&seen), "{seen}");
    assert!(seen["spec"]["deletionPolicy"].is_null());
    scene
        .event(&cws, "Adopted", |event| event.starts_with("Adopted: "))
        .await;
    let now = scene.workspace(&name).await;
    assert_eq!(now["id"], twin["id"]);
    assert_eq!(now["ttl_ms"], 3_600_000);
    assert_eq!(now["latest_build"]["build_number"], 1, "it ran already");
    assert_eq!(
        scene.proxy.count("POST", ".").unwrap(),
        0,
        "{:?}",
        scene.proxy.mutations()
    );

    // Retain is the default: nothing holds the object up, and the workspace stays.
    scene.kubectl(&["delete", &cws, "--timeout=30s"]).await;
    assert_eq!(scene.workspace_status(id(&twin)).await, 200);
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_workspace_is_deleted_only_where_that_was_declared() {
    let scene = Scene::new("adoptdel").await;
    let (template, row) = scene.foreign_template("t").await;
    let (name, twin) = scene.foreign_workspace("w", &row).await;
    let object = scene.workspace_object(&name);
    let cws = format!("cws/{object}");
    let spec = json!({ "running": false, "deletionPolicy": "Delete" });
    scene
        .apply(&workspace::manifest(&object, &template, &spec))
        .await;
    let seen = scene.until(&cws, "ready", is_ready).await;
    assert_eq!(seen["status"]["binding"]["origin"], "coderd");
    assert!(!is_free(&seen));
    let now = scene.workspace(&name).await;
    assert_eq!(
        now["latest_build"]["status"], "stopped",
        "what is declared is an order"
    );

    scene.kubectl(&["delete", &cws, "--timeout=60s"]).await;
    assert_eq!(scene.workspace_status(id(&twin)).await, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_with_equal_files_is_adopted_and_nothing_is_built() {
    let scene = Scene::new("equal").await;
    let (name, row) = scene.foreign_template("t").await;
    let object = scene.template_object(&name);
    let ctpl = format!("ctpl/{object}");
    let mut applied = template::manifest(&object, &small_source("theirs"));
    applied["spec"]["displayName"] = json!("Ours");
    scene.apply(&applied).await;
    scene.wait(&ctpl, "Ready").await;

    let seen = scene.object(&ctpl).await.unwrap();
    assert_eq!(seen["status"]["id"], row["id"]);
    assert_eq!(seen["status"]["binding"]["origin"], "coderd");
    assert_eq!(origin(&seen), "coderd");
    assert!(is_free(&seen), "{seen}");
    assert_eq!(condition(&seen, "VersionPromoted"), "True");
    scene
        .event(&ctpl, "Adopted", |event| event.starts_with("Adopted: "))
        .await;
    let now = scene.template(&name).await;
    assert_eq!(now["display_name"], "Ours");
    assert_eq!(now["active_version_id"], row["active_version_id"]);
    assert_eq!(scene.person.versions(id(&row)).await.len(), 1);
    assert_eq!(
        scene.proxy.count("POST", ".").unwrap(),
        0,
        "{:?}",
        scene.proxy.mutations()
    );

    // Once adopted, new files are built as ever.
    applied["spec"]["files"]["main.tf"] = json!(small_source("ours"));
    scene.apply(&applied).await;
    scene.wait(&ctpl, "Ready").await;
    assert_eq!(scene.person.versions(id(&row)).await.len(), 2);

    scene.delete(&ctpl).await;
    scene.until_gone(&ctpl).await;
    assert_eq!(scene.template_status(id(&row)).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_with_other_files_is_adopted_built_once_and_says_what_it_drops() {
    let scene = Scene::new("differ").await;
    let name = scene.name("t");
    let files = tar(&[
        ("main.tf", &small_source("theirs")),
        ("docs/extra.md", "more\n"),
        ("run.sh", "true\n"),
    ]);
    let row = scene
        .person
        .make_template(scene.bed.organization(), &name, files)
        .await;
    let object = scene.template_object(&name);
    let ctpl = format!("ctpl/{object}");
    let mut applied = template::manifest(&object, &small_source("ours"));
    applied["spec"]["files"]["run.sh"] = json!("true\n");
    scene.apply(&applied).await;
    scene.wait(&ctpl, "Ready").await;

    let now = scene.template(&name).await;
    assert_eq!(
        modes(&scene, &now).await,
        [("main.tf", 0o644), ("run.sh", 0o755)].map(owned)
    );
    assert_eq!(now["id"], row["id"]);
    assert_ne!(now["active_version_id"], row["active_version_id"]);
    assert_eq!(scene.person.versions(id(&row)).await.len(), 2);
    scene
        .event(&ctpl, "FilesDropped names the file", |event| {
            event.starts_with("FilesDropped: ") && event.contains("docs/extra.md")
        })
        .await;
    scene
        .event(&ctpl, "Adopted", |event| event.starts_with("Adopted: "))
        .await;

    // The policy can be changed later, and then counts.
    scene
        .patch(&ctpl, json!({ "deletionPolicy": "Delete" }))
        .await;
    scene
        .until(&ctpl, "held", |seen| !is_free(seen) && is_ready(seen))
        .await;
    scene.kubectl(&["delete", &ctpl, "--timeout=60s"]).await;
    assert_eq!(scene.template_status(id(&row)).await, 404);
    let found: Value = scene
        .person
        .get(&format!("/templates?q=deleted:true%20ids:{}", id(&row)))
        .await;
    assert_eq!(found[0]["deleted"], true);
}

fn owned((path, mode): (&str, u32)) -> (String, u32) {
    (path.to_owned(), mode)
}

/// The files of a template's active version, with their modes.
async fn modes(scene: &Scene, template: &Value) -> Vec<(String, u32)> {
    let active = template["active_version_id"].as_str().unwrap();
    let path = format!("/templateversions/{active}");
    let version = scene.person.get(&path).await;
    let file = version["job"]["file_id"].as_str().unwrap();
    let archive = scene.person.get(&format!("/files/{file}")).await;
    let archive = archive.as_str().unwrap();
    let mut archive = ::tar::Archive::new(archive.as_bytes());
    let entries = archive.entries().unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let path = entry.path().unwrap().display().to_string();
            (path, entry.header().mode().unwrap())
        })
        .collect()
}
