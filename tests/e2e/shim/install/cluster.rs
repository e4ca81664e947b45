//! What the test bed has not: the kubelet that starts what a Deployment says, and the network that leads
//! the `APIService` to it.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use testbed::{Access, Bed, Invocation, Options, Program};
use tokio::{
    sync::OnceCell,
    time::{Instant, sleep},
};

use crate::e2e::{
    coder::Person,
    scene::free_port,
    shim::{
        caller::{Ask, Caller, Reply},
        server::{API_SERVICE, administrator, look_again},
    },
};

/// How long anything may take before the test gives up. Wide: the machine may be slow.
pub const PATIENCE: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(100);

/// An empty cluster beside a coderd.
pub struct Cluster {
    pub bed: &'static Access,
    pub admin: Caller,
    pub person: Person,
}

/// What runs as a Deployment says.
pub struct Pod {
    pub program: Program,
    /// Where it serves the aggregated API, if it does.
    pub port: u16,
    health: u16,
}

impl Cluster {
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        // As with the shared bed, its guard removes it when the process ends.
        let bed: &'static Bed = Box::leak(Box::new(Bed::start(options).await.unwrap()));
        Self {
            bed,
            admin: administrator(bed),
            person: Person::new(bed.coder_url(), bed.coder_token()),
        }
    }

    /// Starts what a Deployment says, as its account, and waits until it is ready. Only where it listens
    /// and what the ConfigMap of the documents makes up is as it is here.
    pub async fn start(&self, namespace: &str, deployment: &str) -> Pod {
        let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}");
        let found = self.admin.get(path).await.expect(200).json();
        let spec = &found["spec"]["template"]["spec"];
        let container = &spec["containers"][0];
        let account = spec["serviceAccountName"].as_str().unwrap();
        let kubeconfig = self
            .bed
            .service_account_kubeconfig(namespace, account)
            .await
            .unwrap();
        let (port, health) = (free_port(), free_port());
        let mut variables = self.variables(namespace, container).await;
        if let Some(url) = variables.get_mut("CODER_K8S_CODER_URL") {
            self.bed.coder_url().clone_into(url);
            variables.insert("CODER_K8S_SWEEP_INTERVAL".to_owned(), "1s".to_owned());
        }
        let addresses = [
            ("APISERVER_BIND_ADDRESS", format!("127.0.0.1:{port}")),
            ("APISERVER_SHUTDOWN_DELAY", "1s".to_owned()),
            ("HEALTH_BIND_ADDRESS", format!("127.0.0.1:{health}")),
            ("METRICS_BIND_ADDRESS", "0".to_owned()),
        ];
        variables.extend(addresses.map(|(name, value)| (format!("CODER_K8S_{name}"), value)));
        let token = self.bed.controller_token_file().display().to_string();
        let arguments = container["args"]
            .as_array()
            .unwrap()
            .iter()
            .map(|argument| {
                let argument = argument.as_str().unwrap();
                argument.replace("/var/run/secrets/coder/token", &token)
            });
        let name = format!("{deployment}-{port}");
        let mut invocation = Invocation::new(name, env!("CARGO_BIN_EXE_coder-k8s"))
            .arguments(arguments)
            .variable("KUBECONFIG", kubeconfig)
            // The kubelet mounts a file that says so.
            .variable("POD_NAMESPACE", namespace);
        for (name, value) in variables {
            invocation = invocation.variable(name, value);
        }
        let program = self.bed.start_program(invocation).await.unwrap();
        let pod = Pod {
            program,
            port,
            health,
        };
        self.eventually(
            "it is ready",
            async || pod.is_ready().await,
            || pod.program.log_text().unwrap_or_default(),
        )
        .await;
        pod
    }

    /// The variables of a container, as the kubelet fills them in.
    async fn variables(&self, namespace: &str, container: &Value) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::new();
        for source in container["envFrom"].as_array().into_iter().flatten() {
            let name = source["configMapRef"]["name"].as_str().unwrap();
            let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}");
            let found = self.admin.get(path).await.expect(200).json();
            for (name, value) in found["data"].as_object().unwrap() {
                variables.insert(name.clone(), value.as_str().unwrap().to_owned());
            }
        }
        for variable in container["env"].as_array().into_iter().flatten() {
            let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
                Some("metadata.namespace") => namespace.to_owned(),
                Some(field) => panic!("{field}"),
                None => {
                    let value = variable["value"].as_str().unwrap().to_owned();
                    let known = variables.iter();
                    known.fold(value, |value, (name, known): (&String, &String)| {
                        value.replace(&format!("$({name})"), known)
                    })
                }
            };
            let name = variable["name"].as_str().unwrap().to_owned();
            variables.insert(name, value);
        }
        variables
    }

    /// Starts the aggregated API as its Deployment says, once, and leads the group to it.
    pub async fn serve(&self, pod: &OnceCell<Pod>) {
        let start = || self.start("coder-system", "coder-k8s-apiserver");
        self.connect(pod.get_or_init(start).await).await;
    }

    /// Leads the `APIService` to `port`, through the Service that it names, and waits until clients get
    /// there.
    pub async fn connect(&self, pod: &Pod) {
        self.route(pod.port).await;
        let path = "/apis/aggregation.coder.com/v1alpha1";
        self.eventually(
            "it is reached through kube-apiserver",
            async || {
                look_again(&self.admin).await;
                self.admin.get(path).await.status == 200
            },
            || pod.program.log_text().unwrap_or_default(),
        )
        .await;
    }

    /// Leads the `APIService` to `port`. As the manager that `kubectl` is, so that its next apply meets no
    /// conflict.
    pub async fn route(&self, port: u16) {
        let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/{API_SERVICE}");
        let mut found = self.admin.get(path).await.expect(200).json();
        let mut spec = found["spec"].take();
        for of_the_replicas in ["caBundle", "insecureSkipTLSVerify"] {
            spec.as_object_mut().unwrap().remove(of_the_replicas);
        }
        spec["service"]["port"] = json!(port);
        let service = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": spec["service"]["name"],
                "namespace": spec["service"]["namespace"],
            },
            "spec": {
                "type": "ExternalName",
                "externalName": "localhost",
                "ports": [{ "name": "https", "port": port }],
            },
        });
        let api_service = json!({
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": { "name": API_SERVICE },
            "spec": spec,
        });
        // Whoever else owns something of the Service would keep it.
        let name = service["metadata"]["name"].as_str().unwrap();
        let namespace = service["metadata"]["namespace"].as_str().unwrap();
        self.kubectl(&["delete", "service", name, "-n", namespace])
            .await;
        for manifest in [service, api_service] {
            self.apply(&manifest.to_string()).await;
        }
    }

    /// Applies `manifest` as administrator.
    pub async fn apply(&self, manifest: &str) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), manifest).unwrap();
        let file = file.path().to_str().unwrap();
        self.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", file])
            .await;
    }

    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        self.bed.run_kubectl(arguments).await.unwrap()
    }

    /// What is at `path`, if anything is.
    pub async fn find(&self, path: &str) -> Option<Value> {
        let reply = self.admin.get(path).await;
        (reply.status != 404).then(|| reply.expect(200).json())
    }

    /// Makes something.
    pub async fn post(&self, path: &str, object: &Value) -> Reply {
        self.admin.send(Ask::new("POST", path).json(object)).await
    }

    /// Waits until `holds`; `log` says more where it never does.
    pub async fn eventually(
        &self,
        what: &str,
        holds: impl AsyncFn() -> bool,
        log: impl Fn() -> String,
    ) {
        let deadline = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(Instant::now() < deadline, "never: {what}\n{}", log());
            sleep(LOOK).await;
        }
    }
}

impl Pod {
    /// What its probe says.
    async fn is_ready(&self) -> bool {
        let url = format!("http://127.0.0.1:{}/readyz", self.health);
        reqwest::get(url)
            .await
            .is_ok_and(|reply| reply.status() == 200)
    }

    pub fn log(&self) -> String {
        self.program.log_text().unwrap_or_default()
    }
}
