//! Under other names and in another namespace, by the overlay that `docs/how-to/install.md` shows; beside
//! the Go project, which keeps the usual ones.

use serde_json::{Value, json};

use super::{cluster::Cluster, guide::Guide, takeover::installed};
use crate::e2e::shim::{caller::Ask, server::API_SERVICE};

const HEADING: &str = "Other names";
const CONTROLLER: &str = "system:serviceaccount:coder:acme-coder-k8s";
const SERVER: &str = "system:serviceaccount:coder:acme-coder-k8s-apiserver";
const OBJECTS: &str = "/apis/coder.com/v1alpha1/namespaces/team/coderworkspaces";

#[tokio::test(flavor = "multi_thread")]
async fn an_overlay_chooses_namespace_and_prefix() {
    let cluster = installed(&[]).await;
    let bed = cluster.bed;
    cluster
        .kubectl(&["delete", "apiservice", API_SERVICE])
        .await;
    let others = ["deployment", "service", "serviceaccount", "lease"].join(",");
    let go = [
        "get",
        &others,
        "-n",
        "coder-system",
        "-o",
        "jsonpath={.items[*].metadata.resourceVersion}",
    ];
    let before = cluster.kubectl(&go).await;

    let mut install = Guide::read("docs/how-to/install.md");
    install.write(HEADING, &["kustomization.yaml", "sync/kustomization.yaml"]);
    cluster.kubectl(&["create", "namespace", "team"]).await;
    install.run(bed, HEADING).await;
    let map = [
        "create",
        "configmap",
        "coder-k8s",
        "-n",
        "coder",
        "--from-literal=CODER_K8S_CODER_NAMESPACE=team",
        "--from-literal=CODER_K8S_CODER_URL=https://coder.example.com",
        "--from-literal=CODER_K8S_IMPORT=none",
    ];
    cluster.kubectl(&map).await;
    let controller = cluster.start("coder", "acme-coder-k8s").await;
    let server = cluster.start("coder", "acme-coder-k8s-apiserver").await;
    cluster.connect(&server).await;

    // The controller has its rights in its namespace.
    cluster.ready_template(&controller).await;
    // The aggregated API has its own, and what it passes on has its own level.
    let old = "/apis/aggregation.coder.com/v1alpha1/namespaces/team/codertemplates";
    let listed = cluster.admin.get(old).await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let uid = async |plural: &str| {
        let path =
            format!("/apis/flowcontrol.apiserver.k8s.io/v1/{plural}/acme-coder-k8s-apiserver");
        let found = cluster.find(&path).await.unwrap();
        found["metadata"]["uid"].as_str().unwrap().to_owned()
    };
    let (schema, level) = (
        uid("flowschemas").await,
        uid("prioritylevelconfigurations").await,
    );
    let classified = async || {
        let reply = cluster
            .admin
            .send(as_user(Ask::get(OBJECTS), SERVER))
            .await
            .expect(200);
        reply.header("x-kubernetes-pf-flowschema-uid") == schema
            && reply.header("x-kubernetes-pf-prioritylevel-uid") == level
    };
    cluster
        .eventually(
            "its requests have a level of their own",
            classified,
            String::new,
        )
        .await;

    controller.program.kill().await;
    policies_know_both(&cluster).await;

    // The Go project has not noticed.
    assert_eq!(cluster.kubectl(&go).await, before);
}

/// The policies of deletion know the two by their new names.
async fn policies_know_both(cluster: &Cluster) {
    let name = format!(
        "{}.{}.hasty",
        cluster.bed.organization(),
        cluster.bed.owner()
    );
    let object = json!({
        "apiVersion": "coder.com/v1alpha1",
        "kind": "CoderWorkspace",
        "metadata": {
            "name": name,
            // Nobody looks after it.
            "annotations": { "coder.com/paused": "true" },
        },
        "spec": { "templateName": "none", "deletionPolicy": "Delete" },
    });
    cluster.post(OBJECTS, &object).await.expect(201);
    let binding = json!({ "status": { "binding": {
        "deploymentID": "11111111-2222-3333-4444-555555555555",
        "id": "66666666-7777-8888-9999-000000000000",
        "origin": "kubernetes",
        "boundAt": "2026-01-01T00:00:00Z",
    } } });
    let path = format!("{OBJECTS}/{name}");
    let patch = |path: &str, patch: &Value| {
        Ask::new("PATCH", path).body("application/merge-patch+json", patch.to_string())
    };
    cluster
        .admin
        .send(patch(&format!("{path}/status"), &binding))
        .await
        .expect(200);
    let no_finalizer = json!({ "metadata": { "finalizers": null } });
    cluster
        .admin
        .send(patch(&path, &no_finalizer))
        .await
        .expect(200);
    let delete = || Ask::new("DELETE", format!("{path}?dryRun=All"));
    let refused = async || cluster.admin.send(delete()).await.status == 422;
    cluster
        .eventually("people are refused", refused, String::new)
        .await;
    for account in [CONTROLLER, SERVER] {
        cluster
            .admin
            .send(as_user(delete(), account))
            .await
            .expect(200);
    }
}

/// As one of the two accounts, with the groups that its token has.
fn as_user(ask: Ask, account: &str) -> Ask {
    ask.header("impersonate-user", account)
        .header("impersonate-group", "system:serviceaccounts")
        .header("impersonate-group", "system:serviceaccounts:coder")
        .header("impersonate-group", "system:authenticated")
}
