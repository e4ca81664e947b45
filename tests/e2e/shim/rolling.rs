//! Replacing what serves while it is used: certificates, authorities, processes.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{
    caller::{Ask, Caller},
    certificate::{Authority, PLAIN, Pair, Wanted},
    discovery::merged,
    load::{Follower, Load},
    own::own,
    server::{API_SERVICE, SERVER_NAME, Server, Settings, administrator, look_again, publish},
    stage::{Group, WORKSPACES, workspace},
};
use crate::e2e::scene::{PATIENCE, free_port};

/// In base64, as an `APIService` has it.
fn bundle(authorities: &[&Authority]) -> Value {
    let text: String = authorities
        .iter()
        .map(|one| one.certificate.as_str())
        .collect();
    json!({ "caBundle": base64(&text) })
}

fn base64(text: &str) -> Value {
    let bytes = k8s_openapi::ByteString(text.as_bytes().to_vec());
    serde_json::to_value(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_2_3_certificates_and_authorities_are_replaced_while_it_is_used() {
    let mut own = own().await;
    let bed = own.bed;
    let (first, second) = (Authority::new(), Authority::new());
    let good = Wanted {
        names: &[SERVER_NAME],
        ..PLAIN
    };
    let without_name = Wanted {
        names: &["localhost"],
        ..PLAIN
    };
    let port = free_port();
    publish(bed, port).await;
    // Whoever keeps certificates leaves this one alone.
    let unmanaged = "coder.com/manage-ca-bundle=false";
    bed.run_kubectl(&[
        "annotate",
        "--overwrite",
        "apiservice",
        API_SERVICE,
        unmanaged,
    ])
    .await
    .unwrap();
    own.change_api_service(bundle(&[&first])).await;
    let settings = Settings {
        certificate: Some(first.sign(without_name)),
        port: Some(port),
        ..Settings::default()
    };
    let server = Server::start(bed, settings).await;
    let admin = administrator(bed);
    server
        .eventually("it is not trusted for its name", async || {
            look_again(&admin).await;
            let available = own.available().await;
            let message = available["message"].as_str().unwrap_or_default();
            available["status"] == "False"
                && available["reason"] == "FailedDiscoveryCheck"
                && message.contains(SERVER_NAME)
        })
        .await;
    server.replace_certificate(&first.sign(good));
    let trusting = Caller::new(server.port, SERVER_NAME, Some(first.certificate.clone()));
    server
        .eventually("it shows the good one", async || {
            trusting.again().reaches().await
        })
        .await;
    server.until_reached().await;
    assert_eq!(own.available().await["message"], "all checks passed");

    let stage = own.stage(server, "rotation").await;
    let server = stage.server;
    let paths = vec![stage.path(Group::Old, WORKSPACES, ""); 3];
    let load = Load::start(&stage.admin, &paths);
    let more = async |step: &str, count: usize| {
        let wanted = load.count() + count;
        server
            .eventually("more requests", async || load.count() >= wanted)
            .await;
        let failures = load.failures();
        let first = failures.first();
        assert_eq!(first, None, "{step}\n{}", server.log_tail());
    };
    more("before", 20).await;
    own.change_api_service(bundle(&[&first, &second])).await;
    // kube-apiserver takes it up in its own time and does not say when; who rotates waits for longer.
    more("both authorities", 1000).await;
    server.replace_certificate(&second.sign(good));
    let trusting = Caller::new(server.port, SERVER_NAME, Some(second.certificate.clone()));
    server
        .eventually("it shows the new one", async || {
            trusting.again().reaches().await
        })
        .await;
    more("the other certificate", 20).await;
    own.change_api_service(bundle(&[&second])).await;
    more("the other authority alone", 50).await;
    assert_eq!(load.end().await, Vec::<String>::new());
    assert_eq!(server.program.status(), None, "it was never restarted");
    let managed = "coder.com/manage-ca-bundle-";
    bed.run_kubectl(&["annotate", "apiservice", API_SERVICE, managed])
        .await
        .unwrap();
}

impl Server {
    /// Writes another certificate to the files that it serves, as Kubernetes replaces them.
    fn replace_certificate(&self, pair: &Pair) {
        let folder = self
            .bed
            .directory()
            .join("kubeconfigs")
            .join(format!("tls-{}", self.port));
        for (name, text) in [("tls.key", &pair.key), ("tls.crt", &pair.certificate)] {
            std::fs::write(folder.join("next"), text).unwrap();
            std::fs::rename(folder.join("next"), folder.join(name)).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_20_discovery_says_when_it_is_stale_and_recovers() {
    let own = own().await;
    let server = Server::published(own.bed, Settings::default()).await;
    let admin = administrator(own.bed);
    let freshness = async |wanted: &str| {
        look_again(&admin).await;
        let version = merged(&admin, "aggregation.coder.com").await;
        version.is_some_and(|version| version["freshness"] == wanted)
    };
    server
        .eventually("current", async || freshness("Current").await)
        .await;
    server.program.kill().await;
    server
        .eventually("stale", async || freshness("Stale").await)
        .await;
    assert_eq!(own.available().await["status"], "False");
    let path = "/apis/aggregation.coder.com/v1alpha1/coderworkspaces";
    assert_eq!(admin.get(path).await.status, 503, "not 404");

    let settings = Settings {
        port: Some(server.port),
        ..Settings::default()
    };
    let server = Server::start(own.bed, settings).await;
    server
        .eventually("current again", async || freshness("Current").await)
        .await;
    server.until_reached().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_77_both_records_of_a_request_have_one_id_and_tell_the_client() {
    let mut own = own().await;
    let server = Server::published(own.bed, Settings::default()).await;
    let stage = own.stage(server, "audit").await;
    let id = format!("00000000-0000-0000-0000-{:012x}", std::process::id());
    let ask = Ask::get(stage.path(Group::Old, WORKSPACES, "")).header("audit-id", &id);
    stage.admin.send(ask).await.expect(200);
    let records = async || -> Vec<Value> {
        let text = std::fs::read_to_string(&own.audit).unwrap_or_default();
        let records = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        records
            .filter(|record: &Value| record["auditID"] == id.as_str())
            .collect()
    };
    stage
        .server
        .eventually("both are written", async || records().await.len() == 2)
        .await;
    let records = records().await;
    let of = |group: &str| {
        let found = records
            .iter()
            .find(|record| record["objectRef"]["apiGroup"] == group);
        found.unwrap_or_else(|| panic!("{records:?}")).clone()
    };
    let (hop_1, hop_2) = (of("aggregation.coder.com"), of("coder.com"));
    assert_eq!(hop_1["user"]["username"], "administrator");
    let account = "system:serviceaccount:coder-system:coder-k8s-apiserver";
    assert_eq!(hop_2["user"]["username"], account);
    assert_eq!(hop_1["userAgent"], hop_2["userAgent"]);
    let sources = hop_2["sourceIPs"].as_array().unwrap();
    assert!(sources.contains(&hop_1["sourceIPs"][0]), "{sources:?}");
}

/// Connections for those that are ready, as a Service gives them to its pods.
struct Balancer {
    port: u16,
    /// Ports of the servers, ready or not.
    members: Arc<Mutex<Vec<(u16, u16)>>>,
    _tasks: JoinSet<()>,
}

impl Balancer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let members: Arc<Mutex<Vec<(u16, u16)>>> = Arc::default();
        let mut tasks = JoinSet::new();
        let balanced = Arc::clone(&members);
        tasks.spawn(async move {
            let next = AtomicUsize::new(0);
            let mut connections = JoinSet::new();
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let ready = ready(&balanced).await;
                if ready.is_empty() {
                    continue;
                }
                let chosen = ready[next.fetch_add(1, Ordering::SeqCst) % ready.len()];
                connections.spawn(async move {
                    let Ok(mut server) = TcpStream::connect(("127.0.0.1", chosen)).await else {
                        return;
                    };
                    copy_bidirectional(&mut client, &mut server).await.ok();
                });
            }
        });
        Self {
            port,
            members,
            _tasks: tasks,
        }
    }

    fn add(&self, server: &Server) {
        self.members
            .lock()
            .unwrap()
            .push((server.port, server.health));
    }

    fn remove(&self, server: &Server) {
        self.members
            .lock()
            .unwrap()
            .retain(|(port, _)| *port != server.port);
    }
}

/// The members whose `/readyz` says so.
async fn ready(members: &Mutex<Vec<(u16, u16)>>) -> Vec<u16> {
    let members = members.lock().unwrap().clone();
    let mut ready = Vec::new();
    for (port, health) in members {
        let url = format!("http://127.0.0.1:{health}/readyz");
        if reqwest::get(url)
            .await
            .is_ok_and(|reply| reply.status() == 200)
        {
            ready.push(port);
        }
    }
    ready
}

#[tokio::test(flavor = "multi_thread")]
async fn case_79_a_rolling_update_under_load_fails_no_request() {
    let mut own = own().await;
    let bed = own.bed;
    let balancer = Balancer::start().await;
    publish(bed, balancer.port).await;
    // Both keep the one certificate, as replicas do.
    let mut serving = Vec::new();
    for _ in 0..2 {
        let server = Server::start(bed, Settings::default()).await;
        balancer.add(&server);
        serving.push(server);
    }
    serving[0].until_reached().await;
    let first = serving.remove(0);
    let stage = own.stage(first, "rolling").await;
    let changed = "acme.alice.dev";
    stage.make_workspaces(&[changed]).await;
    let all = stage.path(Group::Old, WORKSPACES, "");
    let one = stage.path(Group::Old, WORKSPACES, changed);
    let paths = [
        all.clone(),
        one.clone(),
        all.clone(),
        "/apis/aggregation.coder.com/v1alpha1".to_owned(),
    ];
    let follower = Follower::start(&stage.admin, &all, changed).await;
    let mut load = Load::start(&stage.admin, &paths);
    let changes = load.change(&stage.admin, one);
    let made = load.client(&stage.admin, 201, move |number| {
        let name = format!("acme.alice.n{number}");
        Ask::new("POST", all.as_str()).json(&workspace(Group::Old, &name))
    });
    let second = serving.remove(0);
    for old in [stage.server, &second] {
        let wanted = load.count() + 50;
        old.eventually("more requests", async || load.count() >= wanted)
            .await;
        let new = Server::start(bed, Settings::default()).await;
        balancer.add(&new);
        old.program.terminate();
        let status = old.program.wait(PATIENCE).await.unwrap();
        assert_eq!(status.code(), Some(0), "{}", old.log_tail());
        balancer.remove(old);
        serving.push(new);
    }
    let wanted = load.count() + 50;
    serving[0]
        .eventually("more requests", async || load.count() >= wanted)
        .await;
    assert_eq!(load.end().await, Vec::<String>::new());
    // Each change was told once and in order, by watches of which some ended with who served them.
    let changes = changes.load(Ordering::SeqCst);
    let expected: Vec<_> = (1..=changes).map(|number| number.to_string()).collect();
    serving[0]
        .eventually("every change was told", async || {
            follower.seen().len() >= expected.len()
        })
        .await;
    assert_eq!(follower.seen(), expected);
    assert!(follower.watches() > 1, "a watch ended");
    // What was answered was done, once: a second POST of the same name would have been refused.
    let made = made.load(Ordering::SeqCst);
    let list = stage.path(Group::Stored, WORKSPACES, "");
    let list = stage.admin.get(list).await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), made + 1);
}
