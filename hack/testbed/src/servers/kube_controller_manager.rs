//! kube-controller-manager: garbage collection, `ServiceAccount`s, namespace deletion.

use std::path::Path;

use super::kube_apiserver::slowly;
use crate::{
    build::Binaries,
    certificates::{AUTHORITY, SERVICE_ACCOUNTS},
    layout::Layout,
    run::{Spec, output},
};

pub(crate) fn spec(layout: &Layout, binaries: &Binaries, kubeconfig: &Path) -> Spec {
    let kubeconfig = kubeconfig.display();
    let authority = layout.certificate(AUTHORITY).display().to_string();
    Spec::new(
        "kube-controller-manager",
        binaries.kube_controller_manager.clone(),
        layout,
    )
    .arguments([
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        format!("--root-ca-file={authority}"),
        format!("--cluster-signing-cert-file={authority}"),
        format!(
            "--cluster-signing-key-file={}",
            layout.key(AUTHORITY).display()
        ),
        format!(
            "--service-account-private-key-file={}",
            layout.key(SERVICE_ACCOUNTS).display()
        ),
        "--use-service-account-credentials".to_owned(),
        "--leader-elect=false".to_owned(),
        "--secure-port=0".to_owned(),
    ])
}

/// Content when the default `ServiceAccount` is there: the controllers are at work.
pub(crate) async fn probe(kubectl: Spec) -> Result<(), String> {
    let arguments = [
        "get",
        "serviceaccount",
        "default",
        "--namespace=default",
        "--output=name",
    ];
    slowly(output(&kubectl.arguments(arguments)).await).await
}
