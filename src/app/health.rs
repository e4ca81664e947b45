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
mod tests {
    use http_body_util::BodyExt;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        time::advance,
    };
    use tower::ServiceExt;

    use super::*;

    async fn ask(health: &Health, path: &str) -> (u16, String) {
        let request = http::Request::get(path)
            .body(axum::body::Body::empty())
            .unwrap();
        let response = health.clone().router().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn health() -> Health {
        Health::new(CancellationToken::new())
    }

    #[tokio::test]
    async fn a_part_is_not_ready_until_it_says_so() {
        let health = health();
        let controller = health.readiness("controller");
        let starting = "[-]controller failed: starting\ncheck failed\n";
        assert_eq!(ask(&health, "/readyz").await, (503, starting.to_owned()));

        controller.send(Ok(())).unwrap();
        assert_eq!(ask(&health, "/readyz").await, (200, "ok".to_owned()));

        controller
            .send(Err("coderd cannot be reached".to_owned()))
            .unwrap();
        let (status, text) = ask(&health, "/readyz").await;
        assert_eq!(status, 503);
        assert!(text.contains("coderd cannot be reached"), "{text}");
    }

    #[tokio::test]
    async fn one_part_that_is_not_ready_is_enough_and_all_are_listed() {
        let health = health();
        let one = health.readiness("one");
        let _two = health.readiness("two");
        one.send(Ok(())).unwrap();
        let listing = "[+]one ok\n[-]two failed: starting\ncheck failed\n";
        assert_eq!(ask(&health, "/readyz").await, (503, listing.to_owned()));
    }

    #[tokio::test]
    async fn a_part_whose_handle_is_gone_is_not_ready() {
        let health = health();
        let controller = health.readiness("controller");
        controller.send(Ok(())).unwrap();
        drop(controller);
        let ended = "[-]controller failed: ended\ncheck failed\n";
        assert_eq!(ask(&health, "/readyz").await, (503, ended.to_owned()));
    }

    #[tokio::test]
    async fn a_process_that_stops_is_alive_but_not_ready() {
        let stop = CancellationToken::new();
        let health = Health::new(stop.clone());
        assert_eq!(ask(&health, "/readyz").await.0, 200);
        stop.cancel();
        let stopping = "[-]process failed: stopping\ncheck failed\n";
        assert_eq!(ask(&health, "/readyz").await, (503, stopping.to_owned()));
        assert_eq!(ask(&health, "/healthz").await, (200, "ok".to_owned()));
    }

    #[tokio::test]
    async fn readiness_is_not_asked_for_liveness() {
        let health = health();
        let _controller = health.readiness("controller");
        assert_eq!(ask(&health, "/healthz").await, (200, "ok".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_part_makes_the_process_unhealthy_until_it_speaks() {
        let health = health();
        let sweeps = health.heartbeat("sweeps", Duration::from_secs(60));
        advance(Duration::from_secs(60)).await;
        assert_eq!(ask(&health, "/healthz").await.0, 200);
        advance(Duration::from_secs(1)).await;
        let silent = "[-]sweeps failed: no sign of life for 61 s, at most 60 s are normal\n\
                      check failed\n";
        assert_eq!(ask(&health, "/healthz").await, (503, silent.to_owned()));
        sweeps.send(Instant::now()).unwrap();
        assert_eq!(ask(&health, "/healthz").await.0, 200);
    }

    #[tokio::test]
    async fn verbose_lists_what_passed() {
        let health = health();
        let controller = health.readiness("controller");
        controller.send(Ok(())).unwrap();
        let listing = "[+]controller ok\ncheck passed\n";
        for path in ["/readyz?verbose", "/readyz?a=b&verbose=true"] {
            assert_eq!(ask(&health, path).await, (200, listing.to_owned()));
        }
    }

    #[tokio::test]
    async fn probes_are_answered_over_a_real_port() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let health = health();
        let _controller = health.readiness("controller");
        let client = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = b"GET /readyz HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let answer = tokio::select! {
            ended = health.serve(listener) => panic!("the server ended: {ended:?}"),
            answer = client => answer,
        };
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(
            answer.contains("[-]controller failed: starting"),
            "{answer}"
        );
    }
}
