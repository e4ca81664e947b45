//! What an object says before the controller has looked at it, and who owns that.

use serde_json::{Value, json};

use super::{stage, template, workspace};
use crate::e2e::{object::condition, scene::Scene};

/// What kstatus makes of an object, and with it Flux, Argo CD and `helm --wait`.
fn kstatus(object: &Value) -> &'static str {
    let (generation, status) = (&object["metadata"]["generation"], &object["status"]);
    let is = |kind: &str, word: &str| condition(object, kind) == word;
    let is_of_another =
        status["observedGeneration"].is_i64() && status["observedGeneration"] != *generation;
    if is_of_another || is("Reconciling", "True") {
        "InProgress"
    } else if is("Stalled", "True") {
        "Failed"
    } else if is("Ready", "False") || is("Ready", "Unknown") {
        "InProgress"
    } else {
        "Current"
    }
}

async fn report(scene: &Scene, manifest: &Value, status: &Value) {
    let mut manifest = manifest.clone();
    manifest["status"] = status.clone();
    let flags = ["--subresource=status", "--field-manager=coder-k8s"];
    let (fine, text) = scene.try_apply(&manifest, &flags).await;
    assert!(fine, "{text}");
}

/// The managers that own something in `status`.
fn owners(object: &Value) -> Vec<&str> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let of_status = entries
        .iter()
        .filter(|entry| !entry["fieldsV1"]["f:status"].is_null());
    of_status
        .map(|entry| entry["manager"].as_str().unwrap())
        .collect()
}

fn without_version(object: &Value) -> Value {
    let mut object = object.clone();
    object["metadata"]["resourceVersion"] = Value::Null;
    object
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_nobody_has_looked_at_is_in_progress_for_everybody() {
    let scene = stage("fresh").await;
    let spec = json!({ "organization": "acme" });
    for (object, manifest) in [
        ("cws/acme.ann.dev", workspace("acme.ann.dev", &spec)),
        ("ctpl/acme.go", template("acme.go", &spec)),
    ] {
        scene.apply(&manifest).await;
        let fresh = scene.object(object).await.unwrap();
        assert_eq!(fresh["status"], json!({ "observedGeneration": -1 }));
        assert_eq!(kstatus(&fresh), "InProgress");
        assert_eq!(owners(&fresh), [""; 0]);
        // Who applies the same again changes nothing and gets nothing. The first time, the server
        // writes down what it has only shown until then.
        scene.apply(&manifest).await;
        let stored = scene.object(object).await.unwrap();
        assert_eq!(without_version(&stored), without_version(&fresh));
        scene.apply(&manifest).await;
        let again = scene.object(object).await.unwrap();
        assert_eq!(again, stored);

        let ready = json!({
            "type": "Ready", "status": "True", "reason": "Available", "message": "",
            "observedGeneration": 1, "lastTransitionTime": "2026-11-21T10:00:00Z",
        });
        let status = json!({ "observedGeneration": 1, "conditions": [ready] });
        report(&scene, &manifest, &status).await;
        let looked_at = scene.object(object).await.unwrap();
        assert_eq!(looked_at["status"], status);
        assert_eq!(kstatus(&looked_at), "Current");
        assert_eq!(owners(&looked_at), ["coder-k8s"]);
        scene.apply(&manifest).await;
        let again = scene.object(object).await.unwrap();
        assert_eq!(again, looked_at);
    }
}
