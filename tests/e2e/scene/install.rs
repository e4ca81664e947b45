//! What a scene needs before the controller can run: kinds, rights, ports.

use std::net::TcpListener;

use testbed::Access;

/// The CRDs, once for the bed.
pub async fn install_crds(bed: &Access) {
    let crds = crate::root().join("crds").display().to_string();
    let operator = format!("{crds}/operator");
    let files = ["-f", crds.as_str(), "-f", operator.as_str()];
    let apply = ["apply", "--server-side", "--force-conflicts"];
    bed.run_kubectl(&[&apply[..], &files].concat())
        .await
        .unwrap();
    bed.run_kubectl(&[&["wait", "--for=condition=Established"][..], &files].concat())
        .await
        .unwrap();
}

/// The CRDs, and the controller's rights in `namespace`, from `deploy/`.
pub(super) async fn install(bed: &Access, namespace: &str) {
    let root = crate::root();
    let role = |folder: &str| {
        root.join("deploy")
            .join(folder)
            .join("role.yaml")
            .display()
            .to_string()
    };
    let (global, local) = (role("base"), role("sync"));
    install_crds(bed).await;
    bed.run_kubectl(&["create", "namespace", namespace])
        .await
        .unwrap();
    bed.run_kubectl(&["create", "serviceaccount", "coder-k8s", "-n", namespace])
        .await
        .unwrap();
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "-n",
        namespace,
    ];
    let roles = ["-f", global.as_str(), "-f", local.as_str()];
    bed.run_kubectl(&[&apply[..], &roles[..]].concat())
        .await
        .unwrap();
    let account = format!("--serviceaccount={namespace}:coder-k8s");
    let bind = async |kind: &str, name: &str, role: &str| {
        let arguments = ["create", kind, name, role, &account, "-n", namespace];
        bed.run_kubectl(&arguments).await.unwrap();
    };
    bind("rolebinding", "coder-k8s-sync", "--role=coder-k8s-sync").await;
    // Those that name the namespace of the installation.
    for name in ["lease", "key"] {
        let path = root.join(format!("deploy/base/{name}.yaml"));
        let text = std::fs::read_to_string(path).unwrap();
        let role = text.split("---").next().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), role.replace("coder-system", namespace)).unwrap();
        let file = file.path().to_str().unwrap();
        bed.run_kubectl(&[&apply[..], &["-f", file]].concat())
            .await
            .unwrap();
        let (binding, role) = (
            format!("coder-k8s-{name}"),
            format!("--role=coder-k8s-{name}"),
        );
        bind("rolebinding", &binding, &role).await;
    }
    let cluster_wide = format!("coder-k8s-{namespace}");
    bind(
        "clusterrolebinding",
        &cluster_wide,
        "--clusterrole=coder-k8s-crds",
    )
    .await;
}

/// A client with the rights of a cluster administrator.
pub async fn admin(bed: &Access) -> kube::Client {
    let kubeconfig = kube::config::Kubeconfig::read_from(bed.kubeconfig()).unwrap();
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .unwrap();
    kube::Client::try_from(config).unwrap()
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
