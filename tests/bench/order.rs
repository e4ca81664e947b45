//! How long an order takes: from `kubectl apply` of a workspace that is to run until the controller's
//! request for the build is at coderd.
//!
//! One round measures, each while nothing else is under way:
//!
//! * the order;
//! * the same apply in a namespace where nobody reconciles, until kubectl has returned;
//! * the same request for a build, sent by curl for a workspace without an object.
//!
//! Arrival is when a proxy in front of coderd has the head of the request, the same for both ways.
//! All clocks are this process's.

use std::time::Duration;

use coder_k8s::app::args::default::SWEEP_INTERVAL;
use serde_json::{Value, json};
use testbed::{
    Proxy,
    proxy::{Mutation, Seen},
};
use tokio::{process::Command, time::Instant};

use crate::{
    e2e::{coder::id, object::is_ready, scene::Scene},
    figures::Figures,
};

const ROUNDS: usize = 20;
/// Nothing is under way when the controller has asked nothing of coderd for so long.
const QUIET: Duration = Duration::from_secs(1);

/// What one round measured.
struct Round {
    order: Duration,
    /// How much of it had passed when kubectl returned.
    returned: Duration,
    kubectl: Duration,
    curl: Duration,
}

/// Measures and prints.
pub async fn run() {
    let stage = Stage::new().await;
    // The first time fills the caches of kubectl, and opens connections.
    stage.round().await;
    let mut rounds = Vec::new();
    for number in 1..=ROUNDS {
        let round = stage.round().await;
        let Round {
            order,
            kubectl,
            curl,
            ..
        } = round;
        eprintln!(
            "{number:>3}/{ROUNDS}  order {order:.1?}  kubectl {kubectl:.1?}  curl {curl:.1?}"
        );
        rounds.push(round);
    }
    print(&rounds);
}

fn print(rounds: &[Round]) {
    let figures = |of: fn(&Round) -> Duration| rounds.iter().map(of).collect::<Figures>();
    let order = figures(|round| round.order);
    let after = figures(|round| round.order.saturating_sub(round.returned));
    let kubectl = figures(|round| round.kubectl);
    let curl = figures(|round| round.curl);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "\n{} rounds on {cores} cores, in milliseconds",
        rounds.len()
    );
    println!("{}", Figures::head(&["kubectl", "curl"]));
    println!("{}", order.row("order", &[&kubectl, &curl]));
    println!("{}", after.row("  after", &[]));
    println!("{}", kubectl.row("kubectl", &[]));
    println!("{}", curl.row("curl", &[]));
    println!(
        "
order    from before `kubectl apply --server-side` until the request for the build is at coderd
  after  the part of it after kubectl has returned
kubectl  the same apply where nobody reconciles, until kubectl has returned
curl     from before `curl` until the same request is at coderd, without Kubernetes"
    );
}

/// Two workspaces of one template, one with an object and one without, and an object that nobody
/// reconciles.
struct Stage {
    scene: Scene,
    template: String,
    object: String,
    /// Where nobody reconciles.
    elsewhere: String,
    /// The workspace of the object.
    twin: String,
    /// The workspace without an object.
    other: String,
    /// In front of coderd, for curl.
    proxy: Proxy,
}

impl Stage {
    async fn new() -> Self {
        let flags = [
            "--import=none",
            "--log-level=info",
            &format!("--sweep-interval={SWEEP_INTERVAL}"),
        ];
        let scene = Scene::with_flags("bench", &flags).await;
        let elsewhere = format!("{}-elsewhere", scene.namespace);
        scene.kubectl(&["create", "namespace", &elsewhere]).await;

        let template = scene.name("t");
        let named = scene.template_object(&template);
        scene.apply(&template_manifest(&named)).await;
        scene.wait(&format!("ctpl/{named}"), "Ready").await;
        let made = scene.person.template(scene.bed.organization(), &template);
        let template_id = id(&made.await.unwrap()).to_owned();
        let person = &scene.person;
        let other = person
            .make_workspace("me", &scene.name("o"), &template_id)
            .await;

        let name = scene.name("w");
        let mut stage = Self {
            proxy: Proxy::start(scene.bed.coder_url()).unwrap(),
            object: scene.workspace_object(&name),
            twin: String::new(),
            other: id(&other).to_owned(),
            template,
            elsewhere,
            scene,
        };
        stage.apply(true).await;
        stage.settled(true).await;
        let seen = stage.scene.object(&stage.cws()).await.unwrap();
        seen["status"]["id"]
            .as_str()
            .unwrap()
            .clone_into(&mut stage.twin);
        stage.stop().await;
        stage
    }

    async fn round(&self) -> Round {
        self.quiet().await;
        let (order, returned, request) = self.order().await;
        self.settled(true).await;
        self.quiet().await;
        let kubectl = self.kubectl().await;
        self.quiet().await;
        let curl = self.curl(&request).await;
        self.stop().await;
        Round {
            order,
            returned,
            kubectl,
            curl,
        }
    }

    /// Orders a start: the time until the request was at coderd, until kubectl returned, and the
    /// request.
    async fn order(&self) -> (Duration, Duration, Seen) {
        let proxy = &self.scene.proxy;
        proxy.forget();
        let begin = Instant::now();
        self.apply(true).await;
        let returned = begin.elapsed();
        self.scene
            .eventually("the build is asked for", async || !builds(proxy).is_empty())
            .await;
        let Mutation {
            request, arrived, ..
        } = builds(proxy).remove(0);
        assert!(request.path.contains(&self.twin), "{request:?}");
        (arrived - begin, returned, request)
    }

    /// The same apply where nobody reconciles.
    async fn kubectl(&self) -> Duration {
        let begin = Instant::now();
        self.apply_elsewhere(true).await;
        begin.elapsed()
    }

    /// The same request for the other workspace, and the end of the build.
    async fn curl(&self, request: &Seen) -> Duration {
        self.proxy.forget();
        let path = request.path.replace(&self.twin, &self.other);
        let token = format!("Coder-Session-Token: {}", self.scene.bed.coder_token());
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail-with-body"])
            .args([
                "--header",
                &token,
                "--header",
                "Content-Type: application/json",
            ])
            .args(["--data", &request.body])
            .arg(format!("{}{path}", self.proxy.url()));
        let begin = Instant::now();
        let output = curl.output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
        let build: Value = serde_json::from_slice(&output.stdout).unwrap();
        let build = format!("/workspacebuilds/{}", id(&build));
        self.scene.person.ended(&build).await;
        builds(&self.proxy).remove(0).arrived - begin
    }

    /// Everything is stopped again.
    async fn stop(&self) {
        self.apply(false).await;
        self.apply_elsewhere(false).await;
        self.scene.person.build(&self.other, "stop").await;
        self.settled(false).await;
    }

    async fn apply(&self, running: bool) {
        self.scene.apply(&self.manifest(running)).await;
    }

    async fn apply_elsewhere(&self, running: bool) {
        let flags = ["--namespace", &self.elsewhere];
        let (fine, text) = self.scene.try_apply(&self.manifest(running), &flags).await;
        assert!(fine, "{text}");
    }

    /// Waits until the object is ready and its last build has ended.
    async fn settled(&self, running: bool) {
        let state = if running { "running" } else { "stopped" };
        self.scene
            .until(&self.cws(), state, |seen| {
                is_ready(seen) && seen["status"]["latestBuildStatus"] == state
            })
            .await;
    }

    /// Waits until the controller asks nothing more of coderd.
    async fn quiet(&self) {
        loop {
            let before = self.scene.requests();
            tokio::time::sleep(QUIET).await;
            if self.scene.requests() == before {
                return;
            }
        }
    }

    fn cws(&self) -> String {
        format!("cws/{}", self.object)
    }

    fn manifest(&self, running: bool) -> Value {
        json!({
            "apiVersion": "coder.com/v1alpha1",
            "kind": "CoderWorkspace",
            "metadata": { "name": self.object },
            "spec": { "templateName": self.template, "running": running },
        })
    }
}

/// The requests for builds so far.
fn builds(proxy: &Proxy) -> Vec<Mutation> {
    let mut builds = proxy.mutations();
    builds.retain(|one| one.request.method == "POST" && one.request.path.ends_with("/builds"));
    builds
}

/// A template whose builds take no longer than they must.
fn template_manifest(object: &str) -> Value {
    json!({
        "apiVersion": "coder.com/v1alpha1",
        "kind": "CoderTemplate",
        "metadata": { "name": object },
        "spec": { "files": { "main.tf": "resource \"terraform_data\" \"machine\" {}\n" } },
    })
}
