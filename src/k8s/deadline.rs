//! A time limit on every request but watches.
//!
//! kube sets none: a connection that went silent would hold its caller for ever. The limit covers the
//! whole exchange, the body included. After it the connection is dropped, and a write may or may not
//! have happened. Watches are meant to stay silent; they have limits of their own.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::{BodyExt, Either, Full};
use kube::client::Body;
use tower::{BoxError, Layer, Service};

/// How long a call may take. The API server itself gives up on a request after 60 s, and on the
/// webhooks in it after 10 s by default.
pub const CALL: Duration = Duration::from_secs(30);

/// Puts the limit around a client's service.
#[derive(Clone, Copy, Debug)]
pub struct DeadlineLayer {
    limit: Duration,
}

/// A service whose answers come within the limit.
#[derive(Clone, Debug)]
pub struct Deadline<S> {
    inner: S,
    limit: Duration,
}

/// The limit was reached.
#[derive(Debug, thiserror::Error)]
#[error("no complete answer within {} s", .0.as_secs())]
pub struct DeadlineExceeded(pub Duration);

impl DeadlineLayer {
    /// A layer with `limit`.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self { limit }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline {
            inner,
            limit: self.limit,
        }
    }
}

impl<S, B> Service<Request<Body>> for Deadline<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: BodyExt<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Either<Full<Bytes>, B>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let limit = self.limit;
        let is_stream = is_stream(request.uri().query().unwrap_or_default());
        let response = self.inner.call(request);
        Box::pin(async move {
            if is_stream {
                return Ok(response.await.map_err(Into::into)?.map(Either::Right));
            }
            tokio::time::timeout(limit, whole(response))
                .await
                .map_err(|_| DeadlineExceeded(limit))?
        })
    }
}

/// Waits for the head and the body.
async fn whole<B, E, L>(
    response: impl Future<Output = Result<Response<B>, E>>,
) -> Result<Response<Either<Full<Bytes>, L>>, BoxError>
where
    E: Into<BoxError>,
    B: BodyExt<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let (head, body) = response.await.map_err(Into::into)?.into_parts();
    let body = body.collect().await.map_err(Into::into)?.to_bytes();
    Ok(Response::from_parts(head, Either::Left(Full::new(body))))
}

/// Whether the answer to a request with `query` is meant to go on: a watch or a followed log.
fn is_stream(query: &str) -> bool {
    query.split('&').any(|pair| {
        matches!(
            pair.split_once('='),
            Some(("watch" | "follow", "true" | "1"))
        )
    })
}

#[cfg(test)]
mod tests;
