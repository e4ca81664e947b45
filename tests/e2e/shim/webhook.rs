//! A webhook of somebody else that has its say about deletions: whoever deletes through the old group
//! hears it as whoever deletes through the stored one.

use std::{net::Ipv4Addr, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use k8s_openapi::ByteString;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{
    caller::Ask,
    certificate::{Authority, PLAIN, Pair, Wanted},
    claim::{NAME, delete, imported, read, sent},
    server::Server,
    stage::{Group, Stage, WORKSPACES, renamed},
};

const CONFIGURATIONS: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// Refuses each deletion of a workspace in the namespace of `stage` with 409, until it is dropped.
async fn refuse_deletions(stage: &Stage) -> JoinSet<()> {
    let authority = Authority::new();
    let pair = authority.sign(Wanted {
        names: &["127.0.0.1"],
        ..PLAIN
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(listener, acceptor(&pair)));
    let bundle = ByteString(authority.certificate.into_bytes());
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": stage.namespace },
        "webhooks": [{
            "name": "backup.example.com",
            "clientConfig": { "url": format!("https://127.0.0.1:{port}/"), "caBundle": bundle },
            "rules": [{
                "apiGroups": ["coder.com"], "apiVersions": ["*"], "operations": ["DELETE"],
                "resources": [WORKSPACES],
            }],
            "namespaceSelector": { "matchLabels": {
                "kubernetes.io/metadata.name": stage.namespace,
            } },
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }],
    });
    let ask = Ask::new("POST", CONFIGURATIONS).json(&configuration);
    stage.admin.send(ask).await.expect(201);
    tasks
}

fn acceptor(pair: &Pair) -> TlsAcceptor {
    let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes());
    let chain = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            let stream = TokioIo::new(acceptor.accept(stream).await.unwrap());
            // How it ends is kube-apiserver's affair.
            let connection = http1::Builder::new().serve_connection(stream, service_fn(refuse));
            connection.await.ok();
        });
    }
}

async fn refuse(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let review = request.into_body().collect().await?.to_bytes();
    let review: Value = serde_json::from_slice(&review).unwrap();
    let answer = json!({
        "apiVersion": review["apiVersion"],
        "kind": review["kind"],
        "response": {
            "uid": review["request"]["uid"],
            "allowed": false,
            "status": { "code": 409, "message": "not before noon" },
        },
    });
    let response = Response::builder().header(header::CONTENT_TYPE, "application/json");
    Ok(response.body(answer.to_string().into()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_refuses_with_409_is_told_as_by_the_stored_group() {
    let stage = Stage::new("webhook").await;
    let before = imported(&stage, NAME).await;
    let webhook = refuse_deletions(&stage).await;
    let trial = format!("{NAME}?dryRun=All");
    let trial = stage.path(Group::Stored, WORKSPACES, &trial);
    stage
        .server
        .eventually("the webhook is asked", async || {
            let tried = stage.admin.send(Ask::new("DELETE", &trial)).await;
            tried.status == 409
        })
        .await;
    let stored = stage.path(Group::Stored, WORKSPACES, NAME);
    let stored = stage.admin.send(Ask::new("DELETE", stored)).await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    let old = caller.send(delete(&stage, NAME)).await;
    let configuration = format!("{CONFIGURATIONS}/{}", stage.namespace);
    let ask = Ask::new("DELETE", configuration);
    stage.admin.send(ask).await.expect(200);
    drop(webhook);

    let old = old.expect(409);
    assert!(old.text().contains("not before noon"), "{}", old.text());
    assert_eq!(old.text(), renamed(&stored.expect(409).text()));
    assert_eq!(sent(&hop), ["GET", "DELETE?", "GET"], "it is tried once");
    assert_eq!(read(&stage, NAME).await, before, "nothing was claimed");
}
