//! One request, one answer: sends what kube has built and sorts what comes back.
//!
//! kube's own calls hide three things that we decide by: whether an apply created (201) or changed
//! (200), whether a 404 is a `Status` at all, and answers that are cut down by the `Accept` header.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use kube::{
    Client, Resource,
    core::{Status, request},
};
use serde::de::DeserializeOwned;

use super::error::{Action, Cause, Error, Target};
use crate::api::text::shortened;

/// Asks for an object's metadata only.
const METADATA_ONLY: HeaderValue =
    HeaderValue::from_static("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");

/// How much of an answer that is no `Status` is kept.
const OPAQUE_TEXT_LIMIT: usize = 512;

/// A call that is about to be made.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) action: Action,
    pub(super) target: Target,
}

/// A good answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) code: StatusCode,
    /// The server's clock, in whole seconds.
    pub(super) at: Option<Timestamp>,
    body: Bytes,
}

/// What kube's request builder returns.
pub(super) type Built = Result<Request<Vec<u8>>, request::Error>;

impl Call {
    pub(super) fn new(action: Action, target: Target) -> Self {
        Self { action, target }
    }

    /// Sends `request` once.
    pub(super) async fn send(&self, client: &Client, request: Built) -> Result<Reply, Error> {
        let request = request.map_err(|error| self.failed(Cause::Build(error)))?;
        self.exchange(client, request)
            .await
            .map_err(|cause| self.failed(cause))
    }

    async fn exchange(&self, client: &Client, request: Request<Vec<u8>>) -> Result<Reply, Cause> {
        let response = client
            .send(request.map(Into::into))
            .await
            .map_err(Cause::NoAnswer)?;
        let code = response.status();
        let at = date(response.headers());
        let body = response.into_body().collect_bytes().await;
        let body = body.map_err(Cause::NoAnswer)?;
        if code.is_success() {
            Ok(Reply { code, at, body })
        } else {
            Err(refusal(code, &body))
        }
    }

    /// Reads `reply` as a `T`.
    pub(super) fn read<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T, Error> {
        serde_json::from_slice(&reply.body).map_err(|error| self.failed(Cause::Unreadable(error)))
    }

    pub(super) fn failed(&self, cause: Cause) -> Error {
        Error::new(self.action, self.target.clone(), cause)
    }
}

/// The builder of requests to the objects of kind `K` in `namespace`.
///
/// Names come from people and from coderd: one that could mean another path is refused.
pub(super) fn requests<K: Resource<DynamicType = ()>>(
    target: &Target,
) -> Result<kube::core::Request, request::Error> {
    for part in target.namespace.iter().chain([&target.name]) {
        let legal =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        if part.is_empty() || part.contains("..") || !part.bytes().all(legal) {
            return Err(request::Error::Validation(format!(
                "{part:?} is not a name"
            )));
        }
    }
    let path = K::url_path(&(), target.namespace.as_deref());
    Ok(kube::core::Request::new(path))
}

/// `request`, answered with metadata only: an object may be a megabyte.
pub(super) fn metadata_only(request: Built) -> Built {
    let mut request = request?;
    request.headers_mut().insert(header::ACCEPT, METADATA_ONLY);
    Ok(request)
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    DateTimeParser::new().parse_timestamp(text).ok()
}

/// What a failure says. Any JSON object would pass for kube's lenient `Status`: only what calls
/// itself one is one.
fn refusal(code: StatusCode, body: &[u8]) -> Cause {
    #[derive(serde::Deserialize)]
    struct Kind {
        kind: String,
    }
    let is_status = serde_json::from_slice::<Kind>(body).is_ok_and(|body| body.kind == "Status");
    match serde_json::from_slice::<Status>(body) {
        Ok(status) if is_status => Cause::Refused(status.with_code(code.as_u16()).boxed()),
        Ok(_) | Err(_) => Cause::Opaque {
            code: code.as_u16(),
            text: beginning(body),
        },
    }
}

fn beginning(body: &[u8]) -> String {
    shortened(String::from_utf8_lossy(body).trim(), OPAQUE_TEXT_LIMIT)
}
