//! The client itself: what one deployment's callers share.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::time::Instant;
use tower::{
    Service,
    limit::ConcurrencyLimit,
    util::{BoxCloneSyncService, service_fn},
};

use super::{
    base_url::BaseUrl,
    limits::Limits,
    observation::{Observer, RequestOutcome},
    retry::Jitter,
    token::{Token, TokenError, TokenSource},
    transport::{self, TransportError},
};

/// What requests are sent through.
/// Sends one request: see [`TransportError`] for what it owes.
pub type Exchange = BoxCloneSyncService<Request<Bytes>, Response<Bytes>, TransportError>;

/// The pool of connections could not be made (TLS: no usable root certificates).
#[derive(Debug, thiserror::Error)]
#[error("cannot set up connections to {base}")]
pub struct ConnectError {
    /// The deployment.
    pub base: BaseUrl,
    /// Why not.
    #[source]
    source: reqwest::Error,
}

/// A client of one coderd. Clones are cheap and share the pool of connections, the limit of
/// requests in flight and the token.
#[derive(Clone)]
pub struct Client {
    pub(super) shared: Arc<Shared>,
    /// What must not be repeated besides the token.
    pub(super) hidden: Vec<SecretString>,
}

pub(super) struct Shared {
    pub(super) base: BaseUrl,
    pub(super) token: Token,
    pub(super) limits: Limits,
    pub(super) jitter: Jitter,
    pub(super) observer: Option<Observer>,
    pub(super) exchange: Exchange,
    /// The `Date` of the last reply, and when it was here.
    pub(super) dated: Mutex<Option<(Timestamp, Instant)>>,
}

impl Client {
    /// What time it is by coderd's clock, as far as its last reply tells: never ahead of it, and behind
    /// by no more than a second and the way of that reply.
    pub fn server_time(&self) -> Option<Timestamp> {
        let dated = *self
            .shared
            .dated
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (at, since) = dated?;
        at.checked_add(since.elapsed()).ok()
    }

    /// The same client, which repeats nothing of `secrets` either, whoever says it.
    #[must_use]
    pub fn hiding(&self, secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let hidden = self.hidden.iter().cloned().chain(secrets);
        Self {
            shared: Arc::clone(&self.shared),
            hidden: hidden.collect(),
        }
    }

    /// A key for one `purpose` that is the same as long as the session token is, and tells nothing of it.
    pub fn derived_key(&self, purpose: &str) -> Result<[u8; 32], TokenError> {
        self.shared.token.derived_key(purpose)
    }

    /// Begins a client of the coderd at `base`.
    pub fn builder(base: BaseUrl, token: TokenSource) -> ClientBuilder {
        ClientBuilder {
            base,
            token,
            limits: Limits::default(),
            seed: 0,
            observer: None,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("base", &self.shared.base)
            .field("limits", &self.shared.limits)
            .finish_non_exhaustive()
    }
}

/// What a client is made of.
#[must_use]
pub struct ClientBuilder {
    base: BaseUrl,
    token: TokenSource,
    limits: Limits,
    seed: u64,
    observer: Option<Observer>,
}

impl ClientBuilder {
    /// Other bounds than the default ones.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where the pauses between attempts get their randomness from (default 0).
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Is called after each request, within it: it has to return at once.
    pub fn observer(mut self, observer: impl Fn(&RequestOutcome) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// A client that speaks HTTP with a pool of connections of its own. Connects to nothing yet.
    pub fn connect(self) -> Result<Client, ConnectError> {
        self.connect_through(|exchange| exchange)
    }

    /// The same, with something `around` each exchange.
    pub fn connect_through(
        self,
        around: impl FnOnce(Exchange) -> Exchange,
    ) -> Result<Client, ConnectError> {
        match transport::reqwest_client(&self.base, &self.limits) {
            Ok(pool) => {
                let exchange =
                    service_fn(move |request| transport::exchange(pool.clone(), request));
                Ok(self.with_service(around(BoxCloneSyncService::new(exchange))))
            }
            Err(source) => Err(ConnectError {
                base: self.base,
                source,
            }),
        }
    }

    /// A client that sends through any service: see [`TransportError`] for what it owes.
    pub fn with_service<S>(self, service: S) -> Client
    where
        S: Service<Request<Bytes>, Response = Response<Bytes>, Error = TransportError>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        let limited = ConcurrencyLimit::new(service, self.limits.in_flight.max(1));
        Client {
            shared: Arc::new(Shared {
                base: self.base,
                token: Token::new(self.token),
                limits: self.limits,
                jitter: Jitter::new(self.seed),
                observer: self.observer,
                exchange: BoxCloneSyncService::new(limited),
                dated: Mutex::default(),
            }),
            hidden: Vec::new(),
        }
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientBuilder")
            .field("base", &self.base)
            .field("token", &self.token)
            .field("limits", &self.limits)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
