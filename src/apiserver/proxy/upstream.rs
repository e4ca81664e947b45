//! The way to kube-apiserver: one pool of connections, as this server's own ServiceAccount.
//!
//! Not `kube::Client`: that one says who we are as `User-Agent`, where the caller's has to stay, for it
//! names the field manager. Nothing is repeated here but after a 401, when a token may have been
//! rotated under us, and after a lost connection where asking again changes nothing.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use kube::{Config, client::ConfigExt};
use tokio::time::{error::Elapsed, timeout};
use tower::{BoxError, ServiceBuilder, ServiceExt, util::BoxCloneSyncService};

use crate::api::text::chain;
use crate::apiserver::server::fault::Fault;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the head of an answer may take: as long as kube-apiserver works on a request.
const HEAD: Duration = Duration::from_secs(60);
/// Idle connections that are kept, and for how long.
const IDLE_CONNECTIONS: usize = 64;
const IDLE: Duration = Duration::from_secs(60);

/// How a silent connection is probed.
const PROBE_AFTER: Duration = Duration::from_secs(30);
const PROBE_AGAIN: Duration = Duration::from_secs(10);
const PROBES: u32 = 3;
/// What is read at a time: a record of TLS.
const READ_BUFFER: usize = 16 * 1024;

/// A request as it is sent: the body is there as a whole, so that it can be sent once more.
pub(super) type Outgoing = Request<Full<Bytes>>;
/// An answer whose body has yet to come.
pub(super) type Answer = Response<Incoming>;

type Pool = BoxCloneSyncService<Outgoing, Answer, legacy::Error>;
type Stack = BoxCloneSyncService<Outgoing, Answer, BoxError>;

/// A connection to kube-apiserver.
pub(in crate::apiserver) struct Upstream {
    config: Config,
    pool: Pool,
    stack: Mutex<Stack>,
}

/// The configuration makes no connection.
#[derive(Debug, thiserror::Error)]
#[error("cannot make connections to {url}")]
pub struct UpstreamError {
    url: String,
    source: kube::Error,
}

impl Upstream {
    /// Connects as `config` says, when there is something to send.
    pub(in crate::apiserver) fn new(config: Config) -> Result<Self, UpstreamError> {
        let failed = |source| UpstreamError {
            url: config.cluster_url.to_string(),
            source,
        };
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        // A server that vanished without a word is noticed within a minute, also by a silent watch.
        connector.set_keepalive(Some(PROBE_AFTER));
        connector.set_keepalive_interval(Some(PROBE_AGAIN));
        connector.set_keepalive_retries(Some(PROBES));
        connector.set_connect_timeout(Some(CONNECT));
        let connector = config
            .rustls_https_connector_with_connector(connector)
            .map_err(failed)?;
        let pool = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            // Else it grows with the first burst of a watch and stays for as long as that lives.
            .http1_read_buf_exact_size(READ_BUFFER)
            .build(connector);
        let pool = BoxCloneSyncService::new(pool);
        let stack = Mutex::new(stack(&config, &pool).map_err(failed)?);
        Ok(Self {
            config,
            pool,
            stack,
        })
    }

    /// Sends `request` and returns the head of the answer. `repeatable` says that sending it twice
    /// does no harm.
    pub(super) async fn send(&self, request: Outgoing, repeatable: bool) -> Result<Answer, Fault> {
        let again = request.clone();
        let answer = match self.once(request).await {
            Err(failure) if repeatable && !failure.error.is::<Elapsed>() => {
                tracing::debug!(
                    error = chain(&*failure.error),
                    "asking kube-apiserver again"
                );
                self.once(again.clone()).await
            }
            answer => answer,
        };
        let answer = answer.map_err(|failure| failure.fault(repeatable))?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        self.renew();
        let answer = self.once(again).await;
        let answer = answer.map_err(|failure| failure.fault(repeatable))?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            tracing::error!("kube-apiserver does not accept this server's own credentials");
            return Err(Fault::Unavailable(
                "kube-apiserver does not accept the credentials of the aggregated API".to_owned(),
            ));
        }
        Ok(answer)
    }

    async fn once(&self, request: Outgoing) -> Result<Answer, Failure> {
        let stack = self
            .stack
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let failure = |was_sent, error| Failure { was_sent, error };
        match timeout(HEAD, stack.oneshot(request)).await {
            Ok(answer) => answer.map_err(|error| failure(!is_unreached(&*error), error)),
            Err(elapsed) => Err(failure(true, elapsed.into())),
        }
    }

    /// Reads the credentials anew; connections stay.
    fn renew(&self) {
        match stack(&self.config, &self.pool) {
            Ok(renewed) => {
                *self.stack.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
            }
            Err(error) => tracing::error!(error = %chain(&error), "cannot read the credentials"),
        }
    }
}

/// The layers of `config` that a request passes: address and credentials, and nothing else.
fn stack(config: &Config, pool: &Pool) -> Result<Stack, kube::Error> {
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .map_err(BoxError::from)
        .service(pool.clone());
    Ok(BoxCloneSyncService::new(service))
}

/// Why there is no answer.
struct Failure {
    /// A connection was made, so the request may have come there.
    was_sent: bool,
    error: BoxError,
}

impl Failure {
    /// What the caller is told; a write that was sent may have happened.
    fn fault(self, repeatable: bool) -> Fault {
        let error = chain(&*self.error);
        if repeatable || !self.was_sent {
            tracing::warn!(error, "kube-apiserver cannot be reached");
            return Fault::Unavailable(
                "kube-apiserver cannot be reached, please try again".to_owned(),
            );
        }
        tracing::warn!(error, "the answer of kube-apiserver was lost");
        Fault::Timeout(
            "the connection to kube-apiserver was lost before it answered: the request may have \
             been carried out"
                .to_owned(),
        )
    }
}

/// Whether no connection was made. Errors of the layers above the pool come before it.
fn is_unreached(error: &(dyn std::error::Error + 'static)) -> bool {
    error
        .downcast_ref::<legacy::Error>()
        .is_none_or(legacy::Error::is_connect)
}
