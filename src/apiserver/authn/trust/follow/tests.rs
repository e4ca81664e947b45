use std::{collections::VecDeque, sync::Mutex};

use serde_json::{Value, json};
use tokio::sync::watch::{Receiver, channel};

use super::*;
use crate::{
    apiserver::authn::pki::Ca,
    k8s::fake::{Answer, Log, Seen, server, status},
};

const PATH: &str = "/api/v1/namespaces/kube-system/configmaps";

/// The `ConfigMap` with `ca` as the authority of proxies, or none.
fn config_map(version: u32, ca: Option<&Ca>) -> Value {
    let data = ca.map(|ca| json!({"requestheader-client-ca-file": ca.pem}));
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"namespace": NAMESPACE, "name": NAME, "uid": "1",
            "resourceVersion": version.to_string()},
        "data": data.unwrap_or_default(),
    })
}

fn list(objects: &[Value]) -> Answer {
    let metadata = json!({"resourceVersion": "5"});
    Answer::json(200, &json!({"metadata": metadata, "items": objects}))
}

fn event(kind: &str, object: &Value) -> Value {
    json!({"type": kind, "object": object})
}

/// A server with one list, one watch, and one answer after the other to reads; the last stays.
fn cluster(
    listed: Vec<Value>,
    events: Vec<Value>,
    reads: Vec<fn(&Ca, &Ca) -> Answer>,
    (old, new): (Ca, Ca),
) -> (Client, Log) {
    let cas = Arc::new((old, new));
    let reads = Arc::new(Mutex::new(VecDeque::from(reads)));
    server(move |seen: &Seen| {
        if seen.is_watch() {
            return Answer::open_events(&events);
        }
        if seen.path == PATH {
            return list(&listed);
        }
        let mut reads = reads.lock().unwrap();
        let read = if reads.len() > 1 {
            reads.pop_front()
        } else {
            reads.front().copied()
        };
        read.unwrap()(&cas.0, &cas.1)
    })
}

fn start(
    client: Client,
) -> (
    impl Future<Output = Infallible>,
    Receiver<Option<Arc<Trust>>>,
) {
    let (sender, receiver) = channel(None);
    (follow(client, 7, sender), receiver)
}

/// Lets it work for `seconds`.
async fn work(following: &mut std::pin::Pin<&mut impl Future<Output = Infallible>>, seconds: u64) {
    let done = tokio::time::timeout(Duration::from_secs(seconds), following).await;
    assert!(done.is_err());
}

fn trust(ca: &str) -> Trust {
    let data = Data::from([("requestheader-client-ca-file".to_owned(), ca.to_owned())]);
    Trust::read(&data, None).0.unwrap()
}

fn current(receiver: &Receiver<Option<Arc<Trust>>>) -> Option<Trust> {
    receiver.borrow().as_deref().cloned()
}

fn reads(log: &Log) -> usize {
    let is_read = |seen: &&Seen| !seen.is_watch() && seen.path != PATH;
    log.all().iter().filter(is_read).count()
}

#[tokio::test(start_paused = true)]
async fn changes_take_effect_and_only_one_config_map_is_asked_for() {
    let (old, new) = (Ca::new("old"), Ca::new("new"));
    let expected = trust(&new.pem);
    let (client, log) = cluster(
        vec![config_map(4, None)],
        vec![event("MODIFIED", &config_map(6, None))],
        vec![
            |old, _| Answer::json(200, &config_map(4, Some(old))),
            |_, new| Answer::json(200, &config_map(6, Some(new))),
        ],
        (old, new),
    );
    let (following, mut receiver) = start(client);
    tokio::pin!(following);
    work(&mut following, 5).await;
    assert_eq!(current(&receiver), Some(expected));
    assert!(receiver.has_changed().unwrap());
    receiver.mark_unchanged();
    let seen = log.all();
    for seen in seen.iter().filter(|seen| seen.path == PATH) {
        let selector = seen.parameter("fieldSelector");
        assert_eq!(
            selector,
            Some("metadata.name=extension-apiserver-authentication")
        );
    }
    let read = seen.iter().find(|seen| seen.path != PATH).unwrap();
    assert_eq!(read.path, format!("{PATH}/{NAME}"));
}

#[tokio::test(start_paused = true)]
async fn the_same_content_stays_the_same_value() {
    let (old, new) = (Ca::new("old"), Ca::new("new"));
    let touched: Vec<_> = (6..9)
        .map(|version| event("MODIFIED", &config_map(version, None)))
        .collect();
    let (client, log) = cluster(
        vec![config_map(4, None)],
        touched,
        vec![|old, _| Answer::json(200, &config_map(4, Some(old)))],
        (old, new),
    );
    let (following, mut receiver) = start(client);
    tokio::pin!(following);
    let first = tokio::select! {
        _ = &mut following => unreachable!(),
        changed = receiver.changed() => { changed.unwrap(); receiver.borrow_and_update().clone() }
    };
    work(&mut following, 5).await;
    assert_eq!(reads(&log), 4);
    assert!(!receiver.has_changed().unwrap());
    assert!(Arc::ptr_eq(
        &first.unwrap(),
        receiver.borrow().as_ref().unwrap()
    ));
}

#[tokio::test(start_paused = true)]
async fn without_a_proxys_ca_it_waits_for_one() {
    let (old, new) = (Ca::new("old"), Ca::new("new"));
    let expected = trust(&new.pem);
    let (client, log) = cluster(
        vec![config_map(4, None)],
        vec![event("MODIFIED", &config_map(6, None))],
        vec![
            |_, _| Answer::json(200, &config_map(4, None)),
            |_, _| Answer::text(503, "starting"),
            |_, _| Answer::json(403, &status(403, "Forbidden", "no", &json!({}))),
            |_, new| Answer::json(200, &config_map(6, Some(new))),
        ],
        (old, new),
    );
    let (following, receiver) = start(client);
    tokio::pin!(following);
    work(&mut following, 60).await;
    assert_eq!(current(&receiver), Some(expected));
    assert_eq!(reads(&log), 4);
}

#[tokio::test(start_paused = true)]
async fn what_was_good_stays_when_it_breaks_or_vanishes() {
    for read in [
        (|_, _| Answer::json(200, &config_map(6, None))) as fn(&Ca, &Ca) -> Answer,
        |_, _| {
            let details = json!({"name": NAME, "kind": "configmaps"});
            Answer::json(404, &status(404, "NotFound", "not found", &details))
        },
        |_, _| Answer::never(),
    ] {
        let (old, new) = (Ca::new("old"), Ca::new("new"));
        let expected = trust(&old.pem);
        let (client, log) = cluster(
            vec![config_map(4, None)],
            vec![
                event("MODIFIED", &config_map(6, None)),
                event("DELETED", &config_map(7, None)),
            ],
            vec![|old, _| Answer::json(200, &config_map(4, Some(old))), read],
            (old, new),
        );
        let (following, receiver) = start(client);
        tokio::pin!(following);
        work(&mut following, 120).await;
        assert!(reads(&log) > 1);
        assert_eq!(current(&receiver), Some(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_list_is_tried_again() {
    let mut lists = VecDeque::from([403, 403, 200]);
    let ca = Ca::new("a");
    let expected = trust(&ca.pem);
    let lists = Arc::new(Mutex::new(std::mem::take(&mut lists)));
    let ca = Arc::new(ca);
    let (client, _) = server(move |seen: &Seen| match seen.path.as_str() {
        PATH if seen.is_watch() => Answer::open_events(&[]),
        PATH => match lists.lock().unwrap().pop_front() {
            Some(403) => Answer::json(403, &status(403, "Forbidden", "no", &json!({}))),
            _ => list(&[config_map(4, None)]),
        },
        _ => Answer::json(200, &config_map(4, Some(&ca))),
    });
    let (following, receiver) = start(client);
    tokio::pin!(following);
    work(&mut following, 120).await;
    assert_eq!(current(&receiver), Some(expected));
}

#[test]
fn only_403_is_a_denial() {
    let error = |code| {
        let status = kube::core::Status::failure("no", "no").with_code(code);
        kube::Error::Api(status.boxed())
    };
    assert!(is_denied(&Failure::List(error(403))));
    assert!(is_denied(&Failure::Open(error(403))));
    assert!(!is_denied(&Failure::List(error(401))));
    assert!(!is_denied(&Failure::NotOpened));
}
