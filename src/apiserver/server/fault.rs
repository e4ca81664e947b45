//! Refusals in the words of Kubernetes: the one place where this server makes a `Status`.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use super::body::{Body, full};
use crate::apiserver::names::GROUP;

/// The largest body of a request, in bytes: what kube-apiserver takes.
pub(in crate::apiserver) const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// How long a client is asked to wait before it tries again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a request is not answered with what it asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::apiserver) enum Fault {
    /// Nobody vouches for who asks.
    #[error("Unauthorized")]
    Unauthorized,
    /// The one who asks may not; the text is complete.
    #[error("{message}")]
    Forbidden {
        /// The plural of what was asked for; empty where it is no object.
        plural: String,
        /// Of the object that was asked for, also where only a selector names it; empty for all.
        name: String,
        message: String,
    },
    /// There is no such path; the answer that kube-apiserver gives to those.
    #[error("404 page not found")]
    NoSuchPath,
    /// There is such a path, but not with this method.
    #[error("the server does not allow this method on the requested resource")]
    MethodNotAllowed,
    /// The verb (of RBAC) is none for the part of an object that the path names.
    #[error("{verb} is not supported on resources of kind \"{plural}.{GROUP}\"")]
    NotSupported {
        /// Such as `delete`.
        verb: &'static str,
        /// Such as `coderworkspaces`.
        plural: &'static str,
    },
    /// None of the media types that are asked for can be made.
    #[error("only the following media types are accepted: {0}")]
    NotAcceptable(String),
    /// What was sent cannot be read.
    #[error("{0}")]
    BadRequest(String),
    /// What was sent is written in a form that is not read here; names those that are.
    #[error("the body of the request was in an unknown format - accepted media types include: {0}")]
    UnsupportedMediaType(String),
    /// More was sent than anybody takes.
    #[error("Request entity too large: limit is {BODY_LIMIT}")]
    TooLarge,
    /// Too much is going on already.
    #[error("too many requests, please try again later")]
    TooManyRequests,
    /// Something here is not as it has to be; the text may be shown.
    #[error("Internal error occurred: {0}")]
    Internal(String),
    /// What stands behind this server cannot be reached now; nothing was changed.
    #[error("{0}")]
    Unavailable(String),
    /// It is not known whether what was asked for has happened.
    #[error("{0}")]
    Timeout(String),
}

impl Fault {
    /// HTTP status and `reason`.
    fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::Forbidden { .. } => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "NotFound"),
            Self::MethodNotAllowed | Self::NotSupported { .. } => {
                (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed")
            }
            Self::NotAcceptable(_) => (StatusCode::NOT_ACCEPTABLE, "NotAcceptable"),
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "BadRequest"),
            Self::UnsupportedMediaType(_) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge"),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
            Self::Timeout(_) => (StatusCode::GATEWAY_TIMEOUT, "Timeout"),
        }
    }

    /// Whether the client should try again by itself.
    fn retry_after(&self) -> Option<u64> {
        let passes = matches!(self, Self::TooManyRequests | Self::Unavailable(_));
        passes.then_some(RETRY_AFTER.as_secs())
    }

    /// The answer.
    pub(in crate::apiserver) fn response(&self) -> Response<Body> {
        let (code, _) = self.kind();
        let (content, text) = if *self == Self::NoSuchPath {
            ("text/plain; charset=utf-8", format!("{self}\n"))
        } else {
            ("application/json", self.status())
        };
        let mut response = Response::new(full(text));
        *response.status_mut() = code;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content));
        self.add_headers(headers);
        response
    }

    fn add_headers(&self, headers: &mut HeaderMap) {
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if matches!(self, Self::Forbidden { .. } | Self::NoSuchPath) {
            let nosniff = HeaderValue::from_static("nosniff");
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
        }
    }

    /// Byte for byte what kube-apiserver writes, so that nobody can tell who refuses.
    fn status(&self) -> String {
        let (code, reason) = self.kind();
        let (plural, name) = if let Self::Forbidden { plural, name, .. } = self {
            (plural.as_str(), name.as_str())
        } else if let Self::NotSupported { plural, .. } = self {
            (*plural, "")
        } else {
            ("", "")
        };
        let details = Details {
            name: some(name),
            group: some(plural).and(Some(GROUP)),
            kind: some(plural),
            retry_after_seconds: self.retry_after(),
        };
        let status = Status {
            kind: "Status",
            api_version: "v1",
            metadata: Metadata {},
            status: "Failure",
            message: self.to_string(),
            reason,
            details: (details != Details::default()).then_some(details),
            code: code.as_u16(),
        };
        as_go_writes(&status) + "\n"
    }
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// A `Status`, its fields in the order in which Kubernetes writes them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of Kubernetes")]
struct Status<'a> {
    kind: &'static str,
    api_version: &'static str,
    metadata: Metadata,
    status: &'static str,
    message: String,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details<'a>>,
    code: u16,
}

#[derive(Debug, Serialize)]
struct Metadata {}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
}

/// `value` in the JSON that Go writes: some characters, which can only stand in texts, are escaped there
/// and nowhere else.
pub(in crate::apiserver) fn as_go_writes(value: &impl Serialize) -> String {
    const ESCAPED: [(char, &str); 5] = [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ];
    // What is written here is texts and numbers, which cannot fail.
    let text = serde_json::to_string(value).unwrap_or_default();
    let escape = |text: String, (letter, escape)| text.replace::<char>(letter, escape);
    ESCAPED.into_iter().fold(text, escape)
}

#[cfg(test)]
mod tests;
