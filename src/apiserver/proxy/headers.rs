//! Which headers pass, in each direction. Everything that is not named here is dropped.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::rewrite;

/// What kube-apiserver may know of a request. `User-Agent` names the field manager and decides on
/// pretty printing; `Audit-ID` joins the two audit records; the rest of the list is for tracing.
const REQUEST: [HeaderName; 4] = [
    header::USER_AGENT,
    HeaderName::from_static("audit-id"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// What a client may know of an answer. The kube-apiserver in front of this server sets its own
/// `Audit-Id`, `Cache-Control` and `X-Kubernetes-Pf-*`.
const RESPONSE: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::RETRY_AFTER,
    header::VARY,
    header::X_CONTENT_TYPE_OPTIONS,
];

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The headers for kube-apiserver of a request that came from `peer` and whose answer is wanted in `accept`.
pub(super) fn request(came: &HeaderMap, accept: Option<HeaderValue>, peer: IpAddr) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in REQUEST {
        if let Some(value) = came.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    // An absent one stays absent; without this, none would be empty and so be sent.
    if let Some(accept) = accept {
        headers.insert(header::ACCEPT, accept);
    }
    // What is compressed cannot be renamed.
    headers.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );
    let trail: Vec<&str> = came
        .get_all(&FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let peer = peer.to_canonical().to_string();
    let trail = [trail.as_slice(), &[peer.as_str()]].concat().join(", ");
    if let Ok(trail) = HeaderValue::from_str(&trail) {
        headers.insert(FORWARDED_FOR, trail);
    }
    headers
}

/// The headers for the client. `foreign` says that the request was for the stored group.
pub(super) fn response(came: &HeaderMap, foreign: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in RESPONSE {
        for value in came.get_all(&name) {
            headers.append(name.clone(), value.clone());
        }
    }
    for warning in came.get_all(header::WARNING) {
        headers.append(header::WARNING, renamed(warning, foreign));
    }
    headers
}

/// A warning in the words of the group that the client knows. The quoted text escapes only quotes and
/// backslashes, none of which is in a name.
fn renamed(warning: &HeaderValue, foreign: bool) -> HeaderValue {
    let text = String::from_utf8_lossy(warning.as_bytes());
    let renamed = rewrite::rename_text(&text, foreign);
    HeaderValue::from_bytes(renamed.as_bytes()).unwrap_or_else(|_| warning.clone())
}

#[cfg(test)]
mod tests;
