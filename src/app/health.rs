//! `/healthz` and `/readyz`: what the parts say of themselves, and nothing kinder.
//!
//! A part that never speaks is not ready, and one whose handle is gone has ended: silence is never
//! taken for health. Reading never waits for a part.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

/// What a part says of itself: ready, or why not. Made of words of the standard library, so that
/// lower layers can speak it without knowing this module.
pub type Readiness = Result<(), String>;

/// The checks behind both paths; a cheap handle.
#[derive(Clone, Debug)]
pub struct Health {
    stop: CancellationToken,
    checks: Arc<Mutex<Vec<Check>>>,
}

#[derive(Debug)]
struct Check {
    name: &'static str,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// Counts for `/readyz`.
    Ready(watch::Receiver<Readiness>),
    /// Counts for `/healthz`: the last sign of life, and how long one lasts.
    Alive(watch::Receiver<Instant>, Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Alive,
    Ready,
}

impl Health {
    /// No checks yet; not ready any more once `stop` is cancelled.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            stop,
            checks: Arc::default(),
        }
    }

    /// A check for `/readyz`, not ready until something else is sent.
    #[must_use]
    pub fn readiness(&self, name: &'static str) -> watch::Sender<Readiness> {
        let (send, receive) = watch::channel(Err("starting".to_owned()));
        self.add(name, Source::Ready(receive));
        send
    }

    /// A check for `/healthz`: a sign of life has to be sent at least every `limit`, else the
    /// kubelet restarts the process. The first `limit` runs from now.
    #[must_use]
    pub fn heartbeat(&self, name: &'static str, limit: Duration) -> watch::Sender<Instant> {
        let (send, receive) = watch::channel(Instant::now());
        self.add(name, Source::Alive(receive, limit));
        send
    }

    fn add(&self, name: &'static str, source: Source) {
        self.checks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Check { name, source });
    }

    /// Answers probes on `listener` for ever.
    pub async fn serve(self, listener: TcpListener) -> std::io::Result<()> {
        axum::serve(listener, self.router()).await
    }

    fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(alive))
            .route("/readyz", get(ready))
            .with_state(self)
    }

    /// Each check that the question is about, with its verdict.
    fn verdicts(&self, question: Question) -> Vec<(&'static str, Readiness)> {
        let mut verdicts = Vec::new();
        if question == Question::Ready && self.stop.is_cancelled() {
            verdicts.push(("process", Err("stopping".to_owned())));
        }
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.extend(checks.iter().filter_map(|check| {
            let verdict = match (&check.source, question) {
                (Source::Ready(said), Question::Ready) => said_ready(said),
                (Source::Alive(sign, limit), Question::Alive) => still_alive(sign, *limit),
                (Source::Ready(_), Question::Alive) | (Source::Alive(..), Question::Ready) => {
                    return None;
                }
            };
            Some((check.name, verdict))
        }));
        verdicts
    }

    fn answer(&self, question: Question, query: Option<&str>) -> Response {
        let verbose = query.is_some_and(|query| {
            query
                .split('&')
                .any(|pair| pair == "verbose" || pair.starts_with("verbose="))
        });
        let verdicts = self.verdicts(question);
        if verdicts.iter().any(|(_, verdict)| verdict.is_err()) {
            (
                StatusCode::SERVICE_UNAVAILABLE,
                listing(&verdicts, "failed"),
            )
                .into_response()
        } else if verbose {
            listing(&verdicts, "passed").into_response()
        } else {
            "ok".into_response()
        }
    }
}

async fn alive(State(health): State<Health>, RawQuery(query): RawQuery) -> Response {
    health.answer(Question::Alive, query.as_deref())
}

async fn ready(State(health): State<Health>, RawQuery(query): RawQuery) -> Response {
    health.answer(Question::Ready, query.as_deref())
}

fn said_ready(said: &watch::Receiver<Readiness>) -> Readiness {
    said.has_changed().map_err(|_| "ended".to_owned())?;
    said.borrow().clone()
}

fn still_alive(sign: &watch::Receiver<Instant>, limit: Duration) -> Readiness {
    let silent = sign.borrow().elapsed();
    if silent <= limit {
        return Ok(());
    }
    Err(format!(
        "no sign of life for {} s, at most {} s are normal",
        silent.as_secs(),
        limit.as_secs()
    ))
}

/// One line a check, in the form that kube-apiserver uses.
fn listing(verdicts: &[(&'static str, Readiness)], summary: &str) -> String {
    let mut text = String::new();
    for (name, verdict) in verdicts {
        // Writing to a string cannot fail.
        let _ = match verdict {
            Ok(()) => writeln!(text, "[+]{name} ok"),
            Err(reason) => writeln!(text, "[-]{name} failed: {reason}"),
        };
    }
    let _ = writeln!(text, "check {summary}");
    text
}

#[cfg(test)]
mod tests;
