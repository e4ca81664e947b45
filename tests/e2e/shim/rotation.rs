//! The server renews its certificate under the authority that it made for itself, while everybody uses
//! it: the other tests of this cluster too. An authority that is lost it makes anew.

use k8s_openapi::ByteString;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Value, json};

use super::{
    caller::{Ask, Caller},
    certificate::{Authority, PLAIN, Pair, Wanted},
    load::Load,
    own::own,
    server::{API_SERVICE, NAMESPACE, SERVER_NAME, Server, Settings, administrator, look_again},
    stage::{Group, Stage, WORKSPACES},
};

fn secret() -> String {
    format!("/api/v1/namespaces/{NAMESPACE}/secrets/coder-k8s-apiserver-tls")
}

#[tokio::test(flavor = "multi_thread")]
async fn case_3_its_certificate_is_renewed_without_a_failed_request() {
    let stage = Stage::new("renewal").await;
    let before = stored(&stage.admin).await;
    assert_eq!(bundle(&stage.admin).await, before.authority);
    let load = Load::start(
        &stage.admin,
        &vec![stage.path(Group::Old, WORKSPACES, ""); 3],
    );
    // Whoever connects anew, as kube-apiserver may at any time, trusts this authority and no other.
    let trusting = Caller::new(
        stage.server.port,
        SERVER_NAME,
        Some(before.authority.clone()),
    );

    // As if two thirds of its life were over, and some names were missing.
    let wanted = Wanted {
        names: &[SERVER_NAME],
        ..PLAIN
    };
    let due = Authority::of(before.signing).sign(wanted);
    let fields = json!({ "stringData": { "tls.crt": due.certificate, "tls.key": due.key } });
    let ask = Ask::new("PATCH", secret()).body("application/merge-patch+json", fields.to_string());
    stage.admin.send(ask).await.expect(200);
    stage
        .server
        .eventually("it serves a new certificate", async || {
            let shown = trusting.again().shown().await;
            let shown = shown.expect("somebody who trusts the authority cannot connect");
            let now = stored(&stage.admin).await;
            assert_eq!(now.authority, before.authority);
            let is_new = ![&before.certificate, &due.certificate].contains(&&now.certificate);
            is_new && CertificateDer::from_pem_slice(now.certificate.as_bytes()).unwrap() == shown
        })
        .await;
    let more = load.count() + 100;
    stage
        .server
        .eventually("more requests", async || load.count() >= more)
        .await;
    assert_eq!(load.end().await, Vec::<String>::new());
    assert_eq!(bundle(&stage.admin).await, before.authority);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_3_a_lost_authority_is_made_anew_and_it_recovers() {
    let own = own().await;
    let admin = administrator(own.bed);
    let first = Server::published(own.bed, Settings::default()).await;
    let second = Server::start(own.bed, Settings::default()).await;
    let before = stored(&admin).await;
    assert_eq!(bundle(&admin).await, before.authority);
    admin.send(Ask::new("DELETE", secret())).await.expect(200);

    first
        .eventually("another authority is trusted, alone", async || {
            look_again(&admin).await;
            let trusted = bundle(&admin).await;
            trusted != before.authority && trusted == stored(&admin).await.authority
        })
        .await;
    let after = stored(&admin).await.authority;
    for server in [&first, &second] {
        let trusting = Caller::new(server.port, SERVER_NAME, Some(after.clone()));
        server
            .eventually("it serves a certificate of the new one", async || {
                trusting.again().reaches().await
            })
            .await;
        let outdated = Caller::new(server.port, SERVER_NAME, Some(before.authority.clone()));
        assert!(!outdated.reaches().await);
    }
    first.until_reached().await;
    assert_eq!(own.available().await["status"], "True");
    assert_eq!(bundle(&admin).await, after, "both agree on one");
    for server in [&first, &second] {
        assert_eq!(server.program.status(), None, "it was never restarted");
    }
}

/// What the Secret holds.
struct Stored {
    authority: String,
    certificate: String,
    /// The authority again, with its key.
    signing: Pair,
}

async fn stored(admin: &Caller) -> Stored {
    let found = admin.get(secret()).await.expect(200).json();
    let field = |name: &str| text(&found["data"][name]);
    Stored {
        authority: field("ca.crt"),
        certificate: field("tls.crt"),
        signing: Pair {
            certificate: field("ca.crt"),
            key: field("ca.key"),
        },
    }
}

/// Whom kube-apiserver trusts.
async fn bundle(admin: &Caller) -> String {
    let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/{API_SERVICE}");
    text(&admin.get(path).await.expect(200).json()["spec"]["caBundle"])
}

/// Out of base64.
fn text(value: &Value) -> String {
    let ByteString(bytes) = serde_json::from_value(value.clone()).unwrap();
    String::from_utf8(bytes).unwrap()
}
