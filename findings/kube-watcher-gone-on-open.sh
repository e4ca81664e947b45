#!/usr/bin/env bash
# kube-runtime 5.0.0: a watcher whose watch is answered 410 when it opens never lists again.
#
# "410 Gone" says that the resourceVersion is too old and that the client has to list anew. An API server
# says it in two places: as an ERROR event in a watch that is open, and as the HTTP status of a request that
# opens one (its history was compacted while the client was away). One would expect both to lead to a list.
#
# Seen: the first does. The second is an error of the stream each time, and the next attempt opens the
# watch with the same resourceVersion again, so that the watcher never recovers by itself.
#
#   410 as an event in the watch:   the next request is a list
#   410 as the answer to the watch: 1 list, and only watches from then on
#
# The program below runs `watcher` against a server inside the process, in simulated time. Exits with 0 if
# the library does as described, with 1 if that has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
futures = "0.3"
http = "1"
k8s-openapi = { version = "=0.29.0", features = ["v1_33"] }
kube = { version = "=5.0.0", default-features = false, features = ["client", "runtime"] }
serde_json = "1"
tokio = { version = "1", features = ["macros", "rt", "time", "test-util"] }
tower = { version = "0.5", features = ["util"] }
TOML
cat >src/main.rs <<'RUST'
use std::{
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::StreamExt;
use http::{Request, Response};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client, client::Body, runtime::{WatchStreamExt, watcher}};
use serde_json::{Value, json};

#[derive(Clone, Copy, PartialEq)]
enum Gone {
    Event,
    Answer,
}

fn gone() -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
           "message": "too old resource version", "reason": "Expired", "code": 410})
}

/// The requests of 10 simulated minutes: `l` a list, `w` a watch.
async fn requests(how: Gone) -> String {
    let seen = Arc::new(Mutex::new(String::new()));
    let log = Arc::clone(&seen);
    let service = tower::service_fn(move |request: Request<Body>| {
        let is_watch = request.uri().query().unwrap_or("").contains("watch=true");
        log.lock().unwrap().push(if is_watch { 'w' } else { 'l' });
        let (status, body) = match (is_watch, how) {
            (false, _) => (200, json!({"kind": "ConfigMapList", "apiVersion": "v1",
                                       "metadata": {"resourceVersion": "1"}, "items": []})),
            (true, Gone::Event) => (200, json!({"type": "ERROR", "object": gone()})),
            (true, Gone::Answer) => (410, gone()),
        };
        let response = Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(Body::from(format!("{body}\n").into_bytes()))
            .unwrap();
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    let maps: Api<ConfigMap> = Api::namespaced(Client::new(service, "default"), "default");
    let config = watcher::Config::default();
    let mut events = pin!(watcher(maps, config).default_backoff());
    let end = tokio::time::sleep(Duration::from_secs(600));
    let mut end = pin!(end);
    loop {
        tokio::select! {
            _ = events.next() => {}
            () = &mut end => break,
        }
    }
    seen.lock().unwrap().clone()
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let event = requests(Gone::Event).await;
    let answer = requests(Gone::Answer).await;
    let shown = |all: &str| all.chars().take(12).collect::<String>();
    println!("410 as an event:   {}… ({} lists)", shown(&event), event.matches('l').count());
    println!("410 as the answer: {}… ({} lists)", shown(&answer), answer.matches('l').count());
    let relists = event.matches('l').count() > 1;
    let never = answer.matches('l').count() == 1 && answer.len() > 5;
    std::process::exit(i32::from(!(relists && never)));
}
RUST
cargo run --quiet
echo 'as described'
