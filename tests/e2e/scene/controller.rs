//! The program under test: started, killed, asked how it is.

use testbed::Invocation;

use super::Scene;

impl Scene {
    /// Starts the controller and waits until it is ready.
    pub async fn start_controller(&mut self) {
        self.launch_controller().await;
        self.eventually("the controller is ready", async || {
            self.probe("/readyz").await.0 == 200
        })
        .await;
    }

    /// Starts the controller: for the coderd of the bed, or, where it is told which namespaces to watch, for those
    /// that it finds.
    pub async fn launch_controller(&mut self) {
        self.starts += 1;
        let mut arguments = vec![
            "--app=controller".to_owned(),
            // One that is killed is to work again at once.
            "--leader-elect=false".to_owned(),
            "--sweep-interval=1s".to_owned(),
            format!("--health-bind-address=127.0.0.1:{}", self.health),
            format!("--metrics-bind-address=127.0.0.1:{}", self.metrics),
            "--log-level=debug".to_owned(),
        ];
        if !self
            .flags
            .iter()
            .any(|flag| flag.starts_with("--watch-namespaces"))
        {
            let token = self.bed.controller_token_file();
            arguments.extend([
                format!("--coder-url={}", self.proxy.url()),
                format!("--coder-session-token-file={}", token.display()),
                format!("--coder-namespace={}", self.namespace),
            ]);
        }
        arguments.extend(self.flags.iter().cloned());
        let name = format!("controller-{}-{}", self.namespace, self.starts);
        let invocation = Invocation::new(name, env!("CARGO_BIN_EXE_coder-k8s"))
            .arguments(arguments)
            .variable("KUBECONFIG", &self.kubeconfig)
            .variable("POD_NAMESPACE", &self.namespace);
        self.controller = Some(self.bed.start_program(invocation).await.unwrap());
    }

    /// Ends the controller without any warning.
    pub async fn kill_controller(&mut self) {
        if let Some(controller) = self.controller.take() {
            controller.kill().await;
        }
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

    /// What `/metrics` says.
    pub async fn scrape(&self) -> String {
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics);
        reqwest::get(&url).await.unwrap().text().await.unwrap()
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
