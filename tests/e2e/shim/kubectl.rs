//! What people do with `kubectl`, of two releases, against the old group.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use super::stage::{Stage, old_kubectl};

const MANIFEST: &str = "\
apiVersion: aggregation.coder.com/v1alpha1
kind: CoderWorkspace
metadata:
  name: acme.alice.dev
  labels: {team: one}
spec:
  organization: acme
  templateName: docker
  running: false
";
const KIND: &str = "coderworkspaces.aggregation.coder.com";
const DEV: &str = "coderworkspaces.aggregation.coder.com/acme.alice.dev";

struct User {
    stage: Stage,
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl User {
    async fn new(test: &str, program: &Path) -> Self {
        Self {
            stage: Stage::new(test).await,
            program: program.to_owned(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    async fn run(&self, arguments: &[&str], input: &str) -> (bool, String) {
        self.stage
            .try_kubectl(&self.program, arguments, input)
            .await
    }

    #[track_caller]
    fn fine(&self, arguments: &[&str]) -> impl Future<Output = String> {
        self.with(arguments, "")
    }

    #[track_caller]
    fn with(&self, arguments: &[&str], input: &str) -> impl Future<Output = String> {
        let place = std::panic::Location::caller();
        async move {
            let (fine, text) = self.run(arguments, input).await;
            assert!(fine, "{place}: {arguments:?}: {text}");
            text
        }
    }

    async fn field(&self, path: &str) -> String {
        let path = format!("jsonpath={{{path}}}");
        self.fine(&["get", DEV, "-o", &path]).await
    }

    /// An editor that changes `running`.
    fn editor(&self) -> PathBuf {
        let script = self.folder.path().join("editor.sh");
        fs::write(
            &script,
            "#!/bin/sh\nsed -i 's/running: false/running: true/' \"$1\"\n",
        )
        .unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        script
    }

    async fn creates(&self) {
        let said = self.with(&["create", "-f", "-"], MANIFEST).await;
        assert!(
            said.contains("coderworkspace.aggregation.coder.com/acme.alice.dev created"),
            "{said}"
        );
        let (fine, said) = self.run(&["create", "-f", "-"], MANIFEST).await;
        assert!(!fine && said.contains("AlreadyExists"), "{said}");
        let wrong = MANIFEST.replace("running", "runing");
        let (fine, said) = self
            .run(
                &["create", "-f", "-", "--validate=strict", "--dry-run=server"],
                &wrong,
            )
            .await;
        assert!(
            !fine && said.contains("unknown field \"spec.runing\""),
            "{said}"
        );
        let old = self
            .fine(&["get", DEV, "-o", "yaml", "--show-managed-fields"])
            .await;
        assert!(
            old.starts_with("apiVersion: aggregation.coder.com/v1alpha1\n"),
            "{old}"
        );
        assert!(!old.contains(" coder.com/v1alpha1"), "{old}");
        let listed = self.fine(&["get", KIND]).await;
        assert!(listed.contains("acme.alice.dev"), "{listed}");
        let named = self
            .fine(&["get", KIND, "-l", "team=one", "-o", "name"])
            .await;
        assert_eq!(
            named.trim(),
            "coderworkspace.aggregation.coder.com/acme.alice.dev"
        );
        let columns = self
            .fine(&[
                "get",
                KIND,
                "--no-headers",
                "-o",
                "wide",
                "--sort-by=.metadata.name",
            ])
            .await;
        assert_eq!(columns.lines().count(), 1, "{columns}");
        let described = self.fine(&["describe", DEV]).await;
        assert!(
            described.contains("aggregation.coder.com/v1alpha1"),
            "{described}"
        );
    }

    async fn explains(&self) {
        let version = "--api-version=aggregation.coder.com/v1alpha1";
        let said = self
            .fine(&["explain", "coderworkspaces.spec", version])
            .await;
        assert!(said.contains("GROUP:      aggregation.coder.com"), "{said}");
        assert!(said.contains("templateName"), "{said}");
        let resources = self
            .fine(&["api-resources", "--api-group=aggregation.coder.com"])
            .await;
        assert!(
            resources.contains("codertemplates") && resources.contains("coderworkspaces"),
            "{resources}"
        );
    }

    async fn changes(&self) {
        self.fine(&["label", DEV, "team=two", "--overwrite"]).await;
        assert_eq!(self.field(".metadata.labels.team").await, "two");
        self.fine(&["annotate", DEV, "note=coder.com/v1alpha1"])
            .await;
        assert_eq!(
            self.field(".metadata.annotations.note").await,
            "coder.com/v1alpha1"
        );
        self.fine(&[
            "patch",
            DEV,
            "--type=merge",
            "-p",
            r#"{"spec":{"running":true}}"#,
        ])
        .await;
        assert_eq!(self.field(".spec.running").await, "true");
        let operations = r#"[{"op":"test","path":"/apiVersion","value":"aggregation.coder.com/v1alpha1"},
            {"op":"replace","path":"/spec/running","value":false}]"#;
        self.fine(&["patch", DEV, "--type=json", "-p", operations])
            .await;
        assert_eq!(self.field(".spec.running").await, "false");
        let (fine, said) = self
            .run(&["patch", DEV, "--type=strategic", "-p", "{}"], "")
            .await;
        assert!(
            !fine && said.contains("is not supported by aggregation.coder.com/v1alpha1"),
            "{said}"
        );
        let status = r#"{"status":{"ownerName":"alice"}}"#;
        self.fine(&[
            "patch",
            DEV,
            "--subresource=status",
            "--type=merge",
            "-p",
            status,
        ])
        .await;
        assert_eq!(self.field(".status.ownerName").await, "alice");

        let editor = self.editor();
        let mut edit = Command::new(&self.program);
        edit.env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .env("KUBE_EDITOR", editor)
            .args([
                "--kubeconfig",
                self.stage.bed.kubeconfig().to_str().unwrap(),
            ])
            .args(["--namespace", &self.stage.namespace, "edit", DEV])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = edit.output().await.unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(self.field(".spec.running").await, "true");
        let replaced = self
            .fine(&["get", DEV, "-o", "json"])
            .await
            .replace("\"running\": true", "\"running\": false");
        self.with(&["replace", "-f", "-"], &replaced).await;
        assert_eq!(self.field(".spec.running").await, "false");
    }

    async fn applies(&self) {
        let manifest = MANIFEST.replace("acme.alice.dev", "acme.alice.applied");
        let applied = "coderworkspaces.aggregation.coder.com/acme.alice.applied";
        let said = self.with(&["apply", "-f", "-"], &manifest).await;
        assert!(said.contains("acme.alice.applied created"), "{said}");
        let said = self.with(&["apply", "-f", "-"], &manifest).await;
        assert!(said.contains("unchanged"), "{said}");
        let (fine, said) = self.run(&["diff", "-f", "-"], &manifest).await;
        assert!(fine && said.is_empty(), "{said}");
        let changed = manifest
            .replace("running: false", "running: true")
            .replace("labels: {team: one}", "labels: {}");
        let (fine, said) = self.run(&["diff", "-f", "-"], &changed).await;
        assert!(!fine && said.contains("+  running: true"), "{said}");
        let said = self.with(&["apply", "-f", "-"], &changed).await;
        assert!(said.contains("configured"), "{said}");
        let label = self
            .fine(&["get", applied, "-o", "jsonpath={.metadata.labels.team}"])
            .await;
        assert_eq!(label, "", "what the manifest no longer has goes");

        let server = manifest.replace("acme.alice.applied", "acme.alice.server");
        let apply = ["apply", "--server-side", "-f", "-"];
        let said = self.with(&apply, &server).await;
        assert!(said.contains("serverside-applied"), "{said}");
        let (fine, said) = self
            .run(&["diff", "--server-side", "-f", "-"], &server)
            .await;
        assert!(fine, "{said}");
        let rival = [&apply[..], &["--field-manager=rival"]].concat();
        let (fine, said) = self
            .run(&rival, &server.replace("running: false", "running: true"))
            .await;
        assert!(
            !fine && said.contains("conflict with \"kubectl\""),
            "{said}"
        );
        let forced = [&rival[..], &["--force-conflicts"]].concat();
        self.with(&forced, &server.replace("running: false", "running: true"))
            .await;
    }

    /// `get --watch` and `wait` see what happens meanwhile.
    async fn watches(&self) {
        let mut watch = Command::new(&self.program);
        let mut watch = watch
            .env_clear()
            .env("HOME", self.folder.path())
            .args([
                "--kubeconfig",
                self.stage.bed.kubeconfig().to_str().unwrap(),
            ])
            .args([
                "--namespace",
                &self.stage.namespace,
                "get",
                KIND,
                "--watch",
                "--output-watch-events",
                "--no-headers",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
        let first = lines.next_line().await.unwrap().unwrap();
        assert!(first.starts_with("ADDED"), "{first}");
        let running = "--for=jsonpath={.metadata.labels.seen}=yes";
        let wait = ["wait", DEV, running, "--timeout=60s"];
        let wait = self.fine(&wait);
        let label = async {
            self.fine(&["label", DEV, "seen=yes"]).await;
            self.fine(&[
                "delete",
                "coderworkspaces.aggregation.coder.com/acme.alice.server",
            ])
            .await;
        };
        tokio::join!(wait, label);
        let mut seen = String::new();
        while !seen.contains("DELETED") {
            seen += &lines.next_line().await.unwrap().unwrap();
            seen.push('\n');
        }
        assert!(seen.contains("MODIFIED"), "{seen}");
        watch.kill().await.unwrap();
    }

    async fn deletes(&self) {
        let (wait, delete) = (
            ["wait", "--for=delete", DEV, "--timeout=60s"],
            ["delete", DEV],
        );
        let (waiting, said) = (self.fine(&wait), self.fine(&delete));
        let (said, _) = tokio::join!(said, waiting);
        assert!(
            said.contains("coderworkspace.aggregation.coder.com \"acme.alice.dev\" deleted"),
            "{said}"
        );
        self.fine(&["delete", KIND, "--all"]).await;
        assert_eq!(self.fine(&["get", KIND, "-o", "name"]).await, "");
    }
}

async fn every_command(test: &str, program: &Path) {
    let user = User::new(test, program).await;
    user.creates().await;
    user.explains().await;
    user.changes().await;
    user.applies().await;
    user.watches().await;
    user.deletes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_of_the_same_release_does_every_command() {
    let bed = testbed::Bed::shared().unwrap();
    every_command("kubectl", bed.kubectl()).await;
}

/// Where the machine has an older `kubectl` on its PATH; elsewhere there is none to try.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_kubectl_does_every_command() {
    if let Some(program) = old_kubectl() {
        every_command("oldctl", &program).await;
    }
}
