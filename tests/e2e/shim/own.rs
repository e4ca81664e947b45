//! A cluster to break: one for all tests that do, which take it in turns.

use std::path::PathBuf;

use serde_json::{Value, json};
use testbed::{Bed, Options};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::{
    caller::Ask,
    server::{self, API_SERVICE, Server},
    stage::Stage,
};

/// The cluster.
pub struct Own {
    pub bed: &'static Bed,
    /// Where kube-apiserver records what it was asked.
    pub audit: PathBuf,
    lent: Vec<&'static Server>,
}

const POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  resources: [{ group: coder.com }, { group: aggregation.coder.com }]
- level: None
";

/// Waits for a turn.
pub async fn own() -> MutexGuard<'static, Own> {
    static OWN: OnceCell<Mutex<Own>> = OnceCell::const_new();
    let own = OWN
        .get_or_init(async || Mutex::new(Own::start().await))
        .await;
    own.lock().await
}

impl Own {
    async fn start() -> Self {
        // It ends with the process, and so does the cluster.
        let folder = Box::leak(Box::new(tempfile::tempdir().unwrap())).path();
        let (policy, audit) = (folder.join("policy.yaml"), folder.join("audit.log"));
        std::fs::write(&policy, POLICY).unwrap();
        let options = Options {
            kube_apiserver_arguments: vec![
                format!("--audit-policy-file={}", policy.display()),
                format!("--audit-log-path={}", audit.display()),
                "--audit-log-mode=blocking".to_owned(),
            ],
            ..Options::default()
        };
        let bed: &'static Bed = Box::leak(Box::new(Bed::start(options).await.unwrap()));
        server::install(bed).await;
        Self {
            bed,
            audit,
            lent: Vec::new(),
        }
    }

    /// A namespace behind `server`, which ends with this turn.
    pub async fn stage(&mut self, server: Server, test: &str) -> Stage {
        let server: &'static Server = Box::leak(Box::new(server));
        self.lent.push(server);
        Stage::of(server, test).await
    }

    /// Changes the `spec` of the `APIService`.
    pub async fn change_api_service(&self, spec: Value) {
        let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/{API_SERVICE}");
        let patch = json!({ "spec": spec }).to_string();
        let ask = Ask::new("PATCH", path).body("application/merge-patch+json", patch);
        server::administrator(self.bed).send(ask).await.expect(200);
    }

    /// The condition `Available` of the `APIService`.
    pub async fn available(&self) -> Value {
        let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/{API_SERVICE}");
        let found = server::administrator(self.bed)
            .get(path)
            .await
            .expect(200)
            .json();
        found["status"]["conditions"][0].clone()
    }
}
