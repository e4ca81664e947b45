//! Bodies of answers: whole ones and streams, of one type.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use tower::BoxError;

/// The body of an answer.
pub(in crate::apiserver) type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A body that is there as a whole.
pub(in crate::apiserver) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

/// A body that has yet to come.
pub(in crate::apiserver) fn coming(body: Incoming) -> Body {
    body.map_err(|error: hyper::Error| -> BoxError { error.into() })
        .boxed_unsync()
}
