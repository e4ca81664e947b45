//! What people do with `kubectl`.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};

use super::Scene;

impl Scene {
    /// Runs `kubectl` in the namespace, as the people who use it do; its output and whether it went
    /// well.
    pub async fn try_kubectl(&self, arguments: &[&str], input: &str) -> (bool, String) {
        let mut child = Command::new(self.bed.kubectl())
            .args(["--kubeconfig", self.bed.kubeconfig().to_str().unwrap()])
            .args(["--namespace", &self.namespace])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .await
            .unwrap();
        let output = child.wait_with_output().await.unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text.into_owned())
    }

    /// Runs `kubectl`, which has to go well.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        let (fine, text) = self.try_kubectl(arguments, "").await;
        assert!(fine, "kubectl {arguments:?}: {text}");
        text
    }

    /// Applies `manifest` as people do.
    pub async fn apply(&self, manifest: &Value) -> String {
        let (fine, text) = self.try_apply(manifest, &[]).await;
        assert!(fine, "apply: {text}\n{manifest}");
        text
    }

    /// Applies `manifest`, with further flags.
    pub async fn try_apply(&self, manifest: &Value, flags: &[&str]) -> (bool, String) {
        let arguments = [&["apply", "--server-side", "-f", "-"], flags].concat();
        self.try_kubectl(&arguments, &manifest.to_string()).await
    }

    /// Waits with `kubectl wait`, as people do.
    pub async fn wait(&self, object: &str, condition: &str) {
        let condition = format!("--for=condition={condition}");
        let (fine, text) = self
            .try_kubectl(&["wait", object, &condition, "--timeout=90s"], "")
            .await;
        if !fine {
            let shown = self.try_kubectl(&["get", object, "-o", "yaml"], "").await.1;
            panic!(
                "kubectl wait {object} {condition}: {text}\n{shown}\n{}",
                self.log_tail()
            );
        }
    }

    /// Sets fields of `spec` as people do.
    pub async fn patch(&self, object: &str, spec: Value) {
        let patch = json!({ "spec": spec }).to_string();
        self.kubectl(&["patch", object, "--type=merge", "-p", &patch])
            .await;
    }

    /// Sets an annotation (`key=value`), or removes it (`key-`).
    pub async fn annotate(&self, object: &str, annotation: &str) {
        self.kubectl(&["annotate", "--overwrite", object, annotation])
            .await;
    }

    /// Deletes the object and does not wait.
    pub async fn delete(&self, object: &str) {
        self.kubectl(&["delete", object, "--wait=false"]).await;
    }
}
