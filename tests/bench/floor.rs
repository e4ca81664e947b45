//! The least that an aggregated API can cost: a server behind an `APIService` that asks kube-apiserver for
//! the same path of the stored group and passes the answer on, byte by byte. It authenticates nobody,
//! asks for no rights, renames nothing and bounds nothing.

use std::{sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use k8s_openapi::ByteString;
use kube::{
    Client, Config,
    client::Body,
    config::{KubeConfigOptions, Kubeconfig},
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet, time::sleep};
use tokio_rustls::TlsAcceptor;

use crate::e2e::shim::{
    caller::{Ask, Caller},
    certificate::{Authority, PLAIN, Wanted},
    server::{NAMESPACE, kubeconfig},
    stage::{Group, Stage},
};

/// The group that it serves.
const GROUP: &str = "floor.example.com";
const NAME: &str = "floor";
const LOOK: Duration = Duration::from_millis(100);

/// A running one; it ends with this.
pub struct Floor {
    _serving: JoinSet<()>,
}

impl Floor {
    /// Starts one behind kube-apiserver, for `user` to read through.
    pub async fn start(stage: &Stage, user: &Caller) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let authority = Authority::new();
        let host = format!("{NAME}.{NAMESPACE}.svc");
        let pair = authority.sign(Wanted {
            names: &[&host],
            ..PLAIN
        });
        let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let mut tls = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain.collect::<Result<_, _>>().unwrap(), key)
            .unwrap();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let kubeconfig = Kubeconfig::read_from(kubeconfig(stage.bed).await).unwrap();
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let client = Client::try_from(config.unwrap()).unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::new(tls), client));
        publish(&stage.admin, port, &authority.certificate).await;
        let path = format!("/apis/{GROUP}/v1alpha1/coderworkspaces?limit=1");
        while user.get(&path).await.status != 200 {
            sleep(LOOK).await;
        }
        Self { _serving: serving }
    }

    /// The path here of what has `path` in the stored group.
    pub fn path(path: &str) -> String {
        path.replacen(Group::Stored.name(), GROUP, 1)
    }
}

async fn serve(listener: TcpListener, tls: Arc<ServerConfig>, client: Client) {
    let acceptor = TlsAcceptor::from(tls);
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        let (acceptor, client) = (acceptor.clone(), client.clone());
        connections.spawn(async move {
            let Ok(socket) = acceptor.accept(socket).await else {
                return;
            };
            let service = service_fn(|request| pass(client.clone(), request));
            let server = auto::Builder::new(TokioExecutor::new());
            let _ended = server.serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

async fn pass(client: Client, request: Request<Incoming>) -> Result<Response<Body>, kube::Error> {
    let path = request.uri().path_and_query().unwrap().as_str();
    let mut stored = Request::get(path.replacen(GROUP, Group::Stored.name(), 1));
    for name in [http::header::ACCEPT, http::header::USER_AGENT] {
        if let Some(value) = request.headers().get(&name) {
            stored = stored.header(name, value);
        }
    }
    client.send(stored.body(Body::empty()).unwrap()).await
}

/// Points an `APIService` at `port`, and lets everybody read.
async fn publish(admin: &Caller, port: u16, authority: &str) {
    let authority = ByteString(authority.as_bytes().to_vec());
    let rbac = "rbac.authorization.k8s.io";
    let object = |path: &str, body: Value| (path.to_owned(), body);
    let objects = [
        object(
            &format!("/api/v1/namespaces/{NAMESPACE}/services/{NAME}"),
            json!({
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": { "name": NAME },
                "spec": {
                    "type": "ExternalName",
                    "externalName": "localhost",
                    "ports": [{ "name": "https", "port": port }],
                },
            }),
        ),
        object(
            &format!("/apis/{rbac}/v1/clusterroles/{NAME}"),
            json!({
                "apiVersion": format!("{rbac}/v1"),
                "kind": "ClusterRole",
                "metadata": { "name": NAME },
                "rules": [{
                    "apiGroups": [GROUP],
                    "resources": ["coderworkspaces"],
                    "verbs": ["get", "list"],
                }],
            }),
        ),
        object(
            &format!("/apis/{rbac}/v1/clusterrolebindings/{NAME}"),
            json!({
                "apiVersion": format!("{rbac}/v1"),
                "kind": "ClusterRoleBinding",
                "metadata": { "name": NAME },
                "roleRef": { "apiGroup": rbac, "kind": "ClusterRole", "name": NAME },
                "subjects": [{ "apiGroup": rbac, "kind": "Group", "name": "system:authenticated" }],
            }),
        ),
        object(
            &format!("/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.{GROUP}"),
            json!({
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": { "name": format!("v1alpha1.{GROUP}") },
                "spec": {
                    "group": GROUP,
                    "version": "v1alpha1",
                    "groupPriorityMinimum": 100,
                    "versionPriority": 100,
                    "caBundle": authority,
                    "service": { "namespace": NAMESPACE, "name": NAME, "port": port },
                },
            }),
        ),
    ];
    for (path, object) in objects {
        let ask = Ask::new("PATCH", format!("{path}?fieldManager=bench&force=true"));
        let ask = ask.body("application/apply-patch+yaml", object.to_string());
        let reply = admin.send(ask).await;
        assert!(
            matches!(reply.status, 200 | 201),
            "{path}: {}",
            reply.status
        );
    }
}
