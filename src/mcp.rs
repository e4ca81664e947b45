//! The MCP server: workspaces and templates for AI tools, with the rights of whoever uses them.
//!
//! ```text
//!   AI tool → serve (connections) → gate (host, origin, who is it) → rmcp (the protocol)
//!           → handler (limits, audit) → catalog → tool/* → access → kube-apiserver
//! ```
//!
//! It has no objects, no cache of them and, but for the secret of `--mcp-token-file`, no rights: each
//! call goes to kube-apiserver with the token of its caller, so that RBAC, admission and audit see that
//! person. There are no sessions: any replica answers any request.
//!
//! What it must never do: act for a caller with rights that the caller has not; read a Secret; write what
//! callers send or get into a log.

mod access;
mod call;
mod caller;
mod catalog;
mod diff;
mod failure;
mod gate;
mod handler;
mod hosts;
mod limits;
mod lines;
mod metadata;
mod metrics;
mod number;
mod prompt;
mod redact;
mod remedy;
mod resource;
mod running;
mod secret;
mod serve;
mod subscription;
mod tool;
mod uri;

use std::{convert::Infallible, fmt, sync::Arc, time::Duration};

use fastrand::Rng;
use rustls::{
    ServerConfig,
    crypto::ring::default_provider,
    version::{TLS12, TLS13},
};
use tokio::{
    net::TcpListener,
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use url::Url;

use self::{caller::Doorman, gate::Gate, handler::Server, metadata::Metadata, serve::Ends};
pub use self::{
    caller::Identification, hosts::Hosts, metrics::Metrics, secret::SecretError, serve::DRAIN,
};
use crate::k8s::{
    self,
    serving::{Current, Files, FilesError, offer_http},
};

/// What the MCP server runs with.
pub struct Settings {
    /// The API server, and this process's own account there.
    pub config: kube::Config,
    /// Where it is served.
    pub listener: TcpListener,
    /// How callers are known.
    pub identification: Identification,
    /// Who issues tokens, as callers without one are told.
    pub issuer: Option<Url>,
    /// Where it is reached from outside.
    pub public_url: Option<Url>,
    /// Whom requests may be addressed to.
    pub hosts: Hosts,
    /// With which certificate; none is plain HTTP.
    pub tls: Option<Files>,
    /// How long it goes on after the order to stop.
    pub shutdown_delay: Duration,
    /// Where randomness begins.
    pub seed: u64,
    /// What is measured.
    pub metrics: Metrics,
}

/// Why the MCP server is not served.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum Error {
    #[error(transparent)]
    Kubernetes(#[from] k8s::config::Error),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Certificate(#[from] FilesError),
    #[error("cannot serve TLS")]
    Tls(#[from] rustls::Error),
}

/// How often the MCP server gives a sign of life.
pub const BEAT: Duration = Duration::from_secs(5);
/// How often it is tried whether callers can be known, until they can.
const AGAIN: Duration = Duration::from_secs(1);

/// Serves until `stop` and the drain after it; `readiness` is told of each change.
pub async fn run(
    settings: Settings,
    readiness: watch::Sender<Result<(), String>>,
    alive: watch::Sender<Instant>,
    stop: CancellationToken,
) -> Result<(), Error> {
    let Settings {
        config,
        listener,
        identification,
        issuer,
        public_url,
        hosts,
        tls,
        shutdown_delay,
        seed,
        metrics,
    } = settings;
    let mut random = Rng::with_seed(seed);
    let writes = identification.allows_writes();
    let doorman = Doorman::new(config, identification, &mut random).await?;
    let (publish_certificate, served) = watch::channel(None);
    let certificate = tls.map(|files| files.run(publish_certificate));
    let tls = certificate
        .is_some()
        .then(|| server_config(Current(served)));
    let tls = tls.transpose()?;
    let ends = Ends::new(stop, shutdown_delay);
    let server = Server::new(writes, ends.ending.clone(), metrics.clone());
    let gate = Arc::new(Gate::new(
        hosts,
        doorman,
        Metadata::new(public_url, issuer, tls.is_some()),
        server,
        metrics,
        &ends,
    ));
    tokio::select! {
        () = serve::serve(listener, tls, Arc::clone(&gate), ends) => Ok(()),
        never = gate.doorman.follow() => match never {},
        error = no_certificate(certificate) => Err(error.into()),
        never = beat(alive) => match never {},
        never = announce(&gate, readiness) => match never {},
    }
}

/// Says why there is no certificate, where there has to be one.
async fn no_certificate(
    kept: Option<impl Future<Output = Result<Infallible, FilesError>>>,
) -> FilesError {
    match kept {
        Some(kept) => match kept.await {
            Ok(never) => match never {},
            Err(error) => error,
        },
        None => std::future::pending().await,
    }
}

fn server_config(current: Current) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(current));
    offer_http(&mut config);
    Ok(Arc::new(config))
}

/// Gives signs of life, in the task that accepts connections.
async fn beat(alive: watch::Sender<Instant>) -> Infallible {
    loop {
        alive.send_replace(Instant::now());
        sleep(BEAT).await;
    }
}

/// Ready once callers can be known: a client that is refused while it begins may stay with an older
/// revision of the protocol, or give up.
async fn announce(gate: &Gate, readiness: watch::Sender<Result<(), String>>) -> Infallible {
    let say = |verdict| drop(readiness.send_replace(verdict));
    while let Err(reason) = gate.doorman.works().await {
        say(Err(reason));
        sleep(AGAIN).await;
    }
    gate.is_ready();
    say(Ok(()));
    std::future::pending().await
}

impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings")
            .field("listener", &self.listener)
            .field("identification", &self.identification)
            .finish_non_exhaustive()
    }
}
