//! What the API server does by the CRDs alone: refuses, owns, shows. No controller runs here.

mod control_plane;
mod display;
mod fresh;
mod ownership;
mod ratchet;
mod template;
mod text;
mod workspace;

use std::fmt::Write as _;

use http::Request;
use kube::{Error, core::Status};
use serde_json::{Value, json};
use testbed::Bed;

use super::scene::Scene;

/// What a table says of one manifest: what the API server answers, nothing where it accepts.
type Case<'a> = (Value, &'a [&'a str]);

/// A stage where nobody but the API server acts.
async fn stage(test: &str) -> Scene {
    Scene::idle(Bed::shared().unwrap(), test, &[]).await
}

/// A manifest of a workspace with this `metadata.name`.
fn workspace(name: &str, spec: &Value) -> Value {
    manifest("CoderWorkspace", name, spec)
}

/// A manifest of a template with this `metadata.name`.
fn template(name: &str, spec: &Value) -> Value {
    manifest("CoderTemplate", name, spec)
}

fn manifest(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "coder.com/v1alpha1",
        "kind": kind,
        "metadata": { "name": name },
        "spec": spec,
    })
}

/// Offers every manifest of the table, and tells all differences at once.
async fn check(scene: &Scene, cases: &[Case<'_>]) {
    let mut differences = String::new();
    for (manifest, expected) in cases {
        let said = complaints(scene, manifest).await;
        if said != *expected {
            let shown: String = manifest.to_string().chars().take(300).collect();
            write!(
                differences,
                "\n{shown}\n   said: {said:#?}\n    not: {expected:#?}\n"
            )
            .unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

/// What the API server objects to when `kubectl apply --server-side --dry-run=server` sends this
/// manifest, as `field: text`.
async fn complaints(scene: &Scene, manifest: &Value) -> Vec<String> {
    let kind = manifest["kind"].as_str().unwrap().to_lowercase();
    let path = format!(
        "/apis/coder.com/v1alpha1/namespaces/{}/{kind}s/{}?fieldManager=kubectl&force=true\
         &fieldValidation=Strict&dryRun=All",
        scene.namespace,
        manifest["metadata"]["name"].as_str().unwrap(),
    );
    let request = Request::patch(path)
        .header("content-type", "application/apply-patch+yaml")
        .body(serde_json::to_vec(manifest).unwrap())
        .unwrap();
    match scene.kube.request::<Value>(request).await {
        Ok(_) => Vec::new(),
        Err(Error::Api(status)) => causes(&status),
        Err(error) => panic!("{error}"),
    }
}

fn causes(status: &Status) -> Vec<String> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let texts: Vec<_> = causes
        .map(|cause| format!("{}: {}", cause.field, cause.message))
        // The server's own remark wherever the types are wrong already.
        .filter(|text| !text.contains("some validation rules were not checked"))
        .collect();
    if !texts.is_empty() {
        return texts;
    }
    // What does not fit the schema at all: `failed to create typed patch object (<its name>): <text>`.
    let text = status
        .message
        .split_once("): ")
        .map_or(status.message.as_str(), |(_, text)| text);
    vec![text.to_owned()]
}
