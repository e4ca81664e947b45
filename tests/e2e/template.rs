//! Templates with inline files: built, promoted only after success, never built twice.

use serde_json::{Value, json};

use super::{
    coder::id,
    object::{condition, is_ready, message, reason, version},
    scene::{Scene, Template},
};

/// A template with a parameter, an agent and a machine; `note` makes it another source.
pub fn source(note: &str) -> String {
    let text = r#"
terraform {
  required_providers {
    coder = { source = "coder/coder" }
  }
}
data "coder_workspace" "me" {}
data "coder_parameter" "size" {
  name    = "size"
  type    = "string"
  default = "small"
  mutable = true
}
resource "coder_agent" "main" {
  count = data.coder_workspace.me.start_count
  os    = "linux"
  arch  = "amd64"
}
resource "terraform_data" "machine" {
  count = data.coder_workspace.me.start_count
  input = "${data.coder_parameter.size.value} ${coder_agent.main[0].id}"
}
"#;
    format!("# {note}\n{text}")
}

/// A template that imports at once; `note` makes it another source.
pub fn small_source(note: &str) -> String {
    format!("# {note}\nresource \"terraform_data\" \"machine\" {{}}\n")
}

/// A manifest with one inline file.
pub fn manifest(object: &str, main: &str) -> Value {
    json!({
        "apiVersion": "coder.com/v1alpha1",
        "kind": "CoderTemplate",
        "metadata": { "name": object },
        "spec": { "files": { "main.tf": main } },
    })
}

/// The requests that make something in coderd.
fn versions_made(scene: &Scene) -> u64 {
    scene.proxy.count("POST", "/templateversions$").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn inline_files_are_built_and_promoted_only_after_success() {
    let scene = Scene::new("template").await;
    let name = scene.name("t");
    let object = scene.template_object(&name);
    let ctpl = format!("ctpl/{object}");

    // A new template comes to be only with a version that was imported.
    let mut applied = manifest(&object, &source("one"));
    applied["spec"]["displayName"] = json!("Hello");
    scene.apply(&applied).await;
    scene.wait(&ctpl, "Ready").await;
    let twin = scene.template(&name).await;
    assert_eq!(twin["display_name"], "Hello");
    let first = twin["active_version_id"].as_str().unwrap().to_owned();
    let version_one = scene
        .person
        .get(&format!("/templateversions/{first}"))
        .await;
    assert_eq!(version_one["job"]["status"], "succeeded");
    assert_eq!(versions_made(&scene), 1);
    let ready = scene.object(&ctpl).await.unwrap();
    assert_eq!(condition(&ready, "VersionPromoted"), "True");

    // The same files again: nothing, on either side.
    scene.apply(&applied).await;
    scene.sweeps(2).await;
    assert_eq!(
        version(&scene.object(&ctpl).await.unwrap()),
        version(&ready)
    );
    assert_eq!(versions_made(&scene), 1);

    // New files: a new version, promoted.
    applied["spec"]["files"]["main.tf"] = json!(source("two"));
    scene.apply(&applied).await;
    scene.wait(&ctpl, "Ready").await;
    let twin = scene.template(&name).await;
    let second = twin["active_version_id"].as_str().unwrap().to_owned();
    assert_ne!(second, first);
    assert_eq!(versions_made(&scene), 2);

    // Broken files: Stalled with coderd's words, and the old version stays active.
    applied["spec"]["files"]["main.tf"] = json!("resource \"terraform_data\" \"machine\" {");
    scene.apply(&applied).await;
    let stalled = scene
        .until(&ctpl, "stalled", |seen| {
            condition(seen, "Stalled") == "True"
        })
        .await;
    assert_eq!(reason(&stalled, "Stalled"), "VersionFailed");
    assert_eq!(condition(&stalled, "Ready"), "False");
    let said = message(&stalled, "Stalled");
    assert!(
        said.contains("initialize terraform: exit status 1"),
        "{said}"
    );
    assert!(
        said.contains("Unclosed configuration block"),
        "the log is missing: {said}"
    );
    let twin = scene.template(&name).await;
    assert_eq!(twin["active_version_id"], second.as_str());

    // It is not tried again by itself.
    let tried = versions_made(&scene);
    scene.sweeps(3).await;
    assert_eq!(versions_made(&scene), tried);

    // Back to files that were built before: their version is promoted again, without a build.
    applied["spec"]["files"]["main.tf"] = json!(source("one"));
    scene.apply(&applied).await;
    scene.wait(&ctpl, "Ready").await;
    let twin = scene.template(&name).await;
    assert_eq!(twin["active_version_id"], first.as_str());
    assert_eq!(versions_made(&scene), tried);
    assert_eq!(scene.person.versions(id(&twin)).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_somebody_else_promoted_is_put_back_without_a_build() {
    let scene = Scene::new("promote").await;
    let Template {
        name, ctpl, twin, ..
    } = scene.ready_template(&small_source("ours")).await;
    let ours = twin["active_version_id"].clone();

    let tar = tar(&[("main.tf", &small_source("theirs"))]);
    let theirs = scene
        .person
        .make_version(scene.bed.organization(), Some(id(&twin)), tar)
        .await;
    let path = format!("/templates/{}/versions", id(&twin));
    scene
        .person
        .ask("PATCH", &path, Some(json!({ "id": id(&theirs) })))
        .await;

    scene
        .eventually("our version is active again", async || {
            let twin = scene.template(&name).await;
            twin["active_version_id"] == ours
        })
        .await;
    assert_eq!(versions_made(&scene), 1);
    let what = "DriftCorrected names the version found";
    scene
        .event(&ctpl, what, |event| {
            event.starts_with("DriftCorrected: files: found version")
                && event.contains(theirs["name"].as_str().unwrap())
        })
        .await;
    scene.until(&ctpl, "ready", is_ready).await;
}

/// A tar as people's tools make it.
pub fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(if *path == "run.sh" { 0o755 } else { 0o644 });
        archive
            .append_data(&mut header, path, text.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_somebody_else_under_our_name_is_not_promoted() {
    let scene = Scene::new("usurp").await;
    let name = scene.name("t");
    let object = scene.template_object(&name);
    let ctpl = format!("ctpl/{object}");
    let source = |region: &str| {
        let variable = format!("variable \"region\" {{\n  default = \"{region}\"\n}}\n");
        small_source(region) + &variable
    };
    let one = manifest(&object, &source("us"));
    scene.apply(&one).await;
    scene.wait(&ctpl, "Ready").await;
    let seen = scene.object(&ctpl).await.unwrap();
    let version = &seen["status"]["version"];
    let (ours, ours_id) = (version["name"].clone(), version["id"].as_str().unwrap());
    scene.apply(&manifest(&object, &source("eu"))).await;
    let promoted = |seen: &Value| is_ready(seen) && condition(seen, "VersionPromoted") == "True";
    scene
        .until(&ctpl, "the second source is active", |seen| {
            promoted(seen) && seen["status"]["version"]["name"] != ours
        })
        .await;
    // The new default of the variable is none of the new version.
    let seen = scene.object(&ctpl).await.unwrap();
    let kept = "region is \"eu\" in the files, and has another value";
    assert!(message(&seen, "Ready").contains(kept), "{seen}");
    scene
        .event(&ctpl, "VariablesKept", |event| {
            event.starts_with("VariablesKept: ") && event.contains(kept)
        })
        .await;

    // Somebody gives the name of the first source to a version of another one.
    let rename = async |id: &str, name: &Value| {
        let path = format!("/templateversions/{id}");
        let body = json!({ "name": name });
        scene.person.ask("PATCH", &path, Some(body)).await;
    };
    rename(ours_id, &json!("aside")).await;
    let twin = scene.template(&name).await;
    let files = tar(&[("main.tf", &small_source("theirs"))]);
    let theirs = scene
        .person
        .make_version(scene.bed.organization(), Some(id(&twin)), files)
        .await;
    rename(id(&theirs), &ours).await;

    scene.apply(&one).await;
    let seen = scene
        .until(&ctpl, "the first source is active", |seen| {
            promoted(seen) && seen["status"]["version"]["sourceHash"] == version["sourceHash"]
        })
        .await;
    let now = scene.template(&name).await;
    assert_ne!(now["active_version_id"], theirs["id"]);
    assert_eq!(now["active_version_id"], seen["status"]["version"]["id"]);
    assert_ne!(seen["status"]["version"]["name"], ours);
}
