//! Who owns what under server-side apply, by the list and map types of the CRDs.

use serde_json::{Map, Value, json};

use super::{stage, template, workspace};
use crate::e2e::{object::owners, scene::Scene};

const CWS: &str = "acme.ann.dev";
const CTPL: &str = "acme.go";

/// Applies as `manager`.
async fn apply_as(scene: &Scene, manager: &str, manifest: &Value) -> (bool, String) {
    scene
        .try_apply(manifest, &[&format!("--field-manager={manager}")])
        .await
}

/// Applies as `manager`, who is refused for a conflict about exactly `field`, and then insists.
async fn insist(scene: &Scene, manager: &str, manifest: &Value, field: &str) {
    let (fine, text) = apply_as(scene, manager, manifest).await;
    assert!(!fine, "{text}");
    let conflict = format!("Apply failed with 1 conflict: conflict with \"ann\": {field}\n");
    assert!(text.contains(&conflict), "{text}");
    let flags = [&format!("--field-manager={manager}"), "--force-conflicts"];
    let (fine, text) = scene.try_apply(manifest, &flags).await;
    assert!(fine, "{text}");
}

async fn spec(scene: &Scene, object: &str) -> Value {
    scene.object(object).await.unwrap()["spec"].clone()
}

/// What `manager` owns of `spec`.
async fn owned(scene: &Scene, object: &str, manager: &str) -> Value {
    let object = scene.object(object).await.unwrap();
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["manager"] == manager);
    entry.map_or(Value::Null, |entry| entry["fieldsV1"]["f:spec"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_parameter_has_its_own_owner() {
    let scene = stage("own-params").await;
    let cws = format!("cws/{CWS}");
    let with = |parameters: Value| workspace(CWS, &json!({ "parameters": parameters }));
    let cpu = json!({ "name": "cpu", "value": "4" });
    let memory = json!({ "name": "memory", "value": "8" });
    assert!(apply_as(&scene, "ann", &with(json!([cpu]))).await.0);
    assert!(apply_as(&scene, "bob", &with(json!([memory]))).await.0);
    assert_eq!(
        spec(&scene, &cws).await,
        json!({ "parameters": [cpu, memory] })
    );
    let entry = owned(&scene, &cws, "bob").await;
    assert_eq!(
        entry,
        json!({ "f:parameters": { "k:{\"name\":\"memory\"}": {} } })
    );

    // A value that becomes a reference is one change, which force may make.
    let secret =
        json!({ "name": "cpu", "valueFrom": { "secretKeyRef": { "name": "s", "key": "cpu" } } });
    let changed = with(json!([memory, secret]));
    insist(&scene, "bob", &changed, ".spec.parameters[name=\"cpu\"]").await;
    assert_eq!(
        spec(&scene, &cws).await,
        json!({ "parameters": [memory, secret] })
    );

    // Who leaves a parameter out gives up his own, and nobody else's.
    assert!(apply_as(&scene, "bob", &with(json!([secret]))).await.0);
    assert_eq!(spec(&scene, &cws).await, json!({ "parameters": [secret] }));
    assert_eq!(owned(&scene, &cws, "ann").await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_owned_and_replaced_as_one() {
    let scene = stage("own-source").await;
    let ctpl = format!("ctpl/{CTPL}");
    let with = |source: &Value| template(CTPL, &json!({ "source": source }));
    let map = json!({ "configMapRef": { "name": "go" } });
    let archive =
        json!({ "archive": { "url": "https://example.com/go.tar", "sha256": "0".repeat(64) } });
    assert!(apply_as(&scene, "ann", &with(&map)).await.0);
    insist(&scene, "bob", &with(&archive), ".spec.source").await;
    assert_eq!(spec(&scene, &ctpl).await, json!({ "source": archive }));
    assert_eq!(owned(&scene, &ctpl, "bob").await, json!({ "f:source": {} }));
}

#[tokio::test(flavor = "multi_thread")]
async fn inline_files_are_owned_and_replaced_as_one() {
    let scene = stage("own-files").await;
    let ctpl = format!("ctpl/{CTPL}");
    let with = |files: &Value| template(CTPL, &json!({ "files": files }));
    let files: Map<_, _> = (0..50)
        .map(|number| (format!("modules/{number}/main.tf"), json!("text")))
        .collect();
    assert!(
        apply_as(&scene, "ann", &with(&Value::Object(files)))
            .await
            .0
    );
    assert_eq!(owned(&scene, &ctpl, "ann").await, json!({ "f:files": {} }));

    let other = json!({ "main.tf": "text" });
    insist(&scene, "bob", &with(&other), ".spec.files").await;
    assert_eq!(spec(&scene, &ctpl).await, json!({ "files": other }));
    assert_eq!(
        owners(&scene.object(&ctpl).await.unwrap(), "files"),
        ["bob"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_and_requirements_are_owned_as_one_and_variables_each() {
    let scene = stage("own-others").await;
    let ctpl = format!("ctpl/{CTPL}");
    let with = |tag: &str, day: &str| {
        template(
            CTPL,
            &json!({
                "provisionerTags": { tag: "yes" },
                "autostopRequirement": { "daysOfWeek": [day], "weeks": 2 },
                "autostartRequirement": { "daysOfWeek": [day] },
                "variables": [{ "name": tag, "value": "yes" }],
            }),
        )
    };
    assert!(apply_as(&scene, "ann", &with("eu", "monday")).await.0);
    let (fine, text) = apply_as(&scene, "bob", &with("us", "friday")).await;
    assert!(!fine, "{text}");
    for field in [
        ".spec.provisionerTags",
        ".spec.autostopRequirement",
        ".spec.autostartRequirement",
    ] {
        assert!(text.contains(&format!("- {field}\n")), "{text}");
    }
    assert_eq!(
        owned(&scene, &ctpl, "ann").await,
        json!({
            "f:provisionerTags": {},
            "f:autostopRequirement": {},
            "f:autostartRequirement": {},
            "f:variables": { "k:{\"name\":\"eu\"}": {} },
        })
    );
    let more = template(
        CTPL,
        &json!({ "variables": [{ "name": "us", "value": "yes" }] }),
    );
    assert!(
        apply_as(&scene, "bob", &more).await.0,
        "a variable of one's own is no conflict"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn status_is_written_apart_from_spec() {
    let scene = stage("own-status").await;
    for (object, mut manifest) in [
        (
            format!("cws/{CWS}"),
            workspace(CWS, &json!({ "organization": "acme" })),
        ),
        (
            format!("ctpl/{CTPL}"),
            template(CTPL, &json!({ "organization": "acme" })),
        ),
    ] {
        manifest["status"] = json!({ "organizationName": "made up" });
        scene.apply(&manifest).await;
        let seen = scene.object(&object).await.unwrap();
        assert_eq!(seen["status"], json!({ "observedGeneration": -1 }));

        manifest["spec"] = json!({ "driftPolicy": "Observe" });
        manifest["status"] = json!({ "organizationName": "acme" });
        let flags = ["--subresource=status", "--field-manager=coder-k8s"];
        let (fine, text) = scene.try_apply(&manifest, &flags).await;
        assert!(fine, "{text}");
        let seen = scene.object(&object).await.unwrap();
        assert_eq!(seen["spec"], json!({ "organization": "acme" }));
        let status = json!({ "observedGeneration": -1, "organizationName": "acme" });
        assert_eq!(seen["status"], status);
        assert_eq!(seen["metadata"]["generation"], 1, "status is no new order");
    }
}
