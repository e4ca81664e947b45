//! The aggregated API: `aggregation.coder.com/v1alpha1` for old clients, in front of the CRDs.
//!
//! A renaming reverse proxy. It has no objects of its own, stores nothing and remembers none: each
//! request that kube-apiserver hands on is authorized for the aggregated group, renamed, sent to
//! kube-apiserver as this server's ServiceAccount, and its answer is renamed back while it streams.
//!
//! What it must never do: forward what was not authorized; answer 404 for what may exist; change a byte
//! that no rule names.

mod names;
mod proxy;
mod server;

use std::{convert::Infallible, fmt, sync::Arc, time::Duration};

use fastrand::Rng;
use tokio::{
    net::TcpListener,
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    proxy::{Proxy, catalog, gateway::Gateway, refusal::Refusals, upstream::Upstream},
    server::{
        authentication::{self, Authenticator},
        authorization::Authorizer,
        certificate::{
            Served,
            keeper::{INTERVAL, Keeper},
        },
        limits::Limits,
        ready::Ready,
        serve::{self, Ends, Shared},
        tls,
    },
};
pub use self::{
    proxy::{rewrite, upstream::UpstreamError},
    server::{
        certificate::{self, ServiceName},
        metrics::Metrics,
        serve::DRAIN,
    },
};
use crate::k8s::{
    clock::Clock,
    serving::{Files, FilesError},
};

/// What the aggregated API runs with.
pub struct Settings {
    /// The API server and this server's own account there.
    pub config: kube::Config,
    /// The same as a client, for reviews and the certificate.
    pub client: kube::Client,
    /// Where it is served.
    pub listener: TcpListener,
    /// With which certificate.
    pub certificate: Certificate,
    /// How long it goes on after the order to stop: until no requests are sent here any more.
    pub shutdown_delay: Duration,
    /// What time it is.
    pub clock: Clock,
    /// Where randomness begins.
    pub seed: u64,
    /// What is measured.
    pub metrics: Metrics,
}

/// Where the serving certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Somebody else keeps it in two files.
    Files(Files),
    /// It is made here, for this Service.
    Made(ServiceName),
}

/// Why the aggregated API is not served.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum Error {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("cannot serve TLS")]
    Tls(#[from] rustls::Error),
    #[error(transparent)]
    Certificate(#[from] FilesError),
}

/// How often the aggregated API gives a sign of life.
pub const BEAT: Duration = Duration::from_secs(5);

/// Serves until `stop` and the drain after it; `readiness` is told of each change.
pub async fn run(
    settings: Settings,
    readiness: watch::Sender<Result<(), String>>,
    alive: watch::Sender<Instant>,
    stop: CancellationToken,
) -> Result<(), Error> {
    let Settings {
        config,
        client,
        listener,
        certificate,
        shutdown_delay,
        clock,
        seed,
        metrics,
    } = settings;
    let mut random = Rng::with_seed(seed);
    let (publish_certificate, served) = watch::channel(None);
    let (publish_trust, trust) = watch::channel(None);
    let (publish_catalog, catalog) = watch::channel(None);
    let ready = Arc::new(Ready {
        certificate: served.clone(),
        trust: trust.clone(),
        catalog: catalog.clone(),
        stop: stop.clone(),
    });
    let shared = Shared {
        authenticator: Arc::new(Authenticator::new(trust, clock.clone())),
        tasks: TaskTracker::new(),
        metrics,
    };
    let gateway = Gateway {
        shared: shared.clone(),
        authorizer: Authorizer::new(client.clone(), random.u64(..)),
        catalog,
        ready: Arc::clone(&ready),
        proxy: Proxy {
            upstream: Arc::new(Upstream::new(config)?),
            refusals: Refusals::new(client.clone()),
            limits: Limits::default(),
        },
        clock: clock.clone(),
    };
    let tls = Arc::new(tls::server_config(served)?);
    let ends = Ends {
        stop,
        delay: shutdown_delay,
    };
    let answers = (Arc::new(gateway), shared);
    tokio::select! {
        () = serve::serve(listener, tls, answers, ends, random.u64(..)) => Ok(()),
        never = authentication::trust::follow(client.clone(), publish_trust) => match never {},
        never = catalog::follow(client.clone(), publish_catalog) => match never {},
        never = beat(&ready, alive) => match never {},
        never = ready.announce(readiness) => match never {},
        failed = keep(certificate, client, clock, publish_certificate) => Err(failed),
    }
}

/// Gives signs of life, in the task that accepts connections, as long as what requests look at can be
/// looked at.
async fn beat<C>(ready: &Ready<C>, alive: watch::Sender<Instant>) -> Infallible {
    loop {
        let _verdict = ready.verdict();
        alive.send_replace(Instant::now());
        sleep(BEAT).await;
    }
}

/// Keeps the certificate for ever, or says why there is none.
async fn keep(
    certificate: Certificate,
    client: kube::Client,
    clock: Clock,
    publish: watch::Sender<Served>,
) -> Error {
    match certificate {
        Certificate::Files(files) => match files.run(publish).await {
            Ok(never) => match never {},
            Err(error) => error.into(),
        },
        Certificate::Made(service) => {
            let keeper = Keeper::new(client, service, INTERVAL, move || clock.now());
            match keeper.run(publish).await {}
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings")
            .field("listener", &self.listener)
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}
