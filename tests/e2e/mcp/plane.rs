//! Control planes, on a bed of their own: the kind is not of this program yet, and must not appear in front
//! of other tests.

use serde_json::{Value, json};
use testbed::{Access, Bed, Options};

use super::server::{Server, install};

#[tokio::test(flavor = "multi_thread")]
async fn control_planes_are_told_where_the_kind_is_installed() {
    let bed = Bed::start(Options::default()).await.unwrap();
    let access: &'static Access = Box::leak(Box::new((*bed).clone()));
    install(access).await;
    let server = Server::start(access, &[]).await;
    access
        .run_kubectl(&["create", "serviceaccount", "root", "-n", "default"])
        .await
        .unwrap();
    let role = [
        "create",
        "clusterrolebinding",
        "root",
        "--clusterrole=cluster-admin",
    ];
    let account = ["--serviceaccount=default:root"];
    access
        .run_kubectl(&[&role[..], &account].concat())
        .await
        .unwrap();
    let token = access
        .run_kubectl(&["create", "token", "root", "-n", "default"])
        .await
        .unwrap();
    let caller = server.client(token.trim());
    let object = json!({ "namespace": "default", "name": "main" });
    for (tool, arguments) in [
        ("get_control_plane_status", object.clone()),
        ("list_control_planes", json!({})),
    ] {
        server
            .eventually("the missing kind is named", async || {
                let refused = caller.call(tool, arguments.clone()).await;
                refused.is_error && refused.text.contains("codercontrolplanes.coder.com")
            })
            .await;
    }

    let apply = async |object: Value| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), object.to_string()).unwrap();
        let path = file.path().to_str().unwrap();
        access.run_kubectl(&["apply", "-f", path]).await.unwrap();
    };
    apply(kind()).await;
    let established = [
        "wait",
        "--for=condition=Established",
        "crd/codercontrolplanes.coder.com",
    ];
    access.run_kubectl(&established).await.unwrap();
    let condition = json!({
        "type": "LicenseApplied",
        "status": "True",
        "reason": "Applied",
        "message": "m",
        "observedGeneration": 3,
        "lastTransitionTime": "2026-01-02T03:04:05Z",
    });
    apply(json!({
        "apiVersion": "coder.com/v1alpha1",
        "kind": "CoderControlPlane",
        "metadata": { "name": "main", "namespace": "default" },
        "status": {
            "observedGeneration": 3,
            "readyReplicas": 2,
            "phase": "Ready",
            "url": "http://main.default.svc:80",
            "conditions": [condition],
        },
    }))
    .await;
    let told = caller.content("get_control_plane_status", object).await;
    let expected = json!({
        "observedGeneration": 3,
        "readyReplicas": 2,
        "phase": "Ready",
        "url": "http://main.default.svc:80",
        "conditions": [condition],
    });
    assert_eq!(told, expected);
    let told = caller.content("list_control_planes", json!({})).await;
    let item = json!({
        "name": "main",
        "namespace": "default",
        "phase": "Ready",
        "readyReplicas": 2,
        "url": "http://main.default.svc:80",
    });
    assert_eq!(told, json!({ "items": [item] }));
}

fn kind() -> Value {
    let any = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "codercontrolplanes.coder.com" },
        "spec": {
            "group": "coder.com",
            "scope": "Namespaced",
            "names": {
                "kind": "CoderControlPlane",
                "plural": "codercontrolplanes",
                "singular": "codercontrolplane",
            },
            "versions": [{
                "name": "v1alpha1",
                "served": true,
                "storage": true,
                "schema": { "openAPIV3Schema": any },
            }],
        },
    })
}
