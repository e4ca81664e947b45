//! The lines of an answer that goes on, such as a watch.

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream::BoxStream};
use http_body_util::BodyExt;
use kube::client::Body;

use super::failure::Failure;
use crate::api::text::chain;

/// Far above the metadata of any object.
const LONGEST: usize = 4 * 1024 * 1024;

/// Lines, one after the other.
pub(super) struct Lines {
    parts: BoxStream<'static, Result<Bytes, kube::Error>>,
    held: BytesMut,
}

impl Lines {
    /// The lines of `body`.
    pub(super) fn new(body: Body) -> Self {
        Self {
            parts: body.into_data_stream().boxed(),
            held: BytesMut::new(),
        }
    }

    /// The next line; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.held) {
                return Ok(Some(self.held.split_to(end + 1).freeze()));
            }
            if self.held.len() > LONGEST {
                return Err(Failure::NoAnswer("a line of a watch has no end".to_owned()));
            }
            match self.parts.next().await {
                Some(Ok(part)) => self.held.extend_from_slice(&part),
                Some(Err(error)) => return Err(Failure::NoAnswer(chain(&error))),
                None => return Ok(None),
            }
        }
    }
}
