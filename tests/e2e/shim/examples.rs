//! Manifests of the old project, unchanged, in front of a real coderd: the aggregated API and the
//! controller are one process.

use serde_json::{Value, json};
use testbed::{Access, Bed, Options};

use super::{
    caller::Ask,
    server::{self, NAME, NAMESPACE, Server, Settings},
    stage::{Group, Stage, TEMPLATES, WORKSPACES},
};
use crate::e2e::{
    coder::{Person, id},
    template::small_source,
};

/// The installation of an old user.
pub struct Old {
    pub stage: Stage,
    pub person: Person,
    organization: String,
    _bed: Bed,
}

impl Old {
    pub async fn new() -> Self {
        let bed = Bed::start(Options::default()).await.unwrap();
        let access: &'static Access = Box::leak(Box::new((*bed).clone()));
        server::install(access).await;
        let server = Server::published(
            access,
            Settings {
                flags: vec![
                    format!("--coder-url={}", access.coder_url()),
                    format!(
                        "--coder-session-token-file={}",
                        access.controller_token_file().display()
                    ),
                    "--coder-namespace=coder".to_owned(),
                    "--leader-elect=false".to_owned(),
                    "--sweep-interval=1s".to_owned(),
                ],
                kubeconfig: Some(rights(access).await),
                ..Settings::default()
            },
        );
        let server: &'static Server = Box::leak(Box::new(server.await));
        let mut stage = Stage::of(server, "unused").await;
        "coder".clone_into(&mut stage.namespace);
        Self {
            stage,
            person: Person::new(access.coder_url(), access.coder_token()),
            organization: access.organization().to_owned(),
            _bed: bed,
        }
    }

    async fn apply(&self, manifest: &str) -> String {
        let kubectl = self.stage.bed.kubectl();
        let (fine, text) = self
            .stage
            .try_kubectl(kubectl, &["apply", "-f", "-"], manifest)
            .await;
        assert!(fine, "{text}\n{manifest}\n{}", self.stage.server.log_tail());
        text
    }

    pub async fn until(
        &self,
        plural: &str,
        name: &str,
        what: &str,
        is_as: impl Fn(&Value) -> bool,
    ) -> Value {
        let path = self.stage.path(Group::Old, plural, name);
        let seen = async || self.stage.admin.get(path.as_str()).await.json();
        self.stage
            .server
            .eventually(what, async || is_as(&seen().await))
            .await;
        seen().await
    }

    pub async fn until_gone(&self, plural: &str, name: &str) {
        let path = self.stage.path(Group::Old, plural, name);
        self.stage
            .server
            .eventually("it is gone", async || {
                self.stage.admin.get(path.as_str()).await.status == 404
            })
            .await;
    }

    pub async fn template(&self, name: &str) -> Option<Value> {
        self.person.template(&self.organization, name).await
    }

    pub async fn workspace(&self, name: &str) -> Option<Value> {
        self.person.workspace(self.stage.bed.owner(), name).await
    }

    /// A template as the old project exported it: every field, some empty, some without meaning.
    fn template_manifest(&self, display: &str, main: &str) -> String {
        let main = main.replace('\n', "\n      ");
        format!(
            "apiVersion: aggregation.coder.com/v1alpha1\nkind: CoderTemplate\nmetadata:\n  name: {0}.scratch\n  namespace: coder\n\
             spec:\n  organization: {0}\n  versionID: \"\"\n  displayName: {display}\n  description: For trying things.\n  icon: /emojis/1f4e6.png\n\
             \x20 running: false\n  files:\n    README.md: |\n      A scratch.\n    main.tf: |\n      {main}\n",
            self.organization
        )
    }

    fn workspace_manifest(&self, name: &str, spec: &str) -> String {
        format!(
            "apiVersion: aggregation.coder.com/v1alpha1\nkind: CoderWorkspace\nmetadata:\n  name: {0}.{1}.{name}\n  namespace: coder\n\
             spec:\n  organization: {0}\n  templateName: scratch\n{spec}",
            self.organization,
            self.stage.bed.owner()
        )
    }

    pub fn template_object(&self, name: &str) -> String {
        format!("{}.{name}", self.organization)
    }

    pub fn workspace_object(&self, name: &str) -> String {
        format!("{}.{}.{name}", self.organization, self.stage.bed.owner())
    }
}

/// The account of the aggregated API gets the controller's rights too, from `deploy/`.
pub async fn rights(bed: &Access) -> std::path::PathBuf {
    bed.run_kubectl(&["create", "namespace", "coder"])
        .await
        .unwrap();
    let deploy = crate::root().join("deploy");
    for file in ["base/role.yaml", "sync/role.yaml"] {
        let file = deploy.join(file).display().to_string();
        bed.run_kubectl(&["apply", "-n", "coder", "-f", &file])
            .await
            .unwrap();
    }
    let account = format!("--serviceaccount={NAMESPACE}:{NAME}");
    for bind in [
        ["rolebinding", "coder-k8s-sync", "--role=coder-k8s-sync"],
        [
            "clusterrolebinding",
            "coder-k8s-crds",
            "--clusterrole=coder-k8s-crds",
        ],
    ] {
        let create = [&["create"], &bind[..], &[&account, "-n", "coder"]].concat();
        bed.run_kubectl(&create).await.unwrap();
    }
    server::kubeconfig(bed).await
}

fn build(status: &'static str) -> impl Fn(&Value) -> bool {
    move |seen| seen["status"]["latestBuildStatus"] == status
}

#[tokio::test(flavor = "multi_thread")]
async fn old_manifests_do_what_they_did() {
    let old = Old::new().await;
    let scratch = old.template_object("scratch");

    // A template is created with its files, and changed with them.
    old.apply(&old.template_manifest("Scratch", &small_source("one")))
        .await;
    let has_version = |seen: &Value| {
        seen["status"]["activeVersionID"]
            .as_str()
            .is_some_and(|id| !id.is_empty())
    };
    let first = old
        .until(TEMPLATES, &scratch, "the template is there", has_version)
        .await;
    assert_eq!(first["spec"]["files"]["README.md"], "A scratch.\n");
    let twin = old.template("scratch").await.unwrap();
    assert_eq!(twin["display_name"], "Scratch");
    assert_eq!(
        first["status"]["activeVersionID"],
        twin["active_version_id"]
    );
    old.apply(&old.template_manifest("Changed", &small_source("two")))
        .await;
    let second = old
        .until(TEMPLATES, &scratch, "another version is active", |seen| {
            has_version(seen)
                && seen["status"]["activeVersionID"] != first["status"]["activeVersionID"]
        })
        .await;
    assert_eq!(
        old.template("scratch").await.unwrap()["display_name"],
        "Changed"
    );

    write_back(&old, &scratch, &second["spec"]["files"]).await;
    use_a_workspace(&old).await;

    // Deleting is deleting in coderd, whoever made it.
    let template = old.template("scratch").await.unwrap();
    old.person
        .make_workspace(old.stage.bed.owner(), "theirs", id(&template))
        .await;
    let theirs = old.workspace_object("theirs");
    old.until(WORKSPACES, &theirs, "it was imported", build("running"))
        .await;
    for name in ["dev", "theirs"] {
        let object = old.workspace_object(name);
        let named = format!("coderworkspaces.aggregation.coder.com/{object}");
        old.stage.kubectl(&["delete", &named, "--wait=false"]).await;
        old.until_gone(WORKSPACES, &object).await;
        assert_eq!(
            old.workspace(name).await,
            None,
            "{name} is gone in coderd too"
        );
    }
    let named = format!("codertemplates.aggregation.coder.com/{scratch}");
    old.stage.kubectl(&["delete", &named, "--wait=false"]).await;
    old.until_gone(TEMPLATES, &scratch).await;
    assert_eq!(old.template("scratch").await, None);
}

/// An old client lists, changes what it got, and writes it back: lists never had files.
async fn write_back(old: &Old, name: &str, files: &Value) {
    let list = old
        .stage
        .admin
        .get(old.stage.path(Group::Old, TEMPLATES, ""))
        .await
        .expect(200)
        .json();
    let mut listed = list["items"][0].clone();
    assert_eq!(listed["metadata"]["name"], json!(name));
    assert_eq!(listed["spec"]["files"], Value::Null);
    listed["spec"]["description"] = json!("Written back.");
    let path = old.stage.path(Group::Old, TEMPLATES, name);
    let mut put = old
        .stage
        .admin
        .send(Ask::new("PUT", path.as_str()).json(&listed))
        .await;
    if put.status == 409 {
        let live = old.stage.admin.get(path.as_str()).await.json();
        listed["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        put = old
            .stage
            .admin
            .send(Ask::new("PUT", path.as_str()).json(&listed))
            .await;
    }
    assert_eq!(put.expect(200).json()["spec"]["files"], *files);
    old.stage
        .server
        .eventually("it is described in coderd", async || {
            old.template("scratch").await.unwrap()["description"] == "Written back."
        })
        .await;
}

/// A workspace is created, started, stopped.
async fn use_a_workspace(old: &Old) {
    old.apply(&old.workspace_manifest("dev", "  running: true\n  ttlMillis: 3600000\n"))
        .await;
    let object = old.workspace_object("dev");
    let seen = old
        .until(WORKSPACES, &object, "it runs", build("running"))
        .await;
    let twin = old.workspace("dev").await.unwrap();
    assert_eq!(seen["status"]["id"], twin["id"]);
    assert_eq!(twin["ttl_ms"], 3_600_000);
    for (running, status) in [("false", "stopped"), ("true", "running")] {
        let patch = format!(r#"{{"spec":{{"running":{running}}}}}"#);
        let name = format!("coderworkspaces.aggregation.coder.com/{object}");
        old.stage
            .kubectl(&["patch", &name, "--type=merge", "-p", &patch])
            .await;
        old.until(WORKSPACES, &object, status, build(status)).await;
        let twin = old.workspace("dev").await.unwrap();
        assert_eq!(twin["latest_build"]["status"], status);
    }
}
