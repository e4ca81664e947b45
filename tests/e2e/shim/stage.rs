//! Where one test plays: a namespace of its own in front of the shared server.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use testbed::Access;
use tokio::{io::AsyncWriteExt, process::Command};

use super::{
    caller::{Ask, Caller, Reply},
    server::{self, Server},
};

/// One of the two names for the same objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// `aggregation.coder.com`, which the aggregated API serves.
    Old,
    /// `coder.com`, which kube-apiserver serves itself.
    Stored,
}

pub const WORKSPACES: &str = "coderworkspaces";
pub const TEMPLATES: &str = "codertemplates";

/// A namespace and the ways to reach it.
pub struct Stage {
    pub server: &'static Server,
    pub bed: &'static Access,
    pub namespace: String,
    /// A cluster administrator at kube-apiserver.
    pub admin: Caller,
}

impl Group {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Old => "aggregation.coder.com",
            Self::Stored => "coder.com",
        }
    }

    pub fn version(self) -> String {
        format!("{}/v1alpha1", self.name())
    }
}

impl Stage {
    /// A namespace for `test` on the shared bed.
    pub async fn new(test: &str) -> Self {
        let server = server::shared().await;
        Self::of(server, test).await
    }

    /// A namespace for `test` behind `server`.
    pub async fn of(server: &'static Server, test: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("shim-{test}-{}-{number}", std::process::id() % 10_000);
        let bed = server.bed;
        bed.run_kubectl(&["create", "namespace", &namespace])
            .await
            .unwrap();
        Self {
            server,
            bed,
            namespace,
            admin: server::administrator(bed),
        }
    }

    /// The path of a collection of this namespace, or below it: `rest` is a name, `name/status` or
    /// `?query`, or empty.
    pub fn path(&self, group: Group, plural: &str, rest: &str) -> String {
        let collection = format!(
            "/apis/{}/namespaces/{}/{plural}",
            group.version(),
            self.namespace
        );
        match rest {
            "" => collection,
            rest if rest.starts_with('?') => collection + rest,
            rest => format!("{collection}/{rest}"),
        }
    }

    /// A user at kube-apiserver who has no rights but those that the test gives.
    pub fn user(&self, name: &str) -> Caller {
        self.admin
            .with_header("impersonate-user", name)
            .with_header("impersonate-group", "system:authenticated")
    }

    /// Gives `user` rights in the namespace: `verbs` on `resource` (such as
    /// `coderworkspaces.aggregation.coder.com`).
    pub async fn allow(&self, user: &str, verbs: &str, resource: &str) {
        let name = format!("{user}-{}", verbs.replace([',', '*'], "-"));
        let (verbs, resource) = (format!("--verb={verbs}"), format!("--resource={resource}"));
        self.kubectl(&["create", "role", &name, &verbs, &resource])
            .await;
        let (role, user) = (format!("--role={name}"), format!("--user={user}"));
        self.kubectl(&["create", "rolebinding", &name, &role, &user])
            .await;
    }

    /// Makes an object through kube-apiserver, past the aggregated API.
    pub async fn make(&self, plural: &str, object: &Value) -> Value {
        let ask = Ask::new("POST", self.path(Group::Stored, plural, "")).json(object);
        self.admin.send(ask).await.expect(201).json()
    }

    /// Makes the workspaces `names`.
    pub async fn make_workspaces(&self, names: &[&str]) {
        for name in names {
            self.make(WORKSPACES, &workspace(Group::Stored, name)).await;
        }
    }

    /// The same request for both groups; `{path}` as [`path`](Self::path) makes it.
    pub async fn both(
        &self,
        plural: &str,
        rest: &str,
        ask: impl Fn(Group, String) -> Ask,
    ) -> [Reply; 2] {
        let old = ask(Group::Old, self.path(Group::Old, plural, rest));
        let stored = ask(Group::Stored, self.path(Group::Stored, plural, rest));
        [self.admin.send(old).await, self.admin.send(stored).await]
    }

    /// Runs `kubectl` in the namespace as administrator, which has to go well.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        let (fine, text) = self.try_kubectl(self.bed.kubectl(), arguments, "").await;
        assert!(fine, "kubectl {arguments:?}: {text}");
        text
    }

    /// Runs the given `kubectl` in the namespace: whether it went well, and all that it said.
    pub async fn try_kubectl(
        &self,
        program: &Path,
        arguments: &[&str],
        input: &str,
    ) -> (bool, String) {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.bed.directory().join("home"))
            .args(["--kubeconfig", self.bed.kubeconfig().to_str().unwrap()])
            .args(["--namespace", &self.namespace])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Whoever does not read it has closed it.
        stdin.write_all(input.as_bytes()).await.ok();
        drop(stdin);
        let output = child.wait_with_output().await.unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text.into_owned())
    }
}

/// A workspace as people write it.
pub fn workspace(group: Group, name: &str) -> Value {
    json!({
        "apiVersion": group.version(),
        "kind": "CoderWorkspace",
        "metadata": { "name": name },
        "spec": { "templateName": "docker", "running": false },
    })
}

/// A template as people write it.
pub fn template(group: Group, name: &str) -> Value {
    json!({
        "apiVersion": group.version(),
        "kind": "CoderTemplate",
        "metadata": { "name": name },
        "spec": { "files": { "main.tf": "# nothing" } },
    })
}

/// The `kubectl` of the machine, an older one than the bed's.
pub fn old_kubectl() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join("kubectl"))
        .find(|program| program.is_file())
}

/// A reply about the stored group in the words of the old one. Words that only look like the group's
/// name (`x.coder.com`, `coder.com/origin`) stay.
pub fn renamed(text: &str) -> String {
    let names = [
        ("coder.com/v1alpha1", "aggregation.coder.com/v1alpha1"),
        (
            "coderworkspaces.coder.com",
            "coderworkspaces.aggregation.coder.com",
        ),
        (
            "codertemplates.coder.com",
            "codertemplates.aggregation.coder.com",
        ),
        (
            "CoderWorkspace.coder.com",
            "CoderWorkspace.aggregation.coder.com",
        ),
        (
            "CoderTemplate.coder.com",
            "CoderTemplate.aggregation.coder.com",
        ),
        (
            "\"group\":\"coder.com\"",
            "\"group\":\"aggregation.coder.com\"",
        ),
        (
            "\"group\": \"coder.com\"",
            "\"group\": \"aggregation.coder.com\"",
        ),
        (
            "\n  group: coder.com\n",
            "\n  group: aggregation.coder.com\n",
        ),
        (
            "API group \\\"coder.com\\\"",
            "API group \\\"aggregation.coder.com\\\"",
        ),
    ];
    names
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
