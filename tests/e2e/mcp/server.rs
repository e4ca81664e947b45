//! The program under test: one for all tests of the process, and further ones that a test may break.

use std::path::PathBuf;

use testbed::{Access, Bed, Invocation, Program};
use tokio::{sync::OnceCell, time::Instant};

use super::client::Client;
use crate::e2e::scene::{PATIENCE, free_port, install_crds};

/// Where the account is.
pub const NAMESPACE: &str = "coder-system";
/// The name of the account and of the Service.
pub const NAME: &str = "coder-k8s-mcp";

const LOOK: std::time::Duration = std::time::Duration::from_millis(50);

/// A running MCP server.
pub struct Server {
    pub bed: &'static Access,
    pub port: u16,
    pub health: u16,
    pub program: Program,
}

/// The one that all tests share; each caller brings a token of Kubernetes.
pub async fn shared() -> &'static Server {
    static SHARED: OnceCell<Server> = OnceCell::const_new();
    let start = async || {
        let bed = Bed::shared().unwrap();
        install(bed).await;
        Server::start(bed, &[]).await
    };
    SHARED.get_or_init(start).await
}

/// The CRDs and the rights of the account, from `deploy/`.
pub async fn install(bed: &Access) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    install_crds(bed).await;
    let _ = bed.run_kubectl(&["create", "namespace", NAMESPACE]).await;
    for file in ["account", "role"] {
        let file = crate::root().join("deploy/mcp").join(file);
        let file = file.with_extension("yaml").display().to_string();
        bed.run_kubectl(&["apply", "--server-side", "--force-conflicts", "-f", &file])
            .await
            .unwrap();
    }
}

/// A kubeconfig of the account, which has to exist.
async fn kubeconfig(bed: &Access) -> PathBuf {
    bed.service_account_kubeconfig(NAMESPACE, NAME)
        .await
        .unwrap()
}

impl Server {
    /// Starts one and waits until it is ready.
    pub async fn start(bed: &'static Access, flags: &[&str]) -> Self {
        let server = Self::launch(bed, free_port(), kubeconfig(bed).await, flags).await;
        server
            .eventually("it is ready", async || server.probe("/readyz").await == 200)
            .await;
        server
    }

    /// Starts one, and does not wait.
    pub async fn launch(
        bed: &'static Access,
        port: u16,
        kubeconfig: PathBuf,
        flags: &[&str],
    ) -> Self {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let health = free_port();
        let mut arguments = vec![
            "--app=mcp-http".to_owned(),
            format!("--mcp-bind-address=127.0.0.1:{port}"),
            format!("--health-bind-address=127.0.0.1:{health}"),
            "--metrics-bind-address=0".to_owned(),
            "--mcp-shutdown-delay=1s".to_owned(),
            // Everything that is logged at all.
            "--log-level=trace".to_owned(),
        ];
        arguments.extend(flags.iter().map(|&flag| flag.to_owned()));
        let name = format!("mcp-{port}-{number}");
        let invocation = Invocation::new(name, env!("CARGO_BIN_EXE_coder-k8s"))
            .arguments(arguments)
            .variable("KUBECONFIG", kubeconfig);
        Self {
            bed,
            port,
            health,
            program: bed.start_program(invocation).await.unwrap(),
        }
    }

    /// Somebody who asks it.
    pub fn client(&self, token: &str) -> Client {
        Client::new(format!("http://127.0.0.1:{}/mcp", self.port), token)
    }

    /// Its address, and `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The status of a probe; 0 where nobody answers.
    pub async fn probe(&self, path: &str) -> u16 {
        let url = format!("http://127.0.0.1:{}{path}", self.health);
        let answer = reqwest::get(&url).await;
        answer.map_or(0, |answer| answer.status().as_u16())
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.program.log_text().unwrap_or_default()
    }

    /// Waits until `holds`.
    pub async fn eventually(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds().await {
            let log = self.log();
            let end: Vec<_> = log.lines().rev().take(20).collect();
            let late = Instant::now() >= deadline;
            assert!(!late, "has not happened: {what}\n{}", end.join("\n"));
            tokio::time::sleep(LOOK).await;
        }
    }
}
