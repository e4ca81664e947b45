//! A replica of the controller, with ways of its own to both sides.

use testbed::{Invocation, Program, proxy::Proxy};

use crate::e2e::{
    scene::{PATIENCE, Scene, free_port},
    shim::hop::Hop,
};

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
        let (health, metrics) = (free_port(), free_port());
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
            format!("--health-bind-address=127.0.0.1:{health}"),
            format!("--metrics-bind-address=127.0.0.1:{metrics}"),
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
        Self {
            program: bed.start_program(invocation).await.unwrap(),
            proxy,
            hop,
            health,
            metrics,
        }
    }

    /// Waits until it works and is ready.
    pub async fn leads(&self, scene: &Scene) {
        self.until(scene, "it leads", "coder_k8s_leader 1").await;
    }

    /// Waits until it is ready, and waits itself.
    pub async fn waits(&self, scene: &Scene) {
        self.until(scene, "it waits", "coder_k8s_leader 0").await;
    }

    async fn until(&self, scene: &Scene, what: &str, line: &str) {
        scene
            .eventually(what, async || {
                let metrics = ask(self.metrics, "/metrics").await.1;
                let is_ready = ask(self.health, "/readyz").await.0 == 200;
                is_ready && metrics.lines().any(|one| one == line)
            })
            .await;
    }

    /// The status and the text of a probe.
    pub async fn probe(&self, path: &str) -> (u16, String) {
        ask(self.health, path).await
    }

    /// Waits until it has swept coderd so often.
    pub async fn sweeps(&self, scene: &Scene, count: u64) {
        let swept = || self.proxy.count("GET", "/workspaces$").unwrap();
        scene.eventually("sweeps", async || swept() >= count).await;
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
