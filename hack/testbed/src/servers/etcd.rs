//! etcd, the store of kube-apiserver. Nothing is kept after the bed, so nothing is synced.

use crate::{build::Binaries, layout::Layout, run::Spec};

pub(crate) fn spec(layout: &Layout, binaries: &Binaries, port: u16, peer_port: u16) -> Spec {
    let data = layout.directory.join("etcd");
    Spec::new("etcd", binaries.etcd.clone(), layout).arguments([
        format!("--data-dir={}", data.display()),
        format!("--listen-client-urls=http://127.0.0.1:{port}"),
        format!("--advertise-client-urls=http://127.0.0.1:{port}"),
        format!("--listen-peer-urls=http://127.0.0.1:{peer_port}"),
        format!("--initial-advertise-peer-urls=http://127.0.0.1:{peer_port}"),
        format!("--initial-cluster=default=http://127.0.0.1:{peer_port}"),
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ])
}
