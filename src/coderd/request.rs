//! One request before it is sent: a route, what fills it, and a body.
//!
//! The path is made from the route's template, so the label of metrics and the path on the wire
//! cannot disagree.

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Method, Uri, header};
use serde::Serialize;

use super::{base_url::BaseUrl, transport::TransportError};

/// Which call an error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The HTTP method.
    pub method: Method,
    /// The route's template below `/api/v2`, like `/workspaces/{id}`: few values, fit for metrics.
    pub route: &'static str,
    /// The path below `/api/v2`, percent-encoded, without the query.
    pub path: String,
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

/// A request as a resource's file writes it down.
#[derive(Debug)]
pub(super) struct Request {
    method: Method,
    route: &'static str,
    values: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Body,
    /// Sent with the session token.
    pub(super) authenticated: bool,
    /// A file goes up or down: the longer deadline holds.
    pub(super) transfer: bool,
    /// A smaller bound of the reply than the client's, in bytes.
    pub(super) reply_limit: Option<usize>,
}

#[derive(Debug)]
enum Body {
    Empty,
    Json(Result<Bytes, serde_json::Error>),
    Tar(Bytes),
}

/// A request whose address and body are complete; only the token is missing.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) uri: Uri,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) body: Bytes,
}

impl Request {
    /// A request with the parts of `route` in braces still to be filled, in order, by `with`.
    pub(super) fn new(method: Method, route: &'static str) -> Self {
        Self {
            method,
            route,
            values: Vec::new(),
            query: Vec::new(),
            body: Body::Empty,
            authenticated: true,
            transfer: false,
            reply_limit: None,
        }
    }

    pub(super) fn get(route: &'static str) -> Self {
        Self::new(Method::GET, route)
    }

    pub(super) fn post(route: &'static str) -> Self {
        Self::new(Method::POST, route)
    }

    pub(super) fn put(route: &'static str) -> Self {
        Self::new(Method::PUT, route)
    }

    pub(super) fn patch(route: &'static str) -> Self {
        Self::new(Method::PATCH, route)
    }

    pub(super) fn delete(route: &'static str) -> Self {
        Self::new(Method::DELETE, route)
    }

    /// Fills the next part of the route that is in braces.
    pub(super) fn with(mut self, value: &(impl ToString + ?Sized)) -> Self {
        self.values.push(value.to_string());
        self
    }

    pub(super) fn query(mut self, name: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(super) fn json(mut self, body: &impl Serialize) -> Self {
        self.body = Body::Json(serde_json::to_vec(body).map(Bytes::from));
        self
    }

    pub(super) fn tar(mut self, body: Bytes) -> Self {
        self.body = Body::Tar(body);
        self.transfer = true;
        self
    }

    pub(super) fn without_token(mut self) -> Self {
        self.authenticated = false;
        self
    }

    pub(super) fn download(mut self, limit: usize) -> Self {
        self.transfer = true;
        self.reply_limit = Some(limit);
        self
    }

    /// Only reads may be sent again.
    pub(super) fn is_read(&self) -> bool {
        self.method == Method::GET
    }

    /// Completes the address. The call is returned in any case, for the error.
    pub(super) fn prepare(self, base: &BaseUrl) -> (Call, Result<Prepared, TransportError>) {
        let mut values = self.values.iter();
        let segments: Option<Vec<&str>> = self
            .route
            .split('/')
            .skip(1)
            .map(|part| match part.strip_prefix('{') {
                Some(_) => values.next().map(String::as_str),
                None => Some(part),
            })
            .collect();
        let address = segments.and_then(|segments| base.join(segments));
        let path = address
            .as_ref()
            .map_or(self.route, |address| &address.path)
            .to_owned();
        let call = Call {
            method: self.method,
            route: self.route,
            path,
        };
        let Some(mut address) = address else {
            let problem = format!("a value of {} cannot be part of a path", call.route);
            return (call, Err(TransportError::Unsendable(problem.into())));
        };
        if !self.query.is_empty() {
            address.url.query_pairs_mut().extend_pairs(self.query);
        }
        let prepared = Uri::try_from(address.url.as_str())
            .map_err(|error| TransportError::Unsendable(error.into()))
            .and_then(|uri| {
                let (content_type, body) = self.body.encode()?;
                Ok(Prepared {
                    uri,
                    content_type,
                    body,
                })
            });
        (call, prepared)
    }
}

impl Body {
    fn encode(self) -> Result<(Option<HeaderValue>, Bytes), TransportError> {
        let (content_type, body) = match self {
            Self::Empty => return Ok((None, Bytes::new())),
            Self::Json(body) => (
                "application/json",
                body.map_err(|error| TransportError::Unsendable(error.into()))?,
            ),
            // coderd refuses any parameter after the type.
            Self::Tar(body) => ("application/x-tar", body),
        };
        Ok((Some(HeaderValue::from_static(content_type)), body))
    }
}

impl Prepared {
    /// The request itself, once more for each attempt.
    pub(super) fn to_http(&self, method: &Method) -> http::Request<Bytes> {
        let mut request = http::Request::new(self.body.clone());
        *request.method_mut() = method.clone();
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("coder-k8s/", env!("CARGO_PKG_VERSION"))),
        );
        if let Some(content_type) = &self.content_type {
            headers.insert(header::CONTENT_TYPE, content_type.clone());
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_filled_in_order() {
        let base = BaseUrl::parse("http://coder/prefix").unwrap();
        let request = Request::get("/users/{user}/workspace/{name}")
            .with("a b")
            .with(&7)
            .query("q", "deleted:true ids:1");
        let (call, prepared) = request.prepare(&base);
        assert_eq!(call.to_string(), "GET /users/a%20b/workspace/7");
        assert_eq!(
            prepared.unwrap().uri.to_string(),
            "http://coder/prefix/api/v2/users/a%20b/workspace/7?q=deleted%3Atrue+ids%3A1"
        );
    }

    #[test]
    fn names_that_would_reach_another_route_are_not_sent() {
        let base = BaseUrl::parse("http://coder").unwrap();
        for name in ["", ".", ".."] {
            let (call, prepared) = Request::get("/users/{user}").with(name).prepare(&base);
            assert_eq!(call.to_string(), "GET /users/{user}");
            assert!(matches!(prepared, Err(TransportError::Unsendable(_))));
        }
        // One value too few is a mistake in this crate.
        let (_, prepared) = Request::get("/users/{user}").prepare(&base);
        assert!(prepared.is_err());
    }
}
