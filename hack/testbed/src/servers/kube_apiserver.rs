//! kube-apiserver with RBAC, `ServiceAccount` tokens and the aggregation layer.
//!
//! Without `--enable-aggregator-routing`: aggregated servers on loopback are reached through a
//! Service of type `ExternalName`.

use std::{net::Ipv4Addr, time::Duration};

use tokio::net::TcpStream;

use crate::{
    Error,
    build::Binaries,
    certificates::{
        AUTHORITY, PROXY_AUTHORITY, PROXY_CLIENT, PROXY_CLIENT_NAME, SERVER, SERVICE_ACCOUNTS,
    },
    layout::Layout,
    run::{Spec, output},
};

const PAUSE: Duration = Duration::from_millis(200);

pub(crate) fn spec(
    layout: &Layout,
    binaries: &Binaries,
    port: u16,
    etcd_port: u16,
    further: &[String],
) -> Spec {
    let certificate = |name| layout.certificate(name).display().to_string();
    let key = |name| layout.key(name).display().to_string();
    Spec::new("kube-apiserver", binaries.kube_apiserver.clone(), layout)
        .arguments([
            format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            // There is no network to publish endpoints for, and loopback is refused as one.
            "--endpoint-reconciler-type=none".to_owned(),
            format!("--secure-port={port}"),
            format!("--tls-cert-file={}", certificate(SERVER)),
            format!("--tls-private-key-file={}", key(SERVER)),
            format!("--client-ca-file={}", certificate(AUTHORITY)),
            "--authorization-mode=RBAC".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!(
                "--service-account-key-file={}",
                layout.public_key(SERVICE_ACCOUNTS).display()
            ),
            format!(
                "--service-account-signing-key-file={}",
                key(SERVICE_ACCOUNTS)
            ),
            format!(
                "--requestheader-client-ca-file={}",
                certificate(PROXY_AUTHORITY)
            ),
            format!("--requestheader-allowed-names={PROXY_CLIENT_NAME}"),
            "--requestheader-username-headers=X-Remote-User".to_owned(),
            "--requestheader-group-headers=X-Remote-Group".to_owned(),
            "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
            format!("--proxy-client-cert-file={}", certificate(PROXY_CLIENT)),
            format!("--proxy-client-key-file={}", key(PROXY_CLIENT)),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            "--allow-privileged=true".to_owned(),
            "--profiling=false".to_owned(),
        ])
        .arguments(further)
}

/// Content when the server says that it is ready.
///
/// `kubectl` is not cheap, so it is asked only once somebody listens at all.
pub(crate) async fn probe(kubectl: Spec, port: u16) -> Result<(), String> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
    stream.map_err(|error| format!("nobody listens: {error}"))?;
    slowly(output(&kubectl.arguments(["get", "--raw", "/readyz"])).await).await
}

/// Gives the servers air before `kubectl` is run again.
pub(super) async fn slowly(answer: Result<String, Error>) -> Result<(), String> {
    match answer {
        Ok(_) => Ok(()),
        Err(error) => {
            tokio::time::sleep(PAUSE).await;
            Err(error.chain())
        }
    }
}
