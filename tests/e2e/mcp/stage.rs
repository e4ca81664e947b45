//! Where one test plays: a namespace of its own, with people who may do more and less in it.

use std::{
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use testbed::Access;
use tokio::{io::AsyncWriteExt, process::Command, time::Instant};

use super::{
    client::Client,
    server::{self, Server},
};
use crate::e2e::scene::PATIENCE;

/// A namespace in front of the shared server.
pub struct Stage {
    pub server: &'static Server,
    pub bed: &'static Access,
    pub namespace: String,
}

impl Stage {
    pub async fn new(test: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let server = server::shared().await;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("mcp-{test}-{}-{number}", std::process::id() % 10_000);
        let stage = Self {
            server,
            bed: server.bed,
            namespace,
        };
        stage
            .bed
            .run_kubectl(&["create", "namespace", &stage.namespace])
            .await
            .unwrap();
        stage
    }

    /// Runs `kubectl` in the namespace as administrator, which has to go well.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        let namespace = ["--namespace", &self.namespace];
        let arguments = [&namespace[..], arguments].concat();
        self.bed.run_kubectl(&arguments).await.unwrap()
    }

    /// An object as `kubectl` shows it.
    pub async fn shown(&self, object: &str) -> Value {
        let text = self
            .kubectl(&["get", object, "--show-managed-fields", "-o", "json"])
            .await;
        serde_json::from_str(&text).unwrap()
    }

    /// Runs `kubectl` with a token and no other credential: whether it went well, and what it said.
    pub async fn kubectl_as(&self, token: &str, arguments: &[&str], input: &str) -> (bool, String) {
        let authority = self.bed.certificate("authority");
        let mut child = Command::new(self.bed.kubectl())
            .env_clear()
            .env("HOME", self.bed.directory().join("home"))
            .args(["--server", self.bed.kube_apiserver_url(), "--token", token])
            .args(["--certificate-authority", authority.to_str().unwrap()])
            .args(["--kubeconfig", "/dev/null"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.ok();
        drop(stdin);
        let output = child.wait_with_output().await.unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text.into_owned())
    }

    /// Makes objects, with their `status`.
    pub async fn make(&self, mut object: Value) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap().to_owned();
        object["metadata"]["namespace"] = json!(self.namespace);
        std::fs::write(&path, object.to_string()).unwrap();
        self.kubectl(&["create", "-f", &path]).await;
        if let Some(status) = object.get("status") {
            let kind = object["kind"].as_str().unwrap();
            let name = object["metadata"]["name"].as_str().unwrap();
            let patch = json!({ "status": status }).to_string();
            let arguments = [
                "patch",
                kind,
                name,
                "--subresource=status",
                "--type=merge",
                "-p",
            ];
            self.kubectl(&[&arguments[..], &[&patch]].concat()).await;
        }
    }

    /// A token of the account `name`, made if it is not there.
    pub async fn token(&self, name: &str, flags: &[&str]) -> String {
        let _ = self
            .bed
            .run_kubectl(&["create", "serviceaccount", name, "-n", &self.namespace])
            .await;
        let arguments = [&["create", "token", name][..], flags].concat();
        self.kubectl(&arguments).await.trim().to_owned()
    }

    /// Somebody with a role of everybody's in this namespace, such as `view`; their token.
    pub async fn person(&self, name: &str, role: &str) -> String {
        let token = self.token(name, &[]).await;
        let account = format!("--serviceaccount={}:{name}", self.namespace);
        let flag = format!("--clusterrole={role}");
        self.kubectl(&["create", "rolebinding", name, &flag, &account])
            .await;
        // Rights come into force a moment later.
        let deadline = Instant::now() + PATIENCE;
        let pods = ["get", "pods", "-n", &self.namespace];
        while !self.kubectl_as(&token, &pods, "").await.0 {
            assert!(Instant::now() < deadline, "{name} has no rights");
        }
        token
    }

    /// An administrator of the namespace who asks the shared server.
    pub async fn administrator(&self) -> Client {
        // On the server's side: many tests do so at once, and none may find that another was faster.
        self.bed
            .run_kubectl(&["apply", "--server-side", "-f", &users()])
            .await
            .unwrap();
        let token = self.person("administrator", "admin").await;
        let deadline = Instant::now() + PATIENCE;
        let list = ["get", "coderworkspaces", "-n", &self.namespace];
        while !self.kubectl_as(&token, &list, "").await.0 {
            assert!(
                Instant::now() < deadline,
                "the roles of users are not in force"
            );
        }
        self.server.client(&token)
    }
}

/// The roles of users, from `deploy/`.
pub fn users() -> String {
    let file = crate::root().join("deploy/users/objects.yaml");
    file.display().to_string()
}

/// A workspace with a status.
pub fn workspace(name: &str, running: bool) -> Value {
    json!({
        "apiVersion": "coder.com/v1alpha1",
        "kind": "CoderWorkspace",
        "metadata": { "name": name },
        "spec": {
            "templateName": "docker",
            "running": running,
            "parameters": [{ "name": "password", "value": "a-secret-parameter" }],
        },
        "status": {
            "autoShutdown": "2026-01-02T03:04:05Z",
            "latestBuildStatus": if running { "running" } else { "stopped" },
        },
    })
}

/// A template.
pub fn template(name: &str) -> Value {
    json!({
        "apiVersion": "coder.com/v1alpha1",
        "kind": "CoderTemplate",
        "metadata": { "name": name },
        "spec": { "files": { "main.tf": "# nothing" } },
    })
}
