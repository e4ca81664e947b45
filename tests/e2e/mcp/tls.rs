//! A server with a certificate of its own, which is replaced while it runs.

use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

use super::{server::Server, stage::Stage};
use crate::e2e::scene::free_port;

/// A certificate for this machine that nobody vouches for, and its key, in PEM.
fn pair() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned()];
    let params = CertificateParams::new(names).unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// The status that somebody gets who trusts `certificate` alone; none where it is not shown.
async fn status(port: u16, certificate: &str, token: &str) -> Option<u16> {
    let trusted = reqwest::Certificate::from_pem(certificate.as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([trusted])
        .build()
        .unwrap();
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let request = client
        .post(format!("https://localhost:{port}/mcp"))
        .bearer_auth(token)
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-11-25")
        .json(&ping);
    request
        .send()
        .await
        .ok()
        .map(|answer| answer.status().as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_served_and_replaced_without_a_restart() {
    let stage = Stage::new("tls").await;
    let token = stage.token("caller", &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let [certificate, key] = ["tls.crt", "tls.key"].map(|name| folder.path().join(name));
    let write = |(chain, secret): &(String, String)| {
        std::fs::write(&key, secret).unwrap();
        std::fs::write(&certificate, chain).unwrap();
    };
    let flags = [
        format!("--mcp-tls-cert-file={}", certificate.display()),
        format!("--mcp-tls-private-key-file={}", key.display()),
    ];
    let flags = flags.each_ref().map(String::as_str);
    let kubeconfig = stage
        .bed
        .directory()
        .join("kubeconfigs/coder-system.coder-k8s-mcp");

    // Without a certificate there is no server, and it says which file it wants.
    let broken = Server::launch(stage.bed, free_port(), kubeconfig, &flags).await;
    let ended = broken
        .program
        .wait(crate::e2e::scene::PATIENCE)
        .await
        .unwrap();
    assert_eq!(ended.code(), Some(1));
    assert!(
        broken.log().contains("--mcp-tls-cert-file"),
        "{}",
        broken.log()
    );

    let (first, second) = (pair(), pair());
    write(&first);
    let server = Server::start(stage.bed, &flags).await;
    assert_eq!(status(server.port, &first.0, &token).await, Some(200));
    assert_eq!(status(server.port, &second.0, &token).await, None);
    write(&second);
    server
        .eventually("the new certificate is served", async || {
            status(server.port, &second.0, &token).await == Some(200)
        })
        .await;
    assert_eq!(status(server.port, &first.0, &token).await, None);
}
