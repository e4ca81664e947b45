//! The program under test: one for all tests of the process, and further ones that a test may break.

use std::{path::PathBuf, time::Duration};

use serde_json::json;
use testbed::{Access, Bed, Invocation, Program};
use tokio::{sync::OnceCell, time::Instant};

use super::{
    caller::{Ask, Caller},
    certificate::{Authority, PLAIN, Pair, Wanted},
    hop::Hop,
};
use crate::e2e::scene::{PATIENCE, free_port, install_crds};

/// Where the Service and the account are.
pub const NAMESPACE: &str = "coder-system";
/// The name of the Service and of the account.
pub const NAME: &str = "coder-k8s-apiserver";
/// What kube-apiserver expects of the serving certificate.
pub const SERVER_NAME: &str = "coder-k8s-apiserver.coder-system.svc";
/// The `APIService`.
pub const API_SERVICE: &str = "v1alpha1.aggregation.coder.com";

const LOOK: Duration = Duration::from_millis(100);

/// A running aggregated API.
pub struct Server {
    pub bed: &'static Access,
    /// Where it serves TLS.
    pub port: u16,
    /// Where it serves probes as plain HTTP.
    pub health: u16,
    /// Where it serves metrics, likewise.
    pub metrics: u16,
    pub program: Program,
}

/// How a further server is started.
#[derive(Default)]
pub struct Settings {
    /// Else that of the account, at kube-apiserver itself.
    pub kubeconfig: Option<PathBuf>,
    /// Served instead of a made one.
    pub certificate: Option<Pair>,
    pub flags: Vec<String>,
    /// Else any free one.
    pub port: Option<u16>,
}

impl Settings {
    /// Its requests to kube-apiserver pass `hop`. It has a certificate of nobody's, so that it leaves
    /// the `APIService` alone.
    pub async fn through(hop: &Hop, bed: &Access) -> Self {
        Self {
            kubeconfig: Some(hop.kubeconfig(bed).await),
            certificate: Some(Authority::new().sign(PLAIN)),
            ..Self::default()
        }
    }
}

/// The one behind the `APIService` of the shared bed.
pub async fn shared() -> &'static Server {
    static SHARED: OnceCell<Server> = OnceCell::const_new();
    let start = async || {
        let bed = Bed::shared().unwrap();
        install(bed).await;
        Server::published(bed, Settings::default()).await
    };
    SHARED.get_or_init(start).await
}

/// The CRDs and the rights of the account, from `deploy/`.
pub async fn install(bed: &Access) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    install_crds(bed).await;
    let admin = administrator(bed);
    for plural in ["coderworkspaces", "codertemplates"] {
        let path = format!("/apis/coder.com/v1alpha1/{plural}?limit=1");
        let deadline = Instant::now() + PATIENCE;
        // Established, kinds are still not always served: 429, "storage is (re)initializing".
        while admin.get(&path).await.status != 200 {
            assert!(Instant::now() < deadline, "{plural} are not served");
            tokio::time::sleep(LOOK).await;
        }
    }
    let namespace = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": NAMESPACE },
    });
    apply(bed, &namespace).await;
    let folder = crate::root().join("deploy").join("apiserver");
    for file in ["account", "role", "certificate", "flow"] {
        let file = folder.join(file).with_extension("yaml");
        let file = file.to_str().unwrap();
        bed.run_kubectl(&["apply", "--server-side", "--force-conflicts", "-f", file])
            .await
            .unwrap();
    }
}

/// Points the `APIService` at `port`. Whose it was before does not matter.
pub async fn publish(bed: &Access, port: u16) {
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": NAME, "namespace": NAMESPACE },
        "spec": {
            "type": "ExternalName",
            "externalName": "localhost",
            "ports": [{ "name": "https", "port": port }],
        },
    });
    apply(bed, &service).await;
    let api_service = json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": { "name": API_SERVICE },
        "spec": {
            "group": "aggregation.coder.com",
            "version": "v1alpha1",
            "groupPriorityMinimum": 900,
            "versionPriority": 100,
            "service": { "namespace": NAMESPACE, "name": NAME, "port": port },
        },
    });
    apply(bed, &api_service).await;
}

/// Makes kube-apiserver look at the `APIService` now, however long it wanted to wait.
pub async fn look_again(admin: &Caller) {
    let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/{API_SERVICE}");
    let moment = format!("{:?}", Instant::now());
    let patch = json!({ "metadata": { "annotations": { "test/look-again": moment } } });
    let ask = Ask::new("PATCH", path).body("application/merge-patch+json", patch.to_string());
    admin.send(ask).await.expect(200);
}

async fn apply(bed: &Access, manifest: &serde_json::Value) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), manifest.to_string()).unwrap();
    let path = file.path().to_str().unwrap();
    bed.run_kubectl(&["apply", "--server-side", "--force-conflicts", "-f", path])
        .await
        .unwrap();
}

/// A kubeconfig of the account, which has to exist.
pub async fn kubeconfig(bed: &Access) -> PathBuf {
    bed.service_account_kubeconfig(NAMESPACE, NAME)
        .await
        .unwrap()
}

impl Server {
    /// Starts one and waits until clients reach it through kube-apiserver.
    pub async fn published(bed: &'static Access, settings: Settings) -> Self {
        let port = settings.port.unwrap_or_else(free_port);
        // First: whoever keeps the certificate looks for it at once.
        publish(bed, port).await;
        let settings = Settings {
            port: Some(port),
            ..settings
        };
        let server = Self::start(bed, settings).await;
        server.until_reached().await;
        server
    }

    /// Waits until clients reach it through kube-apiserver.
    pub async fn until_reached(&self) {
        let admin = administrator(self.bed);
        self.eventually("it is reached through kube-apiserver", async || {
            look_again(&admin).await;
            let reply = admin.get("/apis/aggregation.coder.com/v1alpha1").await;
            reply.status == 200
        })
        .await;
    }

    /// Starts one that only those reach who know its port, and waits until it is ready.
    pub async fn start(bed: &'static Access, settings: Settings) -> Self {
        let server = Self::launch(bed, settings).await;
        server
            .eventually("it is ready", async || server.probe("/readyz").await == 200)
            .await;
        server
    }

    /// Starts one whose way to kube-apiserver can be watched and broken, and waits until it is ready.
    pub async fn watched(bed: &'static Access) -> (Self, Hop) {
        let hop = Hop::start(bed).await;
        let server = Self::start(bed, Settings::through(&hop, bed).await).await;
        (server, hop)
    }

    /// Starts one, and does not wait.
    pub async fn launch(bed: &'static Access, settings: Settings) -> Self {
        let Settings {
            kubeconfig: given,
            certificate,
            flags,
            port,
        } = settings;
        let port = port.unwrap_or_else(free_port);
        let (health, metrics) = (free_port(), free_port());
        let kubeconfig = match given {
            Some(given) => given,
            None => kubeconfig(bed).await,
        };
        let mut arguments = vec![
            "--app=aggregated-apiserver".to_owned(),
            format!("--apiserver-bind-address=127.0.0.1:{port}"),
            format!("--health-bind-address=127.0.0.1:{health}"),
            format!("--metrics-bind-address=127.0.0.1:{metrics}"),
            "--apiserver-shutdown-delay=1s".to_owned(),
            "--log-level=info,coder_k8s=debug".to_owned(),
        ];
        if let Some(pair) = certificate {
            let folder = bed
                .directory()
                .join("kubeconfigs")
                .join(format!("tls-{port}"));
            std::fs::create_dir_all(&folder).unwrap();
            let write = |name: &str, text: &str| {
                let path = folder.join(name);
                std::fs::write(&path, text).unwrap();
                path.display().to_string()
            };
            let certificate = write("tls.crt", &pair.certificate);
            let key = write("tls.key", &pair.key);
            arguments.push(format!("--apiserver-tls-cert-file={certificate}"));
            arguments.push(format!("--apiserver-tls-private-key-file={key}"));
        }
        arguments.extend(flags);
        let invocation =
            Invocation::new(format!("apiserver-{port}"), env!("CARGO_BIN_EXE_coder-k8s"))
                .arguments(arguments)
                .variable("KUBECONFIG", kubeconfig);
        let program = bed.start_program(invocation).await.unwrap();
        Self {
            bed,
            port,
            health,
            metrics,
            program,
        }
    }

    /// Asks it directly, without any credential, whatever certificate it shows.
    pub fn direct(&self) -> Caller {
        Caller::new(self.port, SERVER_NAME, None)
    }

    /// Asks it as kube-apiserver does, for the users that headers name.
    pub fn proxy(&self) -> Caller {
        self.direct()
            .with_certificate(Pair::of_bed(self.bed, "proxy-client"))
    }

    /// Asks it as kube-apiserver does for a user of some groups.
    pub fn proxy_for(&self, user: &str, groups: &[&str]) -> Caller {
        let caller = self.proxy().with_header("x-remote-user", user);
        let add = |caller: Caller, group: &&str| caller.with_header("x-remote-group", group);
        groups.iter().fold(caller, add)
    }

    /// The status of a probe; 0 where nobody answers.
    pub async fn probe(&self, path: &str) -> u16 {
        let url = format!("http://127.0.0.1:{}{path}", self.health);
        reqwest::get(&url)
            .await
            .map_or(0, |reply| reply.status().as_u16())
    }

    /// What it measures under `name`.
    pub async fn measured(&self, name: &str) -> String {
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics);
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        let mut values = text.lines().filter_map(|line| line.split_once(' '));
        let found = values.find(|(found, _)| *found == name);
        found
            .unwrap_or_else(|| panic!("{name}: {text}"))
            .1
            .to_owned()
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        let text = self.program.log_text().unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    /// Waits until `holds`.
    pub async fn eventually(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds().await {
            let late = Instant::now() >= deadline;
            assert!(!late, "has not happened: {what}\n{}", self.log_tail());
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Asks kube-apiserver as somebody who has each right on both groups, and no other: unlike an
/// administrator's, every request of theirs is authorized.
pub async fn ordinary_user(bed: &Access) -> Caller {
    const USER: &str = "ordinary";
    let groups = ["coder.com", "aggregation.coder.com"];
    let rules = groups.map(|group| {
        json!({
            "apiGroups": [group],
            "resources": [
                "coderworkspaces", "codertemplates", "coderworkspaces/status", "codertemplates/status",
            ],
            "verbs": ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"],
        })
    });
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": USER },
        "rules": rules,
    });
    let api = "rbac.authorization.k8s.io";
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": USER },
        "roleRef": { "apiGroup": api, "kind": "ClusterRole", "name": USER },
        "subjects": [{ "apiGroup": api, "kind": "User", "name": USER }],
    });
    apply(bed, &role).await;
    apply(bed, &binding).await;
    let wanted = Wanted {
        common_name: USER,
        ..PLAIN
    };
    let user =
        administrator(bed).with_certificate(Authority::of_bed(bed, "authority").sign(wanted));
    let deadline = Instant::now() + PATIENCE;
    for group in groups {
        let path = format!("/apis/{group}/v1alpha1/coderworkspaces?limit=1");
        // Rights come into force a moment later, and refusals are remembered for a while.
        while user.get(&path).await.status != 200 {
            assert!(Instant::now() < deadline, "{USER} may not list {group}");
            tokio::time::sleep(LOOK).await;
        }
    }
    user
}

/// Asks kube-apiserver as a cluster administrator.
pub fn administrator(bed: &Access) -> Caller {
    let roots = std::fs::read_to_string(bed.certificate("authority")).unwrap();
    let port = bed.kube_apiserver_url().rsplit(':').next().unwrap();
    Caller::new(port.parse().unwrap(), "localhost", Some(roots))
        .with_certificate(Pair::of_bed(bed, "administrator"))
}
