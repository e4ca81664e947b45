use std::{collections::VecDeque, sync::Mutex};

use serde_json::{Value, json};
use tokio::sync::watch::{Receiver, channel};

use super::{super::Data, *};
use crate::{
    apiserver::server::authentication::tests::pki::Ca,
    k8s::fake::{Answer, Log, Seen, server, status},
};

const PATH: &str = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";

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

/// A server with one answer after the other to reads; the last stays.
fn cluster(reads: Vec<fn(&Ca, &Ca) -> Answer>, (old, new): (Ca, Ca)) -> (Client, Log) {
    let cas = Arc::new((old, new));
    let reads = Arc::new(Mutex::new(VecDeque::from(reads)));
    server(move |_: &Seen| {
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
    (follow(client, sender), receiver)
}

/// Lets it work for `seconds`.
async fn work(following: &mut std::pin::Pin<&mut impl Future<Output = Infallible>>, seconds: u64) {
    let done = tokio::time::timeout(Duration::from_secs(seconds), following).await;
    assert!(done.is_err());
}

fn trust(ca: &str) -> Trust {
    let data = Data::from([("requestheader-client-ca-file".to_owned(), ca.to_owned())]);
    Trust::read(&data).unwrap()
}

fn current(receiver: &Receiver<Option<Arc<Trust>>>) -> Option<Trust> {
    receiver.borrow().as_deref().cloned()
}

#[tokio::test(start_paused = true)]
async fn changes_take_effect_and_only_one_config_map_is_asked_for() {
    let (old, new) = (Ca::new("old"), Ca::new("new"));
    let expected = [trust(&old.pem), trust(&new.pem)];
    let (client, log) = cluster(
        vec![
            |old, _| Answer::json(200, &config_map(4, Some(old))),
            |_, new| Answer::json(200, &config_map(6, Some(new))),
        ],
        (old, new),
    );
    let (following, receiver) = start(client);
    tokio::pin!(following);
    for expected in expected {
        work(&mut following, 4).await;
        assert_eq!(current(&receiver), Some(expected));
    }
    assert_eq!(log.all().len(), 2);
    assert!(log.all().iter().all(|seen| seen.path == PATH));
}

#[tokio::test(start_paused = true)]
async fn the_same_content_stays_the_same_value() {
    let (client, log) = cluster(
        vec![
            |old, _| Answer::json(200, &config_map(4, Some(old))),
            |old, _| Answer::json(200, &config_map(6, Some(old))),
        ],
        (Ca::new("old"), Ca::new("new")),
    );
    let (following, mut receiver) = start(client);
    tokio::pin!(following);
    work(&mut following, 1).await;
    let first = receiver.borrow_and_update().clone();
    work(&mut following, 20).await;
    assert!(log.all().len() > 3);
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
    work(&mut following, 14).await;
    assert_eq!((current(&receiver), log.all().len()), (None, 3));
    work(&mut following, 5).await;
    assert_eq!(current(&receiver), Some(expected));
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
            vec![|old, _| Answer::json(200, &config_map(4, Some(old))), read],
            (old, new),
        );
        let (following, receiver) = start(client);
        tokio::pin!(following);
        work(&mut following, 120).await;
        assert!(log.all().len() > 1);
        assert_eq!(current(&receiver), Some(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_denied_is_told_the_remedy() {
    let (client, _) =
        server(|_: &Seen| Answer::json(403, &status(403, "Forbidden", "no", &json!({}))));
    let error = read(&Objects::new(client)).await.unwrap_err();
    let role = "--role=extension-apiserver-authentication-reader";
    assert!(error.to_string().contains(role), "{error}");
}
