//! What the MCP server costs: `get_workspace` beside the same GET at kube-apiserver with the same token, and
//! beside the same tool of a server on the Go SDK, all three in turns and in the same revision of the
//! protocol.
//!
//! Many callers ask at the same time, each with a token of its own, so that every call is reviewed and
//! authorized as it would be. Then clients begin and never end, and the memory of the server's process is
//! looked at, as the kernel counts it.

use std::{fs, process::Stdio, sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::{Api, api::PostParams};
use serde_json::{Value, json};
use tokio::{process::Command, time::Instant};

use crate::{
    e2e::{
        mcp::{
            client::{Client, Era},
            clients::folder,
            server::Server,
            stage::{Stage, workspace},
        },
        scene::{admin, free_port},
    },
    figures::Figures,
    memory::Held,
};

const CALLERS: usize = 200;
/// Calls of each caller in a round, and rounds.
const CALLS: usize = 5;
const ROUNDS: usize = 4;
/// Clients that begin and never end.
const BEGUN: usize = 10_000;
const AT_ONCE: usize = 16;
const NAME: &str = "acme.ann.dev";

/// Somebody, and the three ways they ask.
#[derive(Clone)]
struct Caller {
    token: String,
    ours: Client,
    reference: Client,
    kube: reqwest::Client,
    url: String,
}

/// Measures and prints.
pub async fn run() {
    let stage = Stage::new("bench").await;
    // As it is run; that of the tests logs everything.
    let server = Server::start(stage.bed, &["--log-level=info"]).await;
    stage.make(workspace(NAME, true)).await;
    let tokens = tokens(&stage).await;
    let port = free_port();
    let authority = stage.bed.certificate("authority");
    let _reference = Command::new(folder().await.join("go-server/server"))
        .arg(format!("127.0.0.1:{port}"))
        .arg(stage.bed.kube_apiserver_url())
        .arg(&authority)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let callers = callers(&stage, &server, port, &tokens, &authority);
    let process = server.program.id();
    until_all_may(&callers).await;

    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{CALLERS} callers at a time on {cores} cores, in milliseconds");
    let ways = ["GET", "get_workspace", "Go SDK"];
    let mut times: [Vec<Duration>; 3] = Default::default();
    for _ in 0..ROUNDS {
        for (way, times) in ways.iter().zip(&mut times) {
            times.extend(round(&callers, way).await);
        }
    }
    let [get, ours, go] = times.map(Figures::from_iter);
    println!(
        "{:<15}{:>9}{:>9}{:>9}{:>12}{:>12}",
        "", "p50", "p95", "p99", "p99 / GET", "p99 / Go"
    );
    for (way, figures) in ways.iter().zip([&get, &ours, &go]) {
        let [p50, p95, p99] = [50, 95, 99].map(|percent| figures.percentile(percent));
        let [by_get, by_go] = [&get, &go].map(|other| p99 / other.percentile(99));
        println!("{way:<15}{p50:>9.1}{p95:>9.1}{p99:>9.1}{by_get:>12.2}{by_go:>12.2}");
    }

    println!("\nmemory of the server, in kB");
    println!("{:<40}{:>9}", "after the calls", Held::by(process).resident);
    for part in 1..=2 {
        begin(&callers, BEGUN / 2).await;
        let text = format!("after {} clients that never end", BEGUN / 2 * part);
        println!("{text:<40}{:>9}", Held::by(process).resident);
    }
}

/// A token of each of as many accounts, which may view the namespace.
async fn tokens(stage: &Stage) -> Vec<String> {
    let client = admin(stage.bed).await;
    let accounts: Api<ServiceAccount> = Api::namespaced(client, &stage.namespace);
    let group = format!("--group=system:serviceaccounts:{}", stage.namespace);
    stage
        .bed
        .run_kubectl(&["apply", "-f", &crate::e2e::mcp::stage::users()])
        .await
        .unwrap();
    stage
        .kubectl(&["create", "rolebinding", "all", "--clusterrole=view", &group])
        .await;
    let token = async |number: usize| {
        let name = format!("caller-{number}");
        let account: ServiceAccount =
            serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap();
        accounts
            .create(&PostParams::default(), &account)
            .await
            .unwrap();
        let request = TokenRequest {
            spec: TokenRequestSpec::default(),
            ..TokenRequest::default()
        };
        let made = accounts
            .create_token_request(&name, &PostParams::default(), &request)
            .await;
        made.unwrap().status.unwrap().token
    };
    stream::iter(0..CALLERS)
        .map(token)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

fn callers(
    stage: &Stage,
    server: &Server,
    port: u16,
    tokens: &[String],
    authority: &std::path::Path,
) -> Vec<Caller> {
    let pem = fs::read(authority).unwrap();
    let authority = reqwest::Certificate::from_pem(&pem).unwrap();
    let kube = reqwest::Client::builder()
        .tls_certs_only([authority])
        .build()
        .unwrap();
    let url = format!(
        "{}/apis/coder.com/v1alpha1/namespaces/{}/coderworkspaces/{NAME}",
        stage.bed.kube_apiserver_url(),
        stage.namespace
    );
    let caller = |token: &String| Caller {
        token: token.clone(),
        ours: server.client(token).of(Era::Old),
        reference: Client::new(format!("http://127.0.0.1:{port}/mcp"), token).of(Era::Old),
        kube: kube.clone(),
        url: url.clone(),
    };
    tokens.iter().map(caller).collect()
}

impl Caller {
    fn arguments(&self) -> Value {
        let namespace = self.url.split('/').rev().nth(2).unwrap();
        json!({ "namespace": namespace, "name": NAME })
    }

    /// Asks once; whether it got the workspace.
    async fn ask(&self, way: &str) -> bool {
        let client = match way {
            "GET" => {
                let answer = self
                    .kube
                    .get(&self.url)
                    .bearer_auth(&self.token)
                    .send()
                    .await
                    .unwrap();
                let is_fine = answer.status() == 200;
                answer.bytes().await.unwrap();
                return is_fine;
            }
            "get_workspace" => &self.ours,
            _ => &self.reference,
        };
        let call = json!({ "name": "get_workspace", "arguments": self.arguments() });
        let answer = client.ask("tools/call", call).await.unwrap();
        answer["structuredContent"]["workspace"]["name"] == NAME
    }
}

/// Rights come into force a moment later.
async fn until_all_may(callers: &[Caller]) {
    for caller in callers {
        for way in ["GET", "get_workspace", "Go SDK"] {
            while !caller.ask(way).await {}
        }
    }
}

/// All callers at the same time; the time of each call.
async fn round(callers: &[Caller], way: &str) -> Vec<Duration> {
    let way: Arc<str> = way.into();
    let mut tasks = tokio::task::JoinSet::new();
    for caller in callers {
        let (caller, way) = (caller.clone(), Arc::clone(&way));
        tasks.spawn(async move {
            let mut times = Vec::new();
            for _ in 0..CALLS {
                let begin = Instant::now();
                assert!(caller.ask(&way).await, "{way}");
                times.push(begin.elapsed());
            }
            times
        });
    }
    tasks.join_all().await.concat()
}

/// As many clients begin, and are never heard of again.
async fn begin(callers: &[Caller], number: usize) {
    let parameters = json!({
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "bench", "version": "1" },
    });
    let begin = async |index: usize| {
        let caller = &callers[index % callers.len()];
        let begun = caller
            .ours
            .ask("initialize", parameters.clone())
            .await
            .unwrap();
        assert_eq!(begun["serverInfo"]["name"], "coder-k8s");
    };
    stream::iter(0..number)
        .map(begin)
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
}
