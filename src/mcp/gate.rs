//! The door: what a request has to be before the protocol is spoken with whoever sent it.

use std::{
    convert::Infallible,
    error::Error as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, combinators::BoxBody};
use hyper::body::Incoming;
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, time::timeout};

use super::{
    caller::{Caller, Denied, Doorman, forget_token},
    handler::Server,
    hosts::Hosts,
    metadata::{Metadata, WELL_KNOWN},
    metrics::Metrics,
    running::Running,
    serve::Ends,
};

/// Where the protocol is spoken.
pub(super) const PATH: &str = "/mcp";
/// The longest request: a template with its files.
const LONGEST: usize = 2 * 1024 * 1024;
/// How long a request may take to come.
const BODY: Duration = Duration::from_secs(30);
/// How many KiB of requests are held at the same time.
const HELD_KIB: usize = 64 * 1024;
/// Longer requests are no notes.
const LONGEST_NOTE: usize = 4096;
/// When somebody who could not be known may try again, in seconds.
const AGAIN: HeaderValue = HeaderValue::from_static("5");

/// An answer.
pub(super) type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Everything that requests pass.
pub(super) struct Gate {
    hosts: Hosts,
    pub(super) doorman: Doorman,
    metadata: Metadata,
    running: Arc<Running>,
    protocol: StreamableHttpService<Server, NeverSessionManager>,
    held: Semaphore,
    ready: AtomicBool,
    metrics: Metrics,
    ends: Ends,
}

/// The note that a call is cancelled.
#[derive(Deserialize)]
struct Note {
    method: String,
    params: Option<NoteParameters>,
}

#[derive(Deserialize)]
struct NoteParameters {
    #[serde(rename = "requestId")]
    request_id: Value,
}

impl Gate {
    pub(super) fn new(
        hosts: Hosts,
        doorman: Doorman,
        metadata: Metadata,
        server: Server,
        metrics: Metrics,
        ends: &Ends,
    ) -> Self {
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(LONGEST)
            .with_cancellation_token(ends.over.clone())
            // Hosts and origins have been looked at.
            .disable_allowed_hosts();
        Self {
            hosts,
            doorman,
            metadata,
            running: server.running(),
            protocol: StreamableHttpService::new(
                move || Ok(server.clone()),
                Arc::new(NeverSessionManager::default()),
                config,
            ),
            held: Semaphore::new(HELD_KIB),
            ready: AtomicBool::new(false),
            metrics,
            ends: ends.clone(),
        }
    }

    /// From here on, callers can be known.
    pub(super) fn is_ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    /// Answers a request.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let answer = self.route(request).await;
        self.metrics.answered(answer.status());
        answer
    }

    async fn route(&self, request: Request<Incoming>) -> Answer {
        // Probes are sent to the address of a pod, and told nothing else.
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/healthz") => return text(StatusCode::OK, "ok"),
            (&Method::GET, "/readyz") => return self.readiness(),
            _ => {}
        }
        let host = match self.hosts.check(request.uri(), request.headers()) {
            Ok(host) => host.to_owned(),
            Err(stranger) => return text(StatusCode::FORBIDDEN, &stranger.to_string()),
        };
        let path = request.uri().path();
        if path == PATH {
            return self.enter(&host, request).await;
        }
        let described = path.strip_prefix(WELL_KNOWN);
        if described.is_some_and(|rest| rest.is_empty() || rest.ends_with(PATH)) {
            return document(&self.metadata.document(&host));
        }
        text(StatusCode::NOT_FOUND, "the MCP server is at /mcp")
    }

    fn readiness(&self) -> Answer {
        if self.ready.load(Ordering::Relaxed) && !self.ends.stop.is_cancelled() {
            text(StatusCode::OK, "ok")
        } else {
            text(StatusCode::SERVICE_UNAVAILABLE, "not ready")
        }
    }

    async fn enter(&self, host: &str, mut request: Request<Incoming>) -> Answer {
        let caller = match self.doorman.identify(request.headers()).await {
            Ok(caller) => caller,
            Err(denied) => return self.deny(host, &denied),
        };
        forget_token(request.headers_mut());
        let (mut parts, body) = request.into_parts();
        let Ok(_room) = self.held.try_acquire_many(kib(&parts.headers)) else {
            return busy("too many requests are held at the moment");
        };
        let body = match timeout(BODY, Limited::new(body, LONGEST).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return text(StatusCode::PAYLOAD_TOO_LARGE, "a request has at most 2 MiB");
            }
            Ok(Err(_)) => return text(StatusCode::BAD_REQUEST, "the request broke off"),
            Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the request took over 30 s"),
        };
        self.cancel(&caller, &body);
        parts.extensions.insert(caller);
        let request = Request::from_parts(parts, Full::new(body));
        self.protocol.handle(request).await
    }

    /// Without sessions the library does not know which call is meant.
    fn cancel(&self, caller: &Caller, body: &Bytes) {
        if body.len() > LONGEST_NOTE {
            return;
        }
        let note: Option<Note> = serde_json::from_slice(body).ok();
        let note = note.filter(|note| note.method == "notifications/cancelled");
        if let Some(parameters) = note.and_then(|note| note.params) {
            self.running.cancel(&caller.name, &parameters.request_id);
        }
    }

    fn deny(&self, host: &str, denied: &Denied) -> Answer {
        let (status, error) = match denied {
            Denied::Missing => (StatusCode::UNAUTHORIZED, None),
            Denied::Invalid => (StatusCode::UNAUTHORIZED, Some("the token is not valid")),
            Denied::Crowded => return busy(&denied.to_string()),
            Denied::Unknown(_) => {
                let cause = denied.source().map(crate::api::text::chain);
                tracing::warn!(cause, "{denied}");
                let mut answer = text(StatusCode::SERVICE_UNAVAILABLE, &denied.to_string());
                answer.headers_mut().insert(header::RETRY_AFTER, AGAIN);
                return answer;
            }
        };
        let mut answer = text(status, &denied.to_string());
        if let Some(challenge) = self.metadata.challenge(host, error) {
            answer
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        answer
    }
}

/// The room that a request takes: what it announces, else all that it may have.
fn kib(headers: &http::HeaderMap) -> u32 {
    let announced = headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
    let bytes = announced.unwrap_or(LONGEST).min(LONGEST);
    u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX)
}

fn text(status: StatusCode, text: &str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(format!("{text}\n"))).boxed());
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    answer
}

fn busy(reason: &str) -> Answer {
    let mut answer = text(StatusCode::TOO_MANY_REQUESTS, reason);
    answer.headers_mut().insert(header::RETRY_AFTER, AGAIN);
    answer
}

fn document(value: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(json!(value).to_string())).boxed());
    let media = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, media);
    answer
}
