//! A stage for one test: a namespace of its own, a controller under its own `ServiceAccount`, and a
//! proxy between it and coderd that counts and breaks.

use std::{
    net::TcpListener,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use http::Request;
use serde_json::Value;
use testbed::{Access, Bed, Invocation, Program, Proxy};
use tokio::{process::Command, time::Instant};

use super::coder::Person;

/// How long anything may take before the test gives up. Wide: the machine may be slow.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Where one test plays.
pub struct Scene {
    /// The bed: shared, or the test's own.
    pub bed: &'static Access,
    /// The namespace, which also makes names unique.
    pub namespace: String,
    /// Between the controller and coderd.
    pub proxy: Proxy,
    /// Someone else, with the owner's rights.
    pub person: Person,
    /// The controller, while it runs.
    pub controller: Option<Program>,
    /// The API server, for what `kubectl` cannot say.
    pub kube: kube::Client,
    /// Whether kube-apiserver is restarted: it refuses everything until it has read the rules again.
    pub kube_restarts: bool,
    kubeconfig: PathBuf,
    health: u16,
    flags: Vec<String>,
    starts: usize,
}

impl Scene {
    /// A stage on the shared bed, with a controller that imports nothing.
    pub async fn new(test: &str) -> Self {
        Self::with_flags(test, &["--import=none"]).await
    }

    /// A stage on the shared bed, with a controller that is started with `flags` too.
    pub async fn with_flags(test: &str, flags: &[&str]) -> Self {
        Self::on(Bed::shared().unwrap(), test, flags).await
    }

    /// A stage on `bed`.
    pub async fn on(bed: &'static Access, test: &str, flags: &[&str]) -> Self {
        let mut scene = Self::idle(bed, test, flags).await;
        scene.start_controller().await;
        scene
    }

    /// A stage on `bed` on which no controller runs yet.
    pub async fn idle(bed: &'static Access, test: &str, flags: &[&str]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        // The one provider of the whole test process; whoever comes second finds it there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("{test}-{}-{number}", std::process::id() % 10_000);
        install(bed, &namespace).await;
        let kubeconfig = bed
            .service_account_kubeconfig(&namespace, "coder-k8s")
            .await
            .unwrap();
        let proxy = Proxy::start(bed.coder_url()).unwrap();
        Self {
            person: Person::new(bed.coder_url(), bed.coder_token()),
            kube: admin(bed).await,
            bed,
            namespace,
            proxy,
            controller: None,
            kube_restarts: false,
            kubeconfig,
            health: free_port(),
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
            starts: 0,
        }
    }

    /// Starts the controller and waits until it is ready.
    pub async fn start_controller(&mut self) {
        self.launch_controller().await;
        self.eventually("the controller is ready", async || {
            self.probe("/readyz").await.0 == 200
        })
        .await;
    }

    /// The status and the text of a probe; status 0 where nobody answers.
    pub async fn probe(&self, path: &str) -> (u16, String) {
        let url = format!("http://127.0.0.1:{}{path}", self.health);
        match reqwest::get(&url).await {
            Ok(reply) => (
                reply.status().as_u16(),
                reply.text().await.unwrap_or_default(),
            ),
            Err(error) => (0, error.to_string()),
        }
    }

    /// Starts the controller.
    pub async fn launch_controller(&mut self) {
        self.starts += 1;
        let mut arguments = vec![
            "--app=controller".to_owned(),
            format!("--coder-url={}", self.proxy.url()),
            format!(
                "--coder-session-token-file={}",
                self.bed.controller_token_file().display()
            ),
            format!("--coder-namespace={}", self.namespace),
            "--sweep-interval=1s".to_owned(),
            format!("--health-bind-address=127.0.0.1:{}", self.health),
            "--metrics-bind-address=0".to_owned(),
            "--log-level=debug".to_owned(),
        ];
        arguments.extend(self.flags.iter().cloned());
        let name = format!("controller-{}-{}", self.namespace, self.starts);
        let invocation = Invocation::new(name, env!("CARGO_BIN_EXE_coder-k8s"))
            .arguments(arguments)
            .variable("KUBECONFIG", &self.kubeconfig);
        self.controller = Some(self.bed.start_program(invocation).await.unwrap());
    }

    /// Ends the controller without any warning.
    pub async fn kill_controller(&mut self) {
        if let Some(controller) = self.controller.take() {
            controller.kill().await;
        }
    }

    /// A name for a workspace or template in coderd that no other test has.
    pub fn name(&self, name: &str) -> String {
        let name = format!("{name}-{}", self.namespace);
        let cut = name.len().min(32);
        name[..cut].trim_end_matches('-').to_owned()
    }

    /// The name of the object of template `name`.
    pub fn template_object(&self, name: &str) -> String {
        format!("{}.{name}", self.bed.organization())
    }

    /// The name of the object of the bed owner's workspace `name`.
    pub fn workspace_object(&self, name: &str) -> String {
        format!("{}.{}.{name}", self.bed.organization(), self.bed.owner())
    }

    /// Runs `kubectl` in the namespace, as the people who use it do; its output and whether it went
    /// well.
    pub async fn try_kubectl(&self, arguments: &[&str], input: &str) -> (bool, String) {
        use tokio::io::AsyncWriteExt;
        let mut child = Command::new(self.bed.kubectl())
            .args(["--kubeconfig", self.bed.kubeconfig().to_str().unwrap()])
            .args(["--namespace", &self.namespace])
            .args(arguments)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
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

    /// Reads an object such as `cws/name`, if it is there.
    pub async fn object(&self, object: &str) -> Option<Value> {
        let (kind, name) = object.split_once('/').unwrap();
        let plural = if kind == "cws" {
            "coderworkspaces"
        } else {
            "codertemplates"
        };
        let path = format!(
            "/apis/coder.com/v1alpha1/namespaces/{}/{plural}/{name}",
            self.namespace
        );
        let request = Request::get(path).body(Vec::new()).unwrap();
        self.kube.request::<Value>(request).await.ok()
    }

    /// Waits until the object is as `is_as` says.
    pub async fn until(&self, object: &str, what: &str, is_as: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.object(object).await;
            if let Some(seen) = seen.as_ref().filter(|seen| is_as(seen)) {
                return seen.clone();
            }
            if Instant::now() >= deadline {
                let shown = seen.map(|seen| serde_json::to_string_pretty(&seen).unwrap());
                panic!(
                    "{object} never was: {what}\n{}\n{}",
                    shown.unwrap_or_default(),
                    self.log_tail()
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the object is gone.
    pub async fn until_gone(&self, object: &str) {
        self.eventually(&format!("{object} is gone"), async || {
            self.object(object).await.is_none()
        })
        .await;
    }

    /// Waits until `holds`.
    pub async fn eventually(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(
                Instant::now() < deadline,
                "never: {what}\n{}",
                self.log_tail()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// All objects of both kinds in the namespace.
    pub async fn objects(&self) -> Vec<Value> {
        let mut objects = self.list("coder.com/v1alpha1", "coderworkspaces").await;
        objects.extend(self.list("coder.com/v1alpha1", "codertemplates").await);
        objects
    }

    /// All objects of one kind in the namespace, Events for example.
    pub async fn list(&self, api: &str, plural: &str) -> Vec<Value> {
        let path = format!("/apis/{api}/namespaces/{}/{plural}", self.namespace);
        let request = Request::get(path).body(Vec::new()).unwrap();
        let list = self.kube.request::<Value>(request).await.unwrap();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// How many requests the controller has sent to coderd.
    pub fn requests(&self) -> u64 {
        self.proxy.count("*", "").unwrap()
    }

    /// Waits until the controller has sent `count` requests more to coderd, whatever became of them.
    pub async fn requests_more(&self, count: u64) {
        let start = self.requests();
        self.eventually("more requests", async || self.requests() >= start + count)
            .await;
    }

    /// Waits until the controller has swept coderd `count` times more: whatever was to be noticed has
    /// been noticed.
    pub async fn sweeps(&self, count: u64) {
        let swept = || self.proxy.count("GET", "/workspaces$").unwrap();
        let start = swept();
        self.eventually("more sweeps", async || swept() >= start + count)
            .await;
    }

    /// The Events about an object, as `reason: note`.
    pub async fn events(&self, object: &str) -> Vec<String> {
        let name = object.split_once('/').unwrap().1;
        let events = self.list("events.k8s.io/v1", "events").await;
        events
            .iter()
            .filter(|event| event["regarding"]["name"] == name)
            .map(|event| {
                let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
                format!("{}: {}", text("reason"), text("note"))
            })
            .collect()
    }

    /// Waits for an Event about an object that `is_it`.
    pub async fn event(&self, object: &str, what: &str, is_it: impl Fn(&str) -> bool) {
        self.eventually(&format!("an Event: {what}"), async || {
            self.events(object).await.iter().any(|event| is_it(event))
        })
        .await;
    }

    /// The token of the controller's `ServiceAccount`.
    pub fn account_token(&self) -> String {
        let text = std::fs::read_to_string(&self.kubeconfig).unwrap();
        let kubeconfig: Value = serde_json::from_str(&text).unwrap();
        kubeconfig["users"][0]["user"]["token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Everything that the controller has logged, before its restarts too.
    pub fn log(&self) -> String {
        (1..=self.starts)
            .map(|start| {
                self.bed
                    .log(&format!("controller-{}-{start}", self.namespace))
            })
            .map(|path| std::fs::read_to_string(path).unwrap_or_default())
            .collect()
    }

    /// The end of the controller's log.
    pub fn log_tail(&self) -> String {
        let text = self
            .controller
            .as_ref()
            .map(|one| one.log_text().unwrap_or_default());
        let text = text.unwrap_or_else(|| "(the controller does not run)".to_owned());
        let lines: Vec<_> = text
            .lines()
            .filter(|line| !line.contains("elapsed="))
            .collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

/// Whatever a test does, `deploy/` gives the controller all the rights that it needs.
impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() || self.kube_restarts {
            return;
        }
        let log = self.log();
        let refused = log.lines().find(|line| line.contains("forbidden: User"));
        assert_eq!(refused, None, "the controller was refused a right");
    }
}

/// The status of a condition, `""` where there is none.
pub fn condition<'a>(object: &'a Value, kind: &str) -> &'a str {
    find_condition(object, kind).map_or("", |one| one["status"].as_str().unwrap_or_default())
}

/// The reason of a condition, `""` where there is none.
pub fn reason<'a>(object: &'a Value, kind: &str) -> &'a str {
    find_condition(object, kind).map_or("", |one| one["reason"].as_str().unwrap_or_default())
}

/// The message of a condition, `""` where there is none.
pub fn message<'a>(object: &'a Value, kind: &str) -> &'a str {
    find_condition(object, kind).map_or("", |one| one["message"].as_str().unwrap_or_default())
}

fn find_condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"]
        .as_array()?
        .iter()
        .find(|one| one["type"] == kind)
}

/// Whether the status speaks of the present generation and is `Ready`.
pub fn is_ready(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
        && condition(object, "Ready") == "True"
}

/// The managers that own `spec.<field>`.
pub fn owners(object: &Value, field: &str) -> Vec<String> {
    let entries = object["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let owns = |entry: &&Value| {
        entry["fieldsV1"]["f:spec"]
            .get(format!("f:{field}"))
            .is_some()
    };
    let name = |entry: &Value| entry["manager"].as_str().unwrap_or_default().to_owned();
    entries.iter().filter(owns).map(name).collect()
}

/// The version of an object, which each write changes.
pub fn version(object: &Value) -> &str {
    object["metadata"]["resourceVersion"].as_str().unwrap()
}

/// The CRDs, once for the bed, and the controller's rights in `namespace`, from `deploy/`.
async fn install(bed: &Access, namespace: &str) {
    let root = crate::root();
    let crds = root.join("crds").display().to_string();
    let role = |folder: &str| {
        root.join("deploy")
            .join(folder)
            .join("role.yaml")
            .display()
            .to_string()
    };
    let (global, local) = (role("base"), role("sync"));
    bed.run_kubectl(&["apply", "--server-side", "--force-conflicts", "-f", &crds])
        .await
        .unwrap();
    bed.run_kubectl(&["wait", "--for=condition=Established", "-f", &crds])
        .await
        .unwrap();
    bed.run_kubectl(&["create", "namespace", namespace])
        .await
        .unwrap();
    bed.run_kubectl(&["create", "serviceaccount", "coder-k8s", "-n", namespace])
        .await
        .unwrap();
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "-n",
        namespace,
    ];
    let roles = ["-f", global.as_str(), "-f", local.as_str()];
    bed.run_kubectl(&[&apply[..], &roles[..]].concat())
        .await
        .unwrap();
    let account = format!("--serviceaccount={namespace}:coder-k8s");
    let bind = async |kind: &str, name: &str, role: &str| {
        let arguments = ["create", kind, name, role, &account, "-n", namespace];
        bed.run_kubectl(&arguments).await.unwrap();
    };
    bind("rolebinding", "coder-k8s-sync", "--role=coder-k8s-sync").await;
    let cluster_wide = format!("coder-k8s-{namespace}");
    bind(
        "clusterrolebinding",
        &cluster_wide,
        "--clusterrole=coder-k8s-crds",
    )
    .await;
}

async fn admin(bed: &Access) -> kube::Client {
    let kubeconfig = kube::config::Kubeconfig::read_from(bed.kubeconfig()).unwrap();
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    kube::Client::try_from(config).unwrap()
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
