//! The whole client against a fake service, on tokio's paused clock.

mod call;
mod limit;
mod retry;
mod secrecy;
mod token;
mod verdict;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tower::service_fn;

use super::{BaseUrl, Client, ClientBuilder, TokenSource, TransportError};

/// What the fake does with one request.
#[derive(Debug)]
pub(super) enum Step {
    /// Replies with status, headers and body.
    Reply(u16, Vec<(&'static str, &'static str)>, String),
    /// Fails.
    Fail(TransportError),
    /// Never answers.
    Hang,
}

/// A service that follows a script and keeps what it was sent.
#[derive(Clone, Default)]
pub(super) struct Fake {
    script: Arc<Mutex<VecDeque<Step>>>,
    seen: Arc<Mutex<Vec<Request<Bytes>>>>,
}

impl Fake {
    pub(super) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let fake = Self::default();
        fake.script.lock().unwrap().extend(steps);
        fake
    }

    pub(super) fn client(&self) -> Client {
        self.connect(builder())
    }

    pub(super) fn connect(&self, builder: ClientBuilder) -> Client {
        let fake = self.clone();
        builder.with_service(service_fn(move |request| fake.clone().serve(request)))
    }

    async fn serve(self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.seen.lock().unwrap().push(request);
        // A little time passes, so that elapsed times are not all zero.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let step = self.script.lock().unwrap().pop_front();
        match step.expect("more requests than steps") {
            Step::Reply(status, headers, body) => {
                let mut reply = Response::builder().status(status);
                for (name, value) in headers {
                    reply = reply.header(name, value);
                }
                Ok(reply.body(Bytes::from(body)).unwrap())
            }
            Step::Fail(error) => Err(error),
            Step::Hang => std::future::pending().await,
        }
    }

    /// The requests so far.
    pub(super) fn seen(&self) -> Vec<Request<Bytes>> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

pub(super) fn builder() -> ClientBuilder {
    let base = BaseUrl::parse("http://coder.test/prefix/").unwrap();
    Client::builder(base, TokenSource::Fixed("canary-token".into()))
}

pub(super) fn reply(status: u16, body: &str) -> Step {
    Step::Reply(
        status,
        vec![("date", "Sat, 21 Nov 2026 12:24:07 GMT")],
        body.to_owned(),
    )
}

pub(super) fn message(status: u16, message: &str, detail: &str) -> Step {
    reply(
        status,
        &serde_json::json!({ "message": message, "detail": detail }).to_string(),
    )
}

pub(super) fn refused() -> Step {
    Step::Fail(TransportError::Connect("connection refused".into()))
}

pub(super) fn reset() -> Step {
    Step::Fail(TransportError::Interrupted("connection reset".into()))
}

pub(super) fn truncated(status: u16) -> Step {
    let status = StatusCode::from_u16(status).unwrap();
    Step::Fail(TransportError::Truncated {
        status,
        source: "unexpected end".into(),
    })
}

/// A body that `Client::organization` can read.
pub(super) const ORGANIZATION: &str =
    r#"{"id":"9f0c1e2a-0000-4000-8000-000000000001","name":"coder","is_default":true}"#;
