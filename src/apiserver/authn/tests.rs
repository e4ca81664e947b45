mod certificate;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use http::HeaderValue;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use serde_json::json;
use tokio::sync::watch::{Sender, channel};

use super::{
    pki::{Ca, Client, now},
    *,
};
use crate::{
    apiserver::identity::AUTHENTICATED,
    k8s::fake::{Answer, Log, Seen, server},
};

const PROXY: &str = "front-proxy-client";
const ALICE: &[(&str, &str)] = &[("x-remote-user", "alice"), ("x-remote-group", "dev")];

/// An authenticator in a cluster with two authorities, and a review that knows the token `good`.
struct World {
    clients: Ca,
    proxies: Ca,
    trust: Sender<Option<Arc<Trust>>>,
    time: Arc<Mutex<Timestamp>>,
    broken: Arc<AtomicBool>,
    reviews: Log,
    authenticator: Authenticator,
}

impl World {
    fn new() -> Self {
        let broken = Arc::new(AtomicBool::new(false));
        let is_broken = broken.clone();
        let (client, reviews) = server(move |seen: &Seen| {
            let is_good = seen.body["spec"]["token"] == "good";
            let user = json!({"username": "bob", "groups": ["ops"]});
            let status = json!({"authenticated": is_good, "user": user});
            if is_broken.load(Ordering::Relaxed) {
                return Answer::text(403, "no");
            }
            Answer::json(201, &json!({"status": status}))
        });
        let time = Arc::new(Mutex::new(now()));
        let clock = time.clone();
        let (trust, receiver) = channel(None);
        let world = Self {
            clients: Ca::new("clients"),
            proxies: Ca::new("proxies"),
            trust,
            time,
            broken,
            reviews,
            authenticator: Authenticator::new(
                receiver,
                Tokens::new(client, [0; 32], 1),
                Clock::new(move || *clock.lock().unwrap()),
            ),
        };
        world.believe(&[]);
        world
    }

    /// The usual trust, with `changes`.
    fn believe(&self, changes: &[(&str, &str)]) {
        let mut data = BTreeMap::from([
            ("client-ca-file", self.clients.pem.as_str()),
            ("requestheader-client-ca-file", &self.proxies.pem),
            ("requestheader-allowed-names", r#"["front-proxy-client"]"#),
            ("requestheader-username-headers", r#"["X-Remote-User"]"#),
            ("requestheader-uid-headers", "[]"),
            ("requestheader-group-headers", r#"["X-Remote-Group"]"#),
            (
                "requestheader-extra-headers-prefix",
                r#"["X-Remote-Extra-"]"#,
            ),
        ]);
        data.extend(changes.iter().copied());
        let data = data
            .into_iter()
            .map(|(key, text)| (key.to_owned(), text.to_owned()));
        let trust = Trust::read(&data.collect(), None).0.unwrap();
        self.trust.send_replace(Some(Arc::new(trust)));
    }

    fn proxy(&self) -> Peer {
        peer([self.proxies.sign(&Client::named(PROXY))])
    }

    /// The name of who asks with these headers; why not in brackets.
    async fn name(&self, peer: &Peer, pairs: &[(&str, &str)]) -> String {
        match self.who(peer, pairs).await {
            Ok(identity) => identity.name,
            Err(refusal) => format!("[{refusal}]"),
        }
    }

    async fn who(&self, peer: &Peer, pairs: &[(&str, &str)]) -> Result<Identity, Refusal> {
        self.authenticator.authenticate(peer, &headers(pairs)).await
    }
}

fn peer<const N: usize>(certificates: [CertificateDer<'static>; N]) -> Peer {
    Peer::new(Arc::new(certificates))
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[tokio::test]
async fn a_proxy_tells_the_user() {
    let world = World::new();
    let alice = world.who(&world.proxy(), ALICE).await.unwrap();
    assert_eq!((alice.name.as_str(), alice.uid.as_deref()), ("alice", None));
    assert_eq!(alice.groups, ["dev", AUTHENTICATED]);
    // kube-apiserver's own requests come without groups.
    let system = world
        .who(&world.proxy(), &[("x-remote-user", "system:aggregator")])
        .await;
    assert_eq!(system.unwrap().groups, [AUTHENTICATED]);
    let nobody = [
        ("x-remote-user", "system:anonymous"),
        ("x-remote-group", "system:unauthenticated"),
    ];
    assert_eq!(
        world.who(&world.proxy(), &nobody).await.unwrap(),
        Identity::anonymous()
    );
}

#[tokio::test]
async fn a_proxys_name_must_be_among_the_allowed_ones() {
    let key = "requestheader-allowed-names";
    let unauthorized = "[Unauthorized]";
    for (allowed, name, expected) in [
        (r#"["front-proxy-client"]"#, PROXY, "alice"),
        (r#"["other", "front-proxy-client"]"#, PROXY, "alice"),
        (r#"["front-proxy"]"#, PROXY, unauthorized),
        (r#"["Front-Proxy-Client"]"#, PROXY, unauthorized),
        ("[]", PROXY, "alice"),
        ("", PROXY, "alice"),
        (r#"[""]"#, PROXY, unauthorized),
        (r#"[""]"#, "", "alice"),
        (r#"["front-proxy-client"]"#, "", unauthorized),
    ] {
        let world = World::new();
        world.believe(&[(key, allowed)]);
        let peer = peer([world.proxies.sign(&Client::named(name))]);
        assert_eq!(world.name(&peer, ALICE).await, expected, "{allowed} {name}");
    }
}

#[tokio::test]
async fn headers_of_others_tell_nobody() {
    let world = World::new();
    // Nobody's, a user's, and that of an authority with the right name.
    assert_eq!(world.name(&peer([]), ALICE).await, "system:anonymous");
    let carol = peer([world.clients.sign(&Client::named("carol"))]);
    assert_eq!(world.name(&carol, ALICE).await, "carol");
    let liar = peer([world.clients.sign(&Client::named(PROXY))]);
    assert_eq!(world.name(&liar, ALICE).await, PROXY);
    let stranger = peer([Ca::new("proxies").sign(&Client::named(PROXY))]);
    assert_eq!(world.name(&stranger, ALICE).await, "[Unauthorized]");
    let token = [ALICE, &[("authorization", "Bearer good")]].concat();
    assert_eq!(world.name(&stranger, &token).await, "bob");
}

#[tokio::test]
async fn a_proxy_without_a_user_is_nobody() {
    let world = World::new();
    assert_eq!(world.name(&world.proxy(), &[]).await, "[Unauthorized]");
    let empty = [("x-remote-user", ""), ("x-remote-group", "system:masters")];
    assert_eq!(world.name(&world.proxy(), &empty).await, "[Unauthorized]");
    let garbled = HeaderValue::from_bytes(b"\xff").unwrap();
    let headers = HeaderMap::from_iter([(HeaderName::from_static("x-remote-user"), garbled)]);
    let refusal = world
        .authenticator
        .authenticate(&world.proxy(), &headers)
        .await;
    assert!(matches!(refusal, Err(Refusal::Unauthorized)));
}

#[tokio::test]
async fn a_new_trust_counts_at_once_on_a_living_connection() {
    let world = World::new();
    let old = world.proxy();
    let next = Ca::new("next");
    let new = peer([next.sign(&Client::named(PROXY))]);
    assert_eq!(world.name(&old, ALICE).await, "alice");
    assert_eq!(world.name(&new, ALICE).await, "[Unauthorized]");
    let both = format!("{}{}", world.proxies.pem, next.pem);
    world.believe(&[("requestheader-client-ca-file", &both)]);
    assert_eq!(world.name(&old, ALICE).await, "alice");
    assert_eq!(world.name(&new, ALICE).await, "alice");
    world.believe(&[
        ("requestheader-client-ca-file", &next.pem),
        ("requestheader-username-headers", r#"["X-Who"]"#),
    ]);
    assert_eq!(
        world.name(&old, &[("x-who", "dave")]).await,
        "[Unauthorized]"
    );
    assert_eq!(
        world.name(&new, &[("x-who", "dave"), ALICE[0]]).await,
        "dave"
    );
}

#[tokio::test]
async fn a_token_is_good_or_refused_or_unknown() {
    let world = World::new();
    let nobody = peer([]);
    let bob = world
        .who(&nobody, &[("authorization", "Bearer good")])
        .await
        .unwrap();
    assert_eq!(
        (bob.name.as_str(), bob.groups),
        ("bob", vec!["ops".to_owned(), AUTHENTICATED.to_owned()])
    );
    assert_eq!(
        world
            .name(&nobody, &[("authorization", "Bearer bad")])
            .await,
        "[Unauthorized]"
    );
    assert_eq!(world.reviews.all().len(), 2);
    let garbled = HeaderValue::from_bytes(b"Bearer \xff").unwrap();
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, garbled)]);
    let refusal = world.authenticator.authenticate(&nobody, &headers).await;
    assert!(matches!(refusal, Err(Refusal::Unauthorized)));
    world.broken.store(true, Ordering::Relaxed);
    let refusal = world
        .who(&nobody, &[("authorization", "Bearer other")])
        .await;
    assert!(matches!(refusal, Err(Refusal::Review(_))));
}

#[tokio::test]
async fn what_counts_first_needs_no_review() {
    let world = World::new();
    let token = ("authorization", "Bearer good");
    let carol = peer([world.clients.sign(&Client::named("carol"))]);
    assert_eq!(
        world.name(&world.proxy(), &[ALICE[0], token]).await,
        "alice"
    );
    assert_eq!(world.name(&carol, &[token]).await, "carol");
    assert!(world.reviews.all().is_empty());
    assert_eq!(world.name(&world.proxy(), &[token]).await, "bob");
}

#[tokio::test]
async fn without_trust_a_certificate_proves_nothing_and_refutes_nothing() {
    let world = World::new();
    world.trust.send_replace(None);
    let refusal = world.who(&world.proxy(), ALICE).await;
    assert!(matches!(refusal, Err(Refusal::NoTrust)));
    assert_eq!(world.name(&peer([]), ALICE).await, "system:anonymous");
    assert_eq!(
        world
            .name(&peer([]), &[("authorization", "Bearer good")])
            .await,
        "bob"
    );
    assert_eq!(
        world
            .name(&peer([]), &[("authorization", "Basic dTpw")])
            .await,
        "system:anonymous"
    );
}

#[tokio::test]
async fn nothing_that_tells_the_user_is_left() {
    let told = [
        ("Authorization", "a"),
        ("Authorization", "b"),
        ("X-Remote-User", "a"),
        ("X-Remote-Group", "a"),
        ("X-Remote-Group", "b"),
        ("X-Remote-Uid", "a"),
        ("X-Remote-Extra-K", "a"),
        ("X-Remote-Other", "a"),
        ("Impersonate-User", "a"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Uid", "a"),
        ("Impersonate-Extra-K", "a"),
    ];
    let configured = [
        ("X-Who", "a"),
        ("X-Number", "a"),
        ("X-Team", "a"),
        ("X-More-K", "a"),
    ];
    let kept = [
        ("Accept", "a"),
        ("User-Agent", "a"),
        ("X-Forwarded-For", "a"),
        ("X-Remote", "a"),
    ];
    let world = World::new();
    world.believe(&[
        ("requestheader-username-headers", r#"["X-Who"]"#),
        ("requestheader-uid-headers", r#"["X-Number"]"#),
        ("requestheader-group-headers", r#"["X-Team"]"#),
        ("requestheader-extra-headers-prefix", r#"["X-More-"]"#),
    ]);
    let all = headers(&[&told[..], &configured, &kept].concat());
    let mut stripped = all.clone();
    strip(&mut stripped, None);
    assert_eq!(stripped, headers(&[&configured[..], &kept].concat()));
    let mut stripped = all;
    strip(&mut stripped, world.authenticator.trust().as_deref());
    assert_eq!(stripped, headers(&kept));
}
