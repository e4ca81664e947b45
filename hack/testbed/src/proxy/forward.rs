//! Passes a request on to coderd, and its reply back.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    HeaderMap, Response, StatusCode,
    body::{Body, Frame},
    header::{
        CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER,
        TRANSFER_ENCODING, UPGRADE,
    },
    http::request::Parts,
};

use super::Answer;

/// An error that ends a reply early.
pub(super) type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// A reply, streamed or made here.
pub(super) type Reply = Response<UnsyncBoxBody<Bytes, BodyError>>;

/// Headers that belong to one connection only.
const OF_CONNECTION: [HeaderName; 5] = [
    CONNECTION,
    HOST,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// Sends the request to coderd.
pub(super) async fn forward(
    client: &reqwest::Client,
    upstream: &str,
    head: &Parts,
    body: Bytes,
) -> Result<Response<reqwest::Body>, reqwest::Error> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = without_connection(&head.headers);
    headers.remove(CONTENT_LENGTH);
    let request = client
        .request(head.method.clone(), format!("{upstream}{path}"))
        .headers(headers)
        .body(body);
    Ok(request.send().await?.into())
}

/// Passes the reply on as it comes.
pub(super) fn stream(reply: Response<reqwest::Body>) -> Reply {
    let (mut head, body) = reply.into_parts();
    head.headers = without_connection(&head.headers);
    let body = body.map_err(BodyError::from).boxed_unsync();
    Response::from_parts(head, body)
}

/// Reads the whole reply before the client hears of it.
pub(super) async fn collect(
    reply: Response<reqwest::Body>,
) -> Result<Response<Bytes>, reqwest::Error> {
    let (mut head, body) = reply.into_parts();
    head.headers = without_connection(&head.headers);
    let body = body.collect().await?.to_bytes();
    Ok(Response::from_parts(head, body))
}

/// A collected reply, whole.
pub(super) fn whole(reply: Response<Bytes>) -> Reply {
    reply.map(full)
}

/// A collected reply with another body.
pub(super) fn with_body(mut reply: Response<Bytes>, body: &str) -> Reply {
    reply.headers_mut().remove(CONTENT_LENGTH);
    let body = Bytes::copy_from_slice(body.as_bytes());
    reply.map(|_| full(body))
}

/// A collected reply that ends half-way, with the length of the whole.
pub(super) fn truncated(mut reply: Response<Bytes>) -> Reply {
    let length = HeaderValue::from(reply.body().len());
    reply.headers_mut().insert(CONTENT_LENGTH, length);
    reply.map(|body| {
        let half = body.slice(..body.len() / 2);
        Cut {
            left: Some(half),
            flushed: false,
        }
        .boxed_unsync()
    })
}

/// A reply made here.
pub(super) fn answer(answer: &Answer) -> Reply {
    let mut reply = Response::new(full(Bytes::copy_from_slice(answer.body.as_bytes())));
    *reply.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = reply.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    if let Some(seconds) = answer.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    reply
}

fn full(body: Bytes) -> UnsyncBoxBody<Bytes, BodyError> {
    Full::new(body)
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

fn without_connection(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in OF_CONNECTION {
        headers.remove(name);
    }
    headers
}

/// A body that breaks off after its first part.
struct Cut {
    left: Option<Bytes>,
    flushed: bool,
}

impl Body for Cut {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(part) = self.left.take() {
            return Poll::Ready(Some(Ok(Frame::data(part))));
        }
        if !self.flushed {
            // One turn without news makes the server send the first part.
            self.flushed = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err("cut off on purpose".into())))
    }
}
