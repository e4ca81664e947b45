pub(super) mod pki;

use std::{collections::BTreeMap, sync::Mutex};

use http::{HeaderName, HeaderValue};
use jiff::{Timestamp, ToSpan};
use rcgen::{DnType, ExtendedKeyUsagePurpose};
use rustls::pki_types::CertificateDer;
use tokio::sync::watch::{Sender, channel};

use self::pki::{Ca, Client, now};
use super::*;
use crate::k8s::identity::AUTHENTICATED;

const PROXY: &str = "front-proxy-client";
const ALICE: &[(&str, &str)] = &[("x-remote-user", "alice"), ("x-remote-group", "dev")];
const UNAUTHORIZED: &str = "[Unauthorized]";

/// An authenticator in a cluster with an authority of proxies.
struct World {
    proxies: Ca,
    trust: Sender<Option<Arc<Trust>>>,
    time: Arc<Mutex<Timestamp>>,
    authenticator: Authenticator,
}

impl World {
    fn new() -> Self {
        let time = Arc::new(Mutex::new(now()));
        let clock = time.clone();
        let (trust, receiver) = channel(None);
        let clock = Clock::new(move || *clock.lock().unwrap());
        let world = Self {
            proxies: Ca::new("proxies"),
            trust,
            time,
            authenticator: Authenticator::new(receiver, clock),
        };
        world.believe(&[]);
        world
    }

    /// The usual trust, with `changes`.
    fn believe(&self, changes: &[(&str, &str)]) {
        let mut data = BTreeMap::from([
            ("requestheader-client-ca-file", self.proxies.pem.as_str()),
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
        let trust = Trust::read(&data.collect()).unwrap();
        self.trust.send_replace(Some(Arc::new(trust)));
    }

    fn proxy(&self) -> Peer {
        self.signed(&Client::named(PROXY))
    }

    fn signed(&self, client: &Client) -> Peer {
        peer([self.proxies.sign(client)])
    }

    /// The name of who asks with these headers; why not in brackets.
    fn name(&self, peer: &Peer, pairs: &[(&str, &str)]) -> String {
        let who = self.who(peer, pairs);
        who.map_or_else(|refusal| format!("[{refusal}]"), |identity| identity.name)
    }

    fn who(&self, peer: &Peer, pairs: &[(&str, &str)]) -> Result<Identity, Fault> {
        self.authenticator.authenticate(peer, &headers(pairs))
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

#[test]
fn a_proxy_tells_the_user() {
    let world = World::new();
    let alice = world.who(&world.proxy(), ALICE).unwrap();
    assert_eq!((alice.name.as_str(), alice.uid.as_deref()), ("alice", None));
    assert_eq!(alice.groups, ["dev", AUTHENTICATED]);
    // kube-apiserver's own requests come without groups.
    let system = world.who(&world.proxy(), &[("x-remote-user", "system:aggregator")]);
    assert_eq!(system.unwrap().groups, [AUTHENTICATED]);
    let nobody = [
        ("x-remote-user", "system:anonymous"),
        ("x-remote-group", "system:unauthenticated"),
    ];
    let refused = world.who(&world.proxy(), &nobody);
    assert_eq!(refused, Err(Fault::Unauthorized));
}

#[test]
fn a_proxys_name_must_be_among_the_allowed_ones() {
    let key = "requestheader-allowed-names";
    for (allowed, name, expected) in [
        (r#"["front-proxy-client"]"#, PROXY, "alice"),
        (r#"["other", "front-proxy-client"]"#, PROXY, "alice"),
        (r#"["front-proxy"]"#, PROXY, UNAUTHORIZED),
        (r#"["Front-Proxy-Client"]"#, PROXY, UNAUTHORIZED),
        ("[]", PROXY, "alice"),
        ("", PROXY, "alice"),
        (r#"[""]"#, PROXY, UNAUTHORIZED),
        (r#"[""]"#, "", "alice"),
        (r#"["front-proxy-client"]"#, "", UNAUTHORIZED),
    ] {
        let world = World::new();
        world.believe(&[(key, allowed)]);
        let peer = world.signed(&Client::named(name));
        assert_eq!(world.name(&peer, ALICE), expected, "{allowed} {name}");
        assert_eq!(world.authenticator.knows(&peer), expected == "alice");
    }
    // The last of several names counts.
    let world = World::new();
    let again = || DnType::CustomDnType(vec![2, 5, 4, 3]);
    for (first, last, expected) in [("x", PROXY, "alice"), (PROXY, "x", UNAUTHORIZED)] {
        let client = Client::with(&[(DnType::CommonName, first), (again(), last)]);
        assert_eq!(world.name(&world.signed(&client), ALICE), expected);
    }
}

#[test]
fn nobody_else_is_answered_whatever_they_show() {
    let world = World::new();
    let named = || Client::named(PROXY);
    let server_only = named().used(vec![ExtendedKeyUsagePurpose::ServerAuth]);
    let organization = Client::with(&[(DnType::OrganizationName, "system:masters")]);
    let token = [ALICE, &[("authorization", "Bearer good")]].concat();
    for peer in [
        peer([]),
        peer([Ca::new("proxies").sign(&named())]),
        peer([world.proxies.certificate()]),
        peer([CertificateDer::from(vec![1, 2, 3])]),
        world.signed(&named().until(2025)),
        world.signed(&server_only),
        world.signed(&organization),
    ] {
        assert!(!world.authenticator.knows(&peer));
        for headers in [ALICE, &token, &[]] {
            assert_eq!(world.name(&peer, headers), UNAUTHORIZED);
        }
    }
    assert_eq!(
        world.name(&world.signed(&named().used(vec![])), ALICE),
        "alice"
    );
}

#[test]
fn a_proxy_without_a_user_is_nobody() {
    let world = World::new();
    assert_eq!(world.name(&world.proxy(), &[]), UNAUTHORIZED);
    let empty = [("x-remote-user", ""), ("x-remote-group", "system:masters")];
    assert_eq!(world.name(&world.proxy(), &empty), UNAUTHORIZED);
    let token = [("authorization", "Bearer good")];
    assert_eq!(world.name(&world.proxy(), &token), UNAUTHORIZED);
    let garbled = HeaderValue::from_bytes(b"\xff").unwrap();
    let headers = HeaderMap::from_iter([(HeaderName::from_static("x-remote-user"), garbled)]);
    let refusal = world.authenticator.authenticate(&world.proxy(), &headers);
    assert_eq!(refusal, Err(Fault::Unauthorized));
}

#[test]
fn a_new_trust_counts_at_once_on_a_living_connection() {
    let world = World::new();
    let old = world.proxy();
    let next = Ca::new("next");
    let new = peer([next.sign(&Client::named(PROXY))]);
    assert_eq!(world.name(&old, ALICE), "alice");
    assert_eq!(world.name(&new, ALICE), UNAUTHORIZED);
    let both = format!("{}{}", world.proxies.pem, next.pem);
    world.believe(&[("requestheader-client-ca-file", &both)]);
    assert_eq!(world.name(&old, ALICE), "alice");
    assert_eq!(world.name(&new, ALICE), "alice");
    world.believe(&[
        ("requestheader-client-ca-file", &next.pem),
        ("requestheader-username-headers", r#"["X-Who"]"#),
    ]);
    assert_eq!(world.name(&old, &[("x-who", "dave")]), UNAUTHORIZED);
    assert_eq!(world.name(&new, &[("x-who", "dave"), ALICE[0]]), "dave");
}

#[test]
fn without_trust_a_certificate_proves_nothing_and_refutes_nothing() {
    let world = World::new();
    world.trust.send_replace(None);
    assert!(!world.authenticator.knows(&world.proxy()));
    assert_eq!(
        world.who(&world.proxy(), ALICE),
        Err(Fault::Unavailable(NO_TRUST.to_owned()))
    );
    assert_eq!(world.who(&peer([]), ALICE), Err(Fault::Unauthorized));
}

#[test]
fn certificates_between_lead_to_the_authority() {
    let world = World::new();
    let between = world.proxies.below("between");
    let certificate = between.sign(&Client::named(PROXY));
    let full = peer([certificate.clone(), between.certificate()]);
    assert_eq!(world.name(&full, ALICE), "alice");
    assert_eq!(world.name(&peer([certificate]), ALICE), UNAUTHORIZED);
}

#[test]
fn an_authority_counts_within_its_time_and_beside_others() {
    let (old, new) = (Ca::until("old", 2025), Ca::new("new"));
    let world = World::new();
    let bundle = format!("{}{}", old.pem, new.pem);
    world.believe(&[("requestheader-client-ca-file", &bundle)]);
    let signed = |ca: &Ca| peer([ca.sign(&Client::named(PROXY))]);
    assert_eq!(world.name(&signed(&old), ALICE), UNAUTHORIZED);
    assert_eq!(world.name(&signed(&new), ALICE), "alice");
    *world.time.lock().unwrap() = now().checked_sub((365 * 24).hours()).unwrap();
    assert_eq!(world.name(&signed(&old), ALICE), "alice");
}

#[test]
fn a_living_connection_is_verified_once_a_minute() {
    let world = World::new();
    let wait = |seconds: i64| *world.time.lock().unwrap() += seconds.seconds();
    // It is good until the end of 2025, ten seconds from now.
    *world.time.lock().unwrap() = "2025-12-31T23:59:50Z".parse().unwrap();
    let living = world.signed(&Client::named(PROXY).until(2026));
    assert_eq!(world.name(&living, ALICE), "alice");
    // Nothing is verified again: the certificate has expired meanwhile.
    wait(59);
    assert_eq!(world.name(&living, ALICE), "alice");
    wait(1);
    assert_eq!(world.name(&living, ALICE), UNAUTHORIZED);
    // A clock that is set back does not make a verification last.
    wait(-65);
    assert_eq!(world.name(&living, ALICE), "alice");
}
