//! Control planes, on a bed of their own: the kind may not be installed, and must not go in front of other tests.

use serde_json::{Value, json};
use testbed::{Access, Bed, Options};

use super::server::{Server, install};

#[tokio::test(flavor = "multi_thread")]
async fn control_planes_are_told_where_the_kind_is_installed() {
    let bed = Bed::start(Options::default()).await.unwrap();
    let access: &'static Access = Box::leak(Box::new((*bed).clone()));
    install(access).await;
    let operator = crate::root().join("crds/operator").display().to_string();
    access
        .run_kubectl(&["delete", "-f", &operator])
        .await
        .unwrap();
    let server = Server::start(access, &[]).await;
    let token = root(access).await;
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
    access
        .run_kubectl(&["apply", "--server-side", "-f", &operator])
        .await
        .unwrap();
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
    }))
    .await;
    let status = json!({ "status": {
        "observedGeneration": 3,
        "readyReplicas": 2,
        "phase": "Ready",
        "url": "http://main.default.svc:80",
        "conditions": [condition],
    } });
    let patch = [
        "patch",
        "ccp",
        "main",
        "-n",
        "default",
        "--subresource=status",
        "--type=merge",
    ];
    let status = status.to_string();
    access
        .run_kubectl(&[&patch[..], &["-p", &status]].concat())
        .await
        .unwrap();
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

/// The token of an account that may do everything.
async fn root(access: &Access) -> String {
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
    access
        .run_kubectl(&["create", "token", "root", "-n", "default"])
        .await
        .unwrap()
}
