//! What is below the client: one exchange of bytes, and the production service made of reqwest.
//!
//! A service answers with any status, or with a [`TransportError`] that says whether the request
//! may have reached coderd. It never repeats a request and takes in no more than [`ReplyLimit`].

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode};

use super::{base_url::BaseUrl, limits::Limits};
use crate::api::text::chain;

/// How much of a reply that says no is read. coderd's are below 1 kB.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Whether coderd may have acted on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Certainly not: nothing was sent.
    NotSent,
    /// Possibly, or certainly with the result lost.
    Possible,
}

/// The largest body of a successful reply that a service may take in for a request, in bytes: an
/// extension of each `http::Request` that the client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyLimit(pub usize);

/// Why an exchange gave no complete reply.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The request is not one that can be sent at all.
    #[error("the request cannot be sent")]
    Unsendable(#[source] Source),
    /// No connection: refused, no such host, no trust in the certificate, too slow.
    #[error("no connection could be made")]
    Connect(#[source] Source),
    /// The connection broke after the request may have been sent, before a status was read.
    #[error("the connection broke before a reply came")]
    Interrupted(#[source] Source),
    /// The body of the reply ended early.
    #[error("the reply with status {status} ended early")]
    Truncated {
        /// The status that was read before.
        status: StatusCode,
        /// What broke.
        #[source]
        source: Source,
    },
    /// The body of a successful reply is larger than allowed.
    #[error("the reply with status {status} is larger than {limit} bytes")]
    TooLarge {
        /// The status that was read before.
        status: StatusCode,
        /// The bound, in bytes.
        limit: usize,
    },
    /// The deadline of the call passed.
    #[error("no complete reply within {after:?}")]
    Deadline {
        /// The time that the call had.
        after: Duration,
        /// Not sent if the call waited for a free slot all the time.
        delivery: Delivery,
    },
}

impl TransportError {
    /// Whether coderd may have acted on the request.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        match self {
            Self::Unsendable(_) | Self::Connect(_) => Delivery::NotSent,
            Self::Interrupted(_) | Self::Truncated { .. } | Self::TooLarge { .. } => {
                Delivery::Possible
            }
            Self::Deadline { delivery, .. } => *delivery,
        }
    }

    /// The same with its causes, in which a server may have its say (such as by its certificate), in other
    /// words.
    pub(super) fn retold(self, tell: impl FnOnce(&str) -> String) -> Self {
        let tell = |source: Source| tell(&chain(source.as_ref())).into();
        match self {
            Self::Unsendable(source) => Self::Unsendable(tell(source)),
            Self::Connect(source) => Self::Connect(tell(source)),
            Self::Interrupted(source) => Self::Interrupted(tell(source)),
            Self::Truncated { status, source } => Self::Truncated {
                status,
                source: tell(source),
            },
            Self::TooLarge { .. } | Self::Deadline { .. } => self,
        }
    }

    /// A word for metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unsendable(_) => "unsendable",
            Self::Connect(_) => "connect",
            Self::Interrupted(_) => "interrupted",
            Self::Truncated { .. } => "truncated",
            Self::TooLarge { .. } => "too_large",
            Self::Deadline { .. } => "deadline",
        }
    }
}

/// The pool of connections of one deployment.
pub(super) fn reqwest_client(base: &BaseUrl, limits: &Limits) -> reqwest::Result<reqwest::Client> {
    // reqwest panics without a provider; a second installation is refused and does nothing.
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .connect_timeout(limits.connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never());
    if !base.is_encrypted() {
        // Without this, a machine that has no root certificates could not even speak HTTP.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

/// One exchange over reqwest.
pub(super) async fn exchange(
    client: reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, TransportError> {
    let limit = request
        .extensions()
        .get::<ReplyLimit>()
        .map_or(usize::MAX, |limit| limit.0);
    let request = reqwest::Request::try_from(request)
        .map_err(|error| TransportError::Unsendable(error.without_url().into()))?;
    let mut reply = client.execute(request).await.map_err(classify)?;
    let status = reply.status();
    let mut body = BytesMut::new();
    while let Some(chunk) = reply
        .chunk()
        .await
        .map_err(|error| TransportError::Truncated {
            status,
            source: error.without_url().into(),
        })?
    {
        body.extend_from_slice(&chunk);
        if status.is_success() && body.len() > limit {
            return Err(TransportError::TooLarge { status, limit });
        }
        // A refusal counts even if its words are endless.
        if !status.is_success() && body.len() > MAX_REFUSAL_BYTES {
            break;
        }
    }
    let mut whole = Response::new(body.freeze());
    *whole.status_mut() = status;
    *whole.headers_mut() = std::mem::take(reply.headers_mut());
    Ok(whole)
}

fn classify(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    if error.is_builder() {
        TransportError::Unsendable(error.into())
    } else if error.is_connect() {
        TransportError::Connect(error.into())
    } else {
        TransportError::Interrupted(error.into())
    }
}

#[cfg(test)]
mod tests;
