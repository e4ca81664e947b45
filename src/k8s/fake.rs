//! An API server for tests: a closure that sees each request and answers it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::body::{Body as AnswerBody, Bytes};
use futures::{StreamExt, stream};
use http::{HeaderMap, Method, Request, Response};
use kube::{
    Client,
    client::{Body, ClientBuilder},
};
use serde_json::{Value, json};
use tower::BoxError;

use super::deadline::{self, DeadlineLayer};

/// What the server saw.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// What the server answers; none is silence.
pub(crate) struct Answer(Option<Response<AnswerBody>>);

/// All that the server saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Seen>>>);

/// A client of a server that answers by `answer`.
pub(crate) fn server(answer: impl Fn(&Seen) -> Answer + Clone + Send + 'static) -> (Client, Log) {
    let log = Log::default();
    let seen_by = log.clone();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (answer, log) = (answer.clone(), seen_by.clone());
        async move {
            let seen = Seen::read(request).await;
            log.0.lock().unwrap().push(seen.clone());
            match answer(&seen).0 {
                Some(response) => Ok::<_, BoxError>(response),
                None => std::future::pending().await,
            }
        }
    });
    let client = ClientBuilder::new(service, "default")
        .with_layer(&DeadlineLayer::new(deadline::CALL))
        .build();
    (client, log)
}

impl Log {
    pub(crate) fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    /// The only request there was.
    pub(crate) fn only(&self) -> Seen {
        let seen = self.all();
        assert_eq!(seen.len(), 1, "{seen:#?}");
        seen[0].clone()
    }
}

impl Seen {
    async fn read(request: Request<Body>) -> Self {
        let (head, body) = request.into_parts();
        let body = body.collect_bytes().await.unwrap();
        let query = head.uri.query().unwrap_or_default();
        Self {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            headers: head.headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    pub(crate) fn is_watch(&self) -> bool {
        self.parameter("watch") == Some("true")
    }
}

impl Answer {
    pub(crate) fn json(code: u16, body: &Value) -> Self {
        Self::new(code, AnswerBody::from(body.to_string()))
    }

    pub(crate) fn text(code: u16, text: &'static str) -> Self {
        Self::new(code, AnswerBody::from(text))
    }

    /// No answer at all.
    pub(crate) fn never() -> Self {
        Self(None)
    }

    /// A watch that sends these events and then ends.
    pub(crate) fn events(events: &[Value]) -> Self {
        Self::new(200, AnswerBody::from(lines(events)))
    }

    /// A watch that sends these events and then stays open, silent.
    pub(crate) fn open_events(events: &[Value]) -> Self {
        let first = Ok::<_, BoxError>(Bytes::from(lines(events)));
        let body = stream::iter([first]).chain(stream::pending());
        Self::new(200, AnswerBody::from_stream(body))
    }

    fn new(code: u16, body: AnswerBody) -> Self {
        let response = Response::builder().status(code).body(body).unwrap();
        Self(Some(response))
    }
}

fn lines(events: &[Value]) -> String {
    let lines: Vec<String> = events.iter().map(ToString::to_string).collect();
    lines.join("\n") + "\n"
}

/// A refusal in the server's form.
pub(crate) fn status(code: u16, reason: &str, message: &str, details: &Value) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "details": details, "code": code,
    })
}

/// The server's answer for an object that does not exist.
pub(crate) fn not_found(name: &str) -> Value {
    status(
        404,
        "NotFound",
        &format!("coderworkspaces.coder.com \"{name}\" not found"),
        &json!({"name": name, "group": "coder.com", "kind": "coderworkspaces"}),
    )
}
