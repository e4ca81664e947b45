//! A replica of the controller, with ways of its own to both sides.

use std::time::Duration;

use testbed::{Invocation, Program, proxy::Proxy};
use tokio::time::Instant;

use crate::e2e::{
    scene::{PATIENCE, Scene},
    shim::hop::Hop,
};

const LOOK: Duration = Duration::from_millis(100);

pub struct Replica {
    pub program: Program,
    /// Between it and coderd.
    pub proxy: Proxy,
    /// Between it and kube-apiserver.
    pub hop: Hop,
    health: u16,
    metrics: u16,
}

impl Replica {
    /// Starts one that has to win the lease in the namespace of `scene` first.
    pub async fn start(scene: &Scene, name: &str) -> Self {
        let (bed, namespace) = (scene.bed, &scene.namespace);
        let proxy = Proxy::start(bed.coder_url()).unwrap();
        let hop = Hop::start(bed).await;
        let arguments = [
            "--app=controller".to_owned(),
            format!("--coder-url={}", proxy.url()),
            format!(
                "--coder-session-token-file={}",
                bed.controller_token_file().display()
            ),
            format!("--coder-namespace={namespace}"),
            "--import=none".to_owned(),
            "--sweep-interval=1s".to_owned(),
            // Any that is free when it is bound: many of them start in one test.
            "--health-bind-address=127.0.0.1:0".to_owned(),
            "--metrics-bind-address=127.0.0.1:0".to_owned(),
            "--log-level=debug".to_owned(),
        ];
        let invocation = Invocation::new(
            format!("replica-{namespace}-{name}"),
            env!("CARGO_BIN_EXE_coder-k8s"),
        )
        .arguments(arguments)
        .variable("KUBECONFIG", hop.before(bed, &scene.kubeconfig))
        .variable("POD_NAMESPACE", namespace)
        .variable("HOSTNAME", name);
        let program = bed.start_program(invocation).await.unwrap();
        let ports = || {
            let log = program.log_text().unwrap_or_default();
            let bound = log.split("bound=127.0.0.1:").skip(1);
            let port = |text: &str| {
                text.split(|it: char| !it.is_ascii_digit())
                    .next()?
                    .parse()
                    .ok()
            };
            bound.filter_map(port).collect::<Vec<u16>>()
        };
        scene
            .eventually("it listens", async || ports().len() == 2)
            .await;
        let [health, metrics] = ports()[..] else {
            panic!("{}", program.log_text().unwrap());
        };
        Self {
            program,
            proxy,
            hop,
            health,
            metrics,
        }
    }

    /// Waits until it works and is ready.
    pub async fn leads(&self) {
        self.until("it leads", "coder_k8s_leader 1").await;
    }

    /// Waits until it is ready, and waits itself.
    pub async fn waits(&self) {
        self.until("it waits", "coder_k8s_leader 0").await;
    }

    async fn until(&self, what: &str, line: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let metrics = ask(self.metrics, "/metrics").await.1;
            let is_ready = ask(self.health, "/readyz").await.0 == 200;
            if is_ready && metrics.lines().any(|one| one == line) {
                return;
            }
            let log = self.program.log_text().unwrap_or_default();
            let end: Vec<_> = log.lines().rev().take(30).collect();
            assert!(
                Instant::now() < deadline,
                "never: {what}\n{}",
                end.join("\n")
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The status and the text of a probe.
    pub async fn probe(&self, path: &str) -> (u16, String) {
        ask(self.health, path).await
    }

    /// Waits until it has swept coderd `count` times more.
    pub async fn sweeps(&self, scene: &Scene, count: u64) {
        let swept = || self.proxy.count("GET", "/workspaces$").unwrap();
        let start = swept();
        scene
            .eventually("sweeps", async || swept() >= start + count)
            .await;
    }

    /// Ends it in good order.
    pub async fn stop(self) {
        self.program.terminate();
        let status = self.program.wait(PATIENCE).await.unwrap();
        assert!(status.success(), "{}", self.program.log_text().unwrap());
    }
}

/// The status and the text; status 0 where nobody answers.
async fn ask(port: u16, path: &str) -> (u16, String) {
    let url = format!("http://127.0.0.1:{port}{path}");
    match reqwest::get(&url).await {
        Ok(reply) => {
            let status = reply.status().as_u16();
            (status, reply.text().await.unwrap_or_default())
        }
        Err(_) => (0, String::new()),
    }
}
