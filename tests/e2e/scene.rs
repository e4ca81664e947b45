//! A stage for one test: a namespace of its own, a controller under its own `ServiceAccount`, and a
//! proxy between it and coderd that counts and breaks.

mod controller;
mod install;
mod kubectl;
mod look;
mod ready;
mod twin;

use std::{
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::Value;
use testbed::{Access, Bed, Program, Proxy};

use super::coder::Person;
pub use install::{admin, free_port, install_crds};
pub use ready::{Template, Workspace};

use install::install;

/// How long anything may take before the test gives up. Wide: the machine may be slow.
pub const PATIENCE: Duration = Duration::from_secs(90);

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
    /// Whether a right may be missing: kube-apiserver refuses everything until it has read the rules again.
    pub may_be_refused: bool,
    /// Of the controller's account.
    pub kubeconfig: PathBuf,
    health: u16,
    metrics: u16,
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
            may_be_refused: false,
            kubeconfig,
            health: free_port(),
            metrics: free_port(),
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
            starts: 0,
        }
    }

    /// Has the controller watch these namespaces, and find each Coder there.
    pub fn watch(&mut self, namespaces: &[&str]) {
        self.flags
            .push(format!("--watch-namespaces={}", namespaces.join(",")));
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

    /// The token of the controller's `ServiceAccount`.
    pub fn account_token(&self) -> String {
        let text = std::fs::read_to_string(&self.kubeconfig).unwrap();
        let kubeconfig: Value = serde_json::from_str(&text).unwrap();
        kubeconfig["users"][0]["user"]["token"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// Whatever a test does, `deploy/` gives the controller all the rights that it needs.
impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() || self.may_be_refused {
            return;
        }
        let log = self.log();
        let refused = log.lines().find(|line| line.contains("forbidden: User"));
        assert_eq!(refused, None, "the controller was refused a right");
    }
}
