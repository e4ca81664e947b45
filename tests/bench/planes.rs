//! What it costs to work for many Coders: the memory of one controller for ten of them beside one for one Coder
//! with as many workspaces, and the time of an edit while nine of ten hang beside the time before.
//!
//! Each Coder but one is a server here that answers with the rows that a real one gave, so that ten of them fit
//! beside each other; edits go to a real one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::State, routing::get};
use futures::future::pending;
use http::{StatusCode, Uri, header::CONTENT_TYPE};
use serde_json::{Value, json};
use testbed::{Bed, Proxy};
use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{Instant, sleep},
};
use uuid::Uuid;

use crate::{
    e2e::{
        planes::discovering,
        scene::Scene,
        template::{manifest, small_source},
    },
    figures::Figures,
    memory::Held,
};

const PLANES: usize = 10;
const WORKSPACES: usize = 500;
const EDITS: usize = 300;
/// Objects that hang in each of the others: more than it has workers.
const HANGING: usize = 12;

/// A Coder that answers with the same rows each time, or not at all.
#[derive(Clone)]
struct Double {
    url: String,
    lists: Arc<Lists>,
}

struct Lists {
    deployment: Uuid,
    workspaces: Value,
    hangs: AtomicBool,
}

/// Measures and prints.
pub async fn run() {
    let row = row().await;
    let mut servers = JoinSet::new();
    println!(
        "memory for {} workspaces in Coder, in kB",
        PLANES * WORKSPACES
    );
    let one = memory(
        "one",
        &[double(&mut servers, &row, PLANES * WORKSPACES).await],
    )
    .await;
    println!("{:<30}{one:>9}", "one Coder");
    let mut doubles = Vec::new();
    for _ in 0..PLANES {
        doubles.push(double(&mut servers, &row, WORKSPACES).await);
    }
    let ten = memory("ten", &doubles).await;
    let ratio =
        u32::try_from(ten).map(f64::from).unwrap() / u32::try_from(one).map(f64::from).unwrap();
    println!(
        "{:<30}{ten:>9}{ratio:>9.2} / one Coder",
        format!("{PLANES} Coders")
    );
    latency(&doubles[1..]).await;
}

/// A workspace as a real coderd lists it.
async fn row() -> Value {
    let scene = Scene::new("planes-row").await;
    let (_, template) = scene.foreign_template("t").await;
    scene.foreign_workspace("w", &template).await;
    let list = scene.person.get("/workspaces").await;
    list["workspaces"][0].clone()
}

async fn double(servers: &mut JoinSet<()>, row: &Value, workspaces: usize) -> Double {
    let rows = (0..workspaces).map(|number| {
        let mut row = row.clone();
        row["id"] = json!(Uuid::from_u128(number as u128 + 1));
        row["name"] = json!(format!("w{number}"));
        row["latest_build"]["id"] = json!(Uuid::from_u128(number as u128 + 1));
        row
    });
    let rows: Vec<_> = rows.collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let lists = Arc::new(Lists {
        deployment: Uuid::from_u128(u128::from(listener.local_addr().unwrap().port())),
        workspaces: json!({ "workspaces": rows, "count": workspaces }),
        hangs: AtomicBool::new(false),
    });
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new()
        .fallback(get(answer).post(answer))
        .with_state(Arc::clone(&lists));
    servers.spawn(async { axum::serve(listener, router).await.unwrap() });
    Double { url, lists }
}

type Answer = (StatusCode, [(http::HeaderName, &'static str); 1], String);

async fn answer(State(lists): State<Arc<Lists>>, uri: Uri) -> Answer {
    if lists.hangs.load(Ordering::Relaxed) {
        pending::<()>().await;
    }
    let id = Uuid::from_u128(1);
    let (status, body) = match uri.path().trim_start_matches("/api/v2") {
        "/buildinfo" => (
            200,
            json!({ "version": "v2.36.0", "deployment_id": lists.deployment }),
        ),
        "/users/me" => (
            200,
            json!({ "id": id, "username": "us", "status": "active" }),
        ),
        "/organizations" => (
            200,
            json!([{ "id": id, "name": "coder", "is_default": true }]),
        ),
        "/entitlements" => (200, json!({ "features": {} })),
        "/templates" => (200, json!([])),
        "/workspaces" => (200, lists.workspaces.clone()),
        _ => (
            404,
            json!({ "message": "Resource not found or you do not have access to this resource" }),
        ),
    };
    let status = StatusCode::from_u16(status).unwrap();
    (
        status,
        [(CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
}

/// What a controller for these Coders, each in a namespace of its own, holds after some sweeps.
async fn memory(test: &str, doubles: &[Double]) -> u64 {
    let (scene, _others) = watching(test, doubles).await;
    let program = scene.controller.as_ref().unwrap();
    let expected = doubles.len() * 10;
    swept(&scene, expected).await;
    Held::by(program.id()).resident
}

/// A controller that has found all these Coders, and their namespaces.
async fn watching(test: &str, doubles: &[Double]) -> (Scene, Vec<Scene>) {
    let bed = Bed::shared().unwrap();
    let mut others = Vec::new();
    for (number, double) in doubles.iter().enumerate() {
        let other = Scene::idle(bed, &format!("{test}-{number}"), &[]).await;
        other.control_plane_at("coder", &double.url, "token").await;
        others.push(other);
    }
    let references: Vec<_> = others.iter().collect();
    let scene = discovering(test, &references, "--import=none").await;
    (scene, others)
}

async fn swept(scene: &Scene, count: usize) {
    scene
        .eventually("all have been swept", async || {
            let text = scene.scrape().await;
            let sweeps = text.lines().filter(|line| {
                line.starts_with("coder_k8s_sweeps_total") && line.contains("result=\"ok\"")
            });
            let counts = sweeps.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
            counts.sum::<usize>() >= count
        })
        .await;
}

/// The time of an edit before and while all but one hang.
async fn latency(doubles: &[Double]) {
    let (scene, others) = watching("edits", doubles).await;
    let proxy = Proxy::start(scene.bed.coder_url()).unwrap();
    scene
        .control_plane_at("coder", &proxy.url(), scene.bed.controller_token())
        .await;
    let template = scene.ready_template(&small_source("")).await;
    let before = edits(&scene, &proxy, &template.ctpl).await;
    for (double, other) in doubles.iter().zip(&others) {
        double.lists.hangs.store(true, Ordering::Relaxed);
        for number in 0..HANGING {
            let name = format!("coder.t{number}");
            other.apply(&manifest(&name, &small_source(""))).await;
        }
    }
    let during = edits(&scene, &proxy, &template.ctpl).await;
    println!("\nfrom an edit until its request, of {EDITS}, in milliseconds");
    println!("{:<30}{:>9}{:>9}{:>14}", "", "p50", "p99", "p99 / before");
    for (what, figures) in [("before", &before), ("while the others hang", &during)] {
        let [p50, p99] = [50, 99].map(|percent| figures.percentile(percent));
        println!(
            "{what:<30}{p50:>9.1}{p99:>9.1}{:>14.2}",
            p99 / before.percentile(99)
        );
    }
}

async fn edits(scene: &Scene, proxy: &Proxy, ctpl: &str) -> Figures {
    let name = ctpl.split_once('/').unwrap().1;
    let path = format!(
        "/apis/coder.com/v1alpha1/namespaces/{}/codertemplates/{name}?fieldManager=bench",
        scene.namespace
    );
    let mut times = Vec::new();
    for number in 0..EDITS {
        proxy.forget();
        let patch = json!({ "spec": { "displayName": format!("Name {number}") } });
        let request = http::Request::patch(&path)
            .header("content-type", "application/merge-patch+json")
            .body(patch.to_string().into_bytes())
            .unwrap();
        let start = Instant::now();
        scene.kube.request::<Value>(request).await.unwrap();
        while proxy.mutations().is_empty() {
            sleep(Duration::from_millis(1)).await;
        }
        times.push(start.elapsed());
    }
    Figures::from_iter(times)
}
