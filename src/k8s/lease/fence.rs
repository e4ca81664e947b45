//! Keeps one who is not the leader any more from changing anything.

use std::{
    future::pending,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{Method, Request};
use tokio::time::{Instant, sleep_until};
use tower::{BoxError, Layer, Service};

/// For how long the Lease is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// Nothing is begun from then on.
    pub(super) begin_until: Instant,
    /// What was begun is given up: soon after, somebody else may hold the Lease.
    pub(super) end: Instant,
}

/// The right to act as leader, for one term of office. It is looked at when an effect is sent, not when it
/// is decided on: a process may stand still between the two for any time.
#[derive(Clone, Debug)]
pub struct Fence(Arc<Mutex<Option<Term>>>);

/// The Lease is not ours any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another replica may be the leader now, so that this one changes nothing any more")]
pub struct TermOver {
    /// Whether the effect had begun: it may have happened.
    pub was_begun: bool,
}

impl Fence {
    /// Lets nothing pass until it is extended.
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    pub(super) fn extend(&self, term: Term) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(term);
    }

    /// Lets nothing pass any more.
    pub(super) fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn term(&self) -> Option<Term> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something may be begun now.
    fn is_open(&self) -> bool {
        self.term()
            .is_some_and(|term| Instant::now() < term.begin_until)
    }

    /// Begins `effect` if we are the leader now, and gives it up before somebody else can be.
    pub async fn guard<T>(&self, effect: impl Future<Output = T>) -> Result<T, TermOver> {
        if !self.is_open() {
            return Err(TermOver { was_begun: false });
        }
        tokio::select! {
            biased;
            () = self.over() => Err(TermOver { was_begun: true }),
            done = effect => Ok(done),
        }
    }

    /// Returns when the term is over, however often it was extended before.
    async fn over(&self) {
        while let Some(Term { end, .. }) = self.term() {
            if end <= Instant::now() {
                return;
            }
            sleep_until(end).await;
        }
        // Closed in good order: what was begun is waited for by whoever closed it.
        pending::<()>().await;
    }
}

/// Guards all requests of a client that change something.
#[derive(Clone, Debug)]
pub struct FenceLayer(pub Fence);

/// A service behind a fence.
#[derive(Clone, Debug)]
pub struct Fenced<S> {
    inner: S,
    fence: Fence,
}

impl<S> Layer<S> for FenceLayer {
    type Service = Fenced<S>;

    fn layer(&self, inner: S) -> Fenced<S> {
        Fenced {
            inner,
            fence: self.0.clone(),
        }
    }
}

impl<S, B> Service<Request<B>> for Fenced<S>
where
    S: Service<Request<B>>,
    S::Response: Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let is_read = request.method() == Method::GET;
        let fence = self.fence.clone();
        // The services below send nothing before this is polled, and the fence is asked before that.
        let answer = self.inner.call(request);
        Box::pin(async move {
            if is_read {
                return answer.await.map_err(Into::into);
            }
            fence.guard(answer).await?.map_err(Into::into)
        })
    }
}
