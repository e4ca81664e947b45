//! A document that is made once and sent often.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::Value;
use sha2::{Digest, Sha512};

use crate::apiserver::{
    proxy::negotiate::clauses,
    server::body::{Body, full},
};

/// The media type of most of them.
pub(super) const JSON: &str = "application/json";

/// Its text, its type and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::apiserver) struct Page {
    media: &'static str,
    text: Bytes,
    pub(super) hash: String,
}

impl Page {
    pub(super) fn new(media: &'static str, document: &Value) -> Self {
        let text = Bytes::from(document.to_string());
        let mut hash = String::with_capacity(128);
        for byte in Sha512::digest(&text) {
            // In upper case, as kube-apiserver makes its tags. Writing to a string cannot fail.
            let _ = write!(hash, "{byte:02X}");
        }
        Self { media, text, hash }
    }

    /// The document.
    pub(in crate::apiserver) fn answer(&self) -> Response<Body> {
        let mut response = Response::new(full(self.text.clone()));
        let media = HeaderValue::from_static(self.media);
        response.headers_mut().insert(header::CONTENT_TYPE, media);
        response
    }

    /// The document with a tag, or that the client already has what is tagged so.
    pub(super) fn tagged(&self, asked: &HeaderMap) -> Response<Body> {
        let tag = format!("\"{}\"", self.hash);
        let mut response = self.answer();
        if clauses(asked, &header::IF_NONE_MATCH).any(|known| known == tag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = full(Bytes::new());
        }
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }
}
