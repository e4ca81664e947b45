//! From birth to death: imported, adopted, renamed, restored, lost and deleted, on either side.

mod adopt;
mod crds;
mod deletion;
mod import;
mod lost;
mod names;
mod pause;
mod rename;
mod restore;
mod retain;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    coder::id,
    scene::Scene,
    template::{small_source, tar},
};

/// A template that someone else makes.
async fn foreign_template(scene: &Scene, part: &str) -> (String, Value) {
    let name = scene.name(part);
    let files = tar(&[("main.tf", &small_source("theirs"))]);
    let row = scene
        .person
        .make_template(scene.bed.organization(), &name, files)
        .await;
    (name, row)
}

/// A workspace that someone else makes for the bed's owner.
async fn foreign_workspace(scene: &Scene, part: &str, template: &Value) -> (String, Value) {
    let name = scene.name(part);
    let owner = scene.bed.owner();
    let row = scene
        .person
        .make_workspace(owner, &name, id(template))
        .await;
    (name, row)
}

/// The label `coder.com/origin`.
fn origin(object: &Value) -> &str {
    object["metadata"]["labels"]["coder.com/origin"]
        .as_str()
        .unwrap_or_default()
}

/// Whether nothing of ours holds the object up when it is deleted.
fn is_free(object: &Value) -> bool {
    object["metadata"]["finalizers"].is_null()
}

/// The managers that own anything in `spec`.
fn owners_of_spec(object: &Value) -> BTreeSet<String> {
    let entries = object["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    entries
        .iter()
        .filter(|entry| entry["fieldsV1"].get("f:spec").is_some())
        .map(|entry| entry["manager"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// The HTTP status that coderd answers for a workspace.
async fn workspace_status(scene: &Scene, twin: &str) -> u16 {
    scene
        .person
        .send("GET", &format!("/workspaces/{twin}"), None)
        .await
        .0
}

/// The HTTP status that coderd answers for a template.
async fn template_status(scene: &Scene, twin: &str) -> u16 {
    scene
        .person
        .send("GET", &format!("/templates/{twin}"), None)
        .await
        .0
}

/// Sets fields of `spec` as people do.
async fn patch(scene: &Scene, object: &str, spec: Value) {
    let patch = json!({ "spec": spec }).to_string();
    scene
        .kubectl(&["patch", object, "--type=merge", "-p", &patch])
        .await;
}

/// Deletes the object and does not wait.
async fn delete(scene: &Scene, object: &str) {
    scene.kubectl(&["delete", object, "--wait=false"]).await;
}

/// The uid of an object.
fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap()
}
