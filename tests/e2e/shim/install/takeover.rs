//! From the Go project to this one, in the same cluster and under the same names.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{cluster::Cluster, guide::Guide};
use crate::e2e::{
    shim::server::API_SERVICE,
    template::{small_source, tar},
};

const OLD: &str = "/apis/aggregation.coder.com/v1alpha1/namespaces/team/codertemplates";

/// The Go project's manifests.
fn manifests() -> String {
    let file = crate::root().join("tests/e2e/shim/install/go-project.yaml");
    file.display().to_string()
}

/// A cluster that the Go project is installed in, with `flags` of `kubectl apply`.
pub async fn installed(flags: &[&str]) -> Cluster {
    let cluster = Cluster::new().await;
    let file = manifests();
    cluster
        .kubectl(&[&["apply", "-f", &file], flags].concat())
        .await;
    let crd = "crd/codercontrolplanes.coder.com";
    cluster
        .kubectl(&["wait", "--for=condition=Established", crd])
        .await;
    cluster.kubectl(&["create", "namespace", "coder"]).await;
    let plane = json!({
        "apiVersion": "coder.com/v1alpha1",
        "kind": "CoderControlPlane",
        "metadata": { "name": "coder", "namespace": "coder" },
        "spec": { "replicas": 1 },
    });
    cluster.apply(&plane.to_string()).await;
    cluster
}

/// By kind and name.
fn objects(text: &str) -> BTreeMap<(String, String), Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    let named = all.into_iter().map(|object| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let key = (text(&object["kind"]), text(&object["metadata"]["name"]));
        (key, object)
    });
    named.collect()
}

impl Cluster {
    /// The `spec` of an object, in the namespace of both projects if in any.
    pub async fn object_of(&self, kind: &str, name: &str) -> Value {
        let arguments = ["get", kind, name, "-n", "coder-system", "-o", "json"];
        let text = self.kubectl(&arguments).await;
        let mut object: Value = serde_json::from_str(&text).unwrap();
        object["spec"].take()
    }

    /// What is left of the Go project, and what `deploy/` makes has nothing of it.
    async fn left_of_the_go_project(&self) -> Vec<String> {
        let mut ours = BTreeMap::new();
        for folder in ["base", "apiserver"] {
            let folder = crate::root().join("deploy").join(folder);
            let built = self.kubectl(&["kustomize", folder.to_str().unwrap()]).await;
            ours.extend(objects(&built));
        }
        let mut left = Vec::new();
        for ((kind, name), object) in objects(&std::fs::read_to_string(manifests()).unwrap()) {
            if ours.contains_key(&(kind.clone(), name.clone())) {
                continue;
            }
            let namespace = object["metadata"]["namespace"]
                .as_str()
                .unwrap_or("default");
            let arguments = ["get", &kind, &name, "-n", namespace, "--ignore-not-found"];
            if !self.kubectl(&arguments).await.is_empty() {
                left.push(format!("{kind}/{name}"));
            }
        }
        left
    }
}

async fn is_taken_over(flags: &[&str]) {
    let cluster = installed(flags).await;
    let bed = cluster.bed;
    let planes = "/apis/coder.com/v1alpha1/namespaces/coder/codercontrolplanes/coder";
    let plane = cluster.find(planes).await.unwrap();
    let files = tar(&[("main.tf", &small_source(""))]);
    let twin = cluster
        .person
        .make_template(bed.organization(), "scratch", files)
        .await;

    let mut moving = Guide::read("docs/how-to/aggregated-api.md");
    let mut install = Guide::read("docs/how-to/install.md");
    moving.run(bed, "Take the Go project away").await;
    let account = "system:serviceaccount:coder-system:coder-k8s";
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": { "user": account, "resourceAttributes": { "verb": "list", "resource": "secrets" } },
    });
    let reviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let review = cluster.post(reviews, &review).await.expect(201).json();
    assert_eq!(
        review["status"]["allowed"], false,
        "the account is ours now"
    );

    install.run(bed, "2. The controller").await;
    install.run(bed, "3. Its rights in the namespace").await;
    // As the guide says: everything is imported.
    let import = r#"{"data":{"CODER_K8S_IMPORT":null}}"#;
    let map = [
        "patch",
        "configmap",
        "coder-k8s",
        "-n",
        "coder-system",
        "-p",
        import,
    ];
    cluster.kubectl(&map).await;
    let controller = cluster.start("coder-system", "coder-k8s").await;
    let pod = OnceCell::new();
    let play = async |command: &str| {
        if command.contains("apply") {
            let spec = cluster.object_of("Service", "coder-k8s-apiserver").await;
            assert_eq!(spec["selector"], json!({ "app": "coder-k8s-apiserver" }));
            assert_eq!(spec["ports"].as_array().unwrap().len(), 1);
            assert_eq!(spec["ports"][0]["targetPort"], "https");
            cluster.serve(&pod).await;
        }
    };
    moving.run_with(bed, "Take over the group", play).await;

    // What was made in Coder before is shown to old clients by us.
    let path = format!("{OLD}/{}.scratch", bed.organization());
    let imported = async || {
        cluster
            .find(&path)
            .await
            .is_some_and(|seen| seen["status"]["id"] == twin["id"])
    };
    cluster
        .eventually("it is imported", imported, || controller.log())
        .await;
    let trusts = async || {
        let spec = cluster.object_of("APIService", API_SERVICE).await;
        spec["caBundle"].is_string()
            && spec.get("insecureSkipTLSVerify").is_none()
            && spec["groupPriorityMinimum"] == 900
    };
    cluster
        .eventually("the certificate is checked", trusts, String::new)
        .await;
    let container = &cluster.object_of("Deployment", "coder-k8s").await["template"]["spec"];
    assert_eq!(container["containers"].as_array().unwrap().len(), 1);
    assert_eq!(container["containers"][0]["name"], "coder-k8s");
    cluster.namespaces_go().await;

    // What is left is what runs Coder, and nobody has touched it; and the Lease, which is ours now.
    let left = cluster.left_of_the_go_project().await;
    assert_eq!(
        left,
        [
            "CustomResourceDefinition/codercontrolplanes.coder.com",
            "Lease/coder-k8s-controller.coder.com"
        ]
    );
    let leases = "/apis/coordination.k8s.io/v1/namespaces/coder-system/leases";
    let lease = cluster
        .find(&format!("{leases}/coder-k8s-controller.coder.com"))
        .await;
    let entries = &lease.unwrap()["metadata"]["managedFields"];
    assert!(
        entries[0]["manager"]
            .as_str()
            .unwrap()
            .starts_with("coder-k8s"),
        "{entries:#}"
    );
    assert_eq!(cluster.find(planes).await, Some(plane));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_the_go_project_is_taken_over_in_place() {
    is_taken_over(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_the_go_project_that_argo_cd_installed_is_taken_over_in_place() {
    is_taken_over(&["--server-side", "--field-manager=argocd-controller"]).await;
}
