//! From the first command of the how-tos to the last: installed, used, upgraded, in an emergency,
//! removed. What stays behind is nothing, and no namespace is held up at any time.

use serde_json::json;
use tokio::sync::OnceCell;

use super::{
    cluster::{Cluster, Pod},
    guide::Guide,
};
use crate::e2e::{coder::id, object::is_ready, template::small_source};

const TEAM: &str = "/apis/coder.com/v1alpha1/namespaces/team";
const OLD: &str = "/apis/aggregation.coder.com/v1alpha1/namespaces/team";

impl Cluster {
    /// Makes a template by its object and waits until it is ready: what coderd says of it.
    pub async fn ready_template(&self, controller: &Pod) -> serde_json::Value {
        let name = format!("{}.scratch", self.bed.organization());
        let made = json!({
            "apiVersion": "coder.com/v1alpha1",
            "kind": "CoderTemplate",
            "metadata": { "name": name },
            "spec": { "deletionPolicy": "Delete", "files": { "main.tf": small_source("") } },
        });
        let collection = format!("{TEAM}/codertemplates");
        self.post(&collection, &made).await.expect(201);
        let path = format!("{collection}/{name}");
        let ready = async || self.find(&path).await.is_some_and(|seen| is_ready(&seen));
        self.eventually("the template is ready", ready, || controller.log())
            .await;
        let seen = self.find(&path).await.unwrap();
        let finalizers = &seen["metadata"]["finalizers"];
        assert_eq!(finalizers, &json!(["coder.com/coderd-cleanup"]));
        self.template().await.unwrap()
    }

    /// What coderd says of it.
    pub async fn template(&self) -> Option<serde_json::Value> {
        self.person
            .template(self.bed.organization(), "scratch")
            .await
    }

    /// A namespace can be made and is gone again when it is deleted.
    pub async fn namespaces_go(&self) {
        self.kubectl(&["create", "namespace", "passing"]).await;
        self.kubectl(&["delete", "namespace", "passing", "--timeout=90s"])
            .await;
    }

    /// Nothing of what `folder` of `deploy/` makes is there.
    async fn nothing_of(&self, folder: &str) {
        let folder = crate::root().join("deploy").join(folder);
        let built = self.kubectl(&["kustomize", folder.to_str().unwrap()]).await;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &built).unwrap();
        // Kinds whose CRDs are gone would not be looked for but refused; there are none in deploy/.
        let arguments = [
            "get",
            "--ignore-not-found",
            "-n",
            "team",
            "-o",
            "name",
            "-f",
        ];
        let path = file.path().to_str().unwrap();
        let left = self.kubectl(&[&arguments[..], &[path]].concat()).await;
        assert_eq!(left, "", "{}", folder.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_how_tos_say_installs_and_removes_it() {
    let cluster = Cluster::new().await;
    let bed = cluster.bed;
    let mut install = Guide::read("docs/how-to/install.md");
    let mut aggregated = Guide::read("docs/how-to/aggregated-api.md");

    install.run(bed, "2. The controller").await;
    install.run(bed, "3. Its rights in the namespace").await;
    install.run(bed, "4. Who may use it").await;
    let controller = cluster.start("coder-system", "coder-k8s").await;
    let twin = cluster.ready_template(&controller).await;
    install.run(bed, "Upgrade").await;

    // Where the Deployment was applied, its pods start.
    let pods = tokio::sync::Mutex::new(Vec::new());
    let play = async |command: &str| {
        if command.contains("apply") && command.ends_with("deploy/apiserver") {
            let mut pods = pods.lock().await;
            if pods.is_empty() {
                pods.push(cluster.start("coder-system", "coder-k8s-apiserver").await);
            }
            cluster.connect(&pods[0]).await;
        }
    };
    aggregated.run_with(bed, "Install", play).await;
    let old = format!("{OLD}/codertemplates");
    cluster.admin.get(&old).await.expect(200);
    cluster.namespaces_go().await;

    // While nobody answers for the group, no namespace goes; what is said for that case helps.
    drop(pods.lock().await.pop());
    cluster.kubectl(&["create", "namespace", "held"]).await;
    cluster
        .kubectl(&["delete", "namespace", "held", "--wait=false"])
        .await;
    let held = async || {
        let found = cluster.find("/api/v1/namespaces/held").await.unwrap();
        let conditions = found["status"]["conditions"].as_array().cloned();
        let failed = |one: &serde_json::Value| {
            one["type"] == "NamespaceDeletionDiscoveryFailure" && one["status"] == "True"
        };
        conditions.is_some_and(|all| all.iter().any(failed))
    };
    cluster
        .eventually("the deletion is held up", held, String::new)
        .await;
    let play = async |command: &str| {
        if command.contains("delete apiservice") {
            let gone = async || cluster.find("/api/v1/namespaces/held").await.is_none();
            cluster
                .eventually("the deletion goes on", gone, String::new)
                .await;
        } else {
            play(command).await;
        }
    };
    aggregated.run_with(bed, "In an emergency", play).await;
    cluster.admin.get(&old).await.expect(200);

    // The group goes first and alone, again and again for all that it matters.
    aggregated.run(bed, "Remove").await;
    cluster.nothing_of("apiserver").await;
    cluster.admin.get(&old).await.expect(404);
    cluster.namespaces_go().await;
    install.run(bed, "Uninstall").await;
    for folder in ["apiserver", "users", "sync", "base"] {
        cluster.nothing_of(folder).await;
    }
    cluster.namespaces_go().await;
    assert_eq!(controller.program.status(), None, "{}", controller.log());
    let left = cluster.template().await;
    assert_eq!(left.as_ref().map(id), Some(id(&twin)), "Coder has it still");

    install.was_run(&["Other names"]);
    // The others have tests of their own.
    aggregated.was_run(&["Take the Go project away", "Take over the group"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn uninstalling_all_at_once_holds_nothing_up() {
    let cluster = Cluster::new().await;
    let bed = cluster.bed;
    let mut install = Guide::read("docs/how-to/install.md");
    let mut aggregated = Guide::read("docs/how-to/aggregated-api.md");
    install.run(bed, "2. The controller").await;
    install.run(bed, "3. Its rights in the namespace").await;
    let controller = cluster.start("coder-system", "coder-k8s").await;
    let twin = cluster.ready_template(&controller).await;
    let pod = OnceCell::new();
    let play = async |command: &str| {
        if command.contains("apply") {
            cluster.serve(&pod).await;
        }
    };
    aggregated.run_with(bed, "Install", play).await;
    // Its pods are gone before the commands are: the worst of orders.
    drop(pod);
    install.run(bed, "Uninstall").await;
    cluster.namespaces_go().await;
    for folder in ["apiserver", "sync", "base"] {
        cluster.nothing_of(folder).await;
    }
    let left = cluster.template().await;
    assert_eq!(left.as_ref().map(id), Some(id(&twin)), "Coder has it still");
}
