//! An answer on its way to a client that may read slowly: it keeps its permit until it is sent, and has a
//! minute for that. A watch has neither.
//!
//! No body can end itself: nobody asks it for more while its client does not read. So what drives it, a
//! stream of HTTP/2 or a connection of HTTP/1.1, is given up from outside.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    body::{Frame, SizeHint},
    rt::Executor,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::task::TaskTracker;
use tower::BoxError;

use super::body::Body;

/// How long it may take from the head of an answer to the last part of its body.
const TIME: Duration = Duration::from_secs(60);
/// What is handed over at a time, so that the rest waits here for as long as the connection takes no
/// more.
const PART: usize = 16 * 1024;

tokio::task_local! {
    /// When the driver of the current answer is given up.
    static DUE: Due;
}

type Due = watch::Sender<Option<Instant>>;

/// Drives `work`, which answers; none where an answer is not sent in time.
pub(in crate::apiserver) async fn limited<T>(work: impl Future<Output = T>) -> Option<T> {
    let (due, seen) = watch::channel(None);
    tokio::select! {
        done = DUE.scope(due, work) => Some(done),
        () = passed(seen) => None,
    }
}

async fn passed(mut due: watch::Receiver<Option<Instant>>) {
    loop {
        let until = *due.borrow_and_update();
        let changed = due.changed();
        let is_over = match until {
            None => changed.await.is_err(),
            Some(until) => tokio::select! {
                () = sleep_until(until) => return,
                changed = changed => changed.is_err(),
            },
        };
        if is_over {
            // Nothing can be sent any more: the work ends by itself.
            return std::future::pending().await;
        }
    }
}

/// Drives the streams of connections that speak HTTP/2.
#[derive(Clone, Debug)]
pub(in crate::apiserver) struct Streams(pub(in crate::apiserver) TaskTracker);

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, stream: F) {
        self.0.spawn(limited(stream));
    }
}

/// `body`, which has to be sent in time.
pub(in crate::apiserver) fn in_time(body: Body) -> Body {
    let due = DUE.try_with(Clone::clone).ok();
    if let Some(due) = &due {
        due.send_replace(Some(Instant::now() + TIME));
    }
    keeping(body, InTime(due))
}

/// `body`, with what it keeps until it is sent.
pub(in crate::apiserver) fn keeping(body: Body, kept: impl Send + 'static) -> Body {
    let sending = Sending {
        body,
        rest: Bytes::new(),
        _kept: Box::new(kept),
    };
    sending.boxed_unsync()
}

/// Time runs for an answer.
struct InTime(Option<Due>);

impl Drop for InTime {
    fn drop(&mut self) {
        if let Some(due) = &self.0 {
            due.send_replace(None);
        }
    }
}

struct Sending {
    body: Body,
    /// What has come of it and was not yet asked for.
    rest: Bytes,
    _kept: Box<dyn Send>,
}

impl hyper::body::Body for Sending {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = self.rest.len().min(PART);
        let part = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = u64::try_from(self.rest.len()).unwrap_or(u64::MAX);
        let of_body = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower().saturating_add(rest));
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

#[cfg(test)]
mod tests;
