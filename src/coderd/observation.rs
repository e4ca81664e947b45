//! What is told about each request, so that metrics can be counted without this module knowing
//! them.

use std::{sync::Arc, time::Duration};

use http::{Method, StatusCode};

/// One request that was sent, or could not be; a call that is repeated has several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestOutcome {
    /// The HTTP method.
    pub method: Method,
    /// The route's template below `/api/v2`, like `/workspaces/{id}`.
    pub route: &'static str,
    /// How it ended.
    pub result: RequestResult,
    /// From the wait for a free slot to the last byte of the reply, by tokio's clock.
    pub elapsed: Duration,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestResult {
    /// A complete reply.
    Status(StatusCode),
    /// None: the word of [`TransportError::kind`](super::TransportError::kind).
    Failed(&'static str),
}

/// Called after each request; has to return at once.
pub(super) type Observer = Arc<dyn Fn(&RequestOutcome) + Send + Sync>;
