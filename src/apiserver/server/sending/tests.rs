use std::{convert::Infallible, sync::Arc};

use http::{Request, Response};
use http_body_util::{Empty, StreamBody};
use hyper::{
    body::{Body as _, Incoming},
    client,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{DuplexStream, duplex},
    sync::Semaphore,
    task::JoinSet,
};

use super::*;
use crate::apiserver::server::body::full;

/// More than any buffer on the way takes.
const LARGE: usize = 4 * 1024 * 1024;

/// One permit, which every answer keeps.
struct Play {
    permits: Arc<Semaphore>,
    tasks: JoinSet<()>,
}

impl Play {
    fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(1)),
            tasks: JoinSet::new(),
        }
    }

    /// Serves a connection; its other end.
    fn serve(&mut self, is_http2: bool) -> DuplexStream {
        let (near, far) = duplex(64 * 1024);
        let permits = Arc::clone(&self.permits);
        let service = service_fn(move |_: Request<Incoming>| {
            let permit = Arc::clone(&permits).try_acquire_owned().unwrap();
            let body = keeping(full(vec![b'x'; LARGE]), permit);
            async move { Ok::<_, Infallible>(Response::new(in_time(body))) }
        });
        self.tasks.spawn(async move {
            let mut builder = auto::Builder::new(Streams(TaskTracker::new()));
            builder.http2().max_send_buf_size(64 * 1024);
            let builder = if is_http2 {
                builder.http2_only()
            } else {
                builder.http1_only()
            };
            limited(builder.serve_connection(TokioIo::new(far), service)).await;
        });
        near
    }

    /// Asks by a new connection; the body of the answer, unread.
    async fn ask(&mut self, is_http2: bool) -> Incoming {
        let connection = TokioIo::new(self.serve(is_http2));
        let request = Request::new(Empty::<Bytes>::new());
        let answer = if is_http2 {
            let (mut sender, driver) =
                client::conn::http2::handshake(TokioExecutor::new(), connection)
                    .await
                    .unwrap();
            self.tasks
                .spawn(async move { driver.await.unwrap_or_default() });
            sender.send_request(request).await
        } else {
            let (mut sender, driver) = client::conn::http1::handshake(connection).await.unwrap();
            self.tasks
                .spawn(async move { driver.await.unwrap_or_default() });
            sender.send_request(request).await
        };
        answer.unwrap().into_body()
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_keeps_its_permit_until_it_is_sent() {
    for is_http2 in [true, false] {
        let mut play = Play::new();
        let mut body = play.ask(is_http2).await;
        body.frame().await.unwrap().unwrap();
        tokio::time::sleep(TIME / 2).await;
        assert_eq!(play.permits.available_permits(), 0, "HTTP/2: {is_http2}");
        let rest = body.collect().await.unwrap().to_bytes();
        assert!(rest.len() > LARGE / 2);
        let _place = play.permits.acquire().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_in_time_gets_no_more_and_makes_room() {
    for is_http2 in [true, false] {
        let mut play = Play::new();
        let asked = Instant::now();
        let body = play.ask(is_http2).await;
        let permit = tokio::time::timeout(TIME * 2, play.permits.acquire()).await;
        let permit = permit.unwrap().unwrap();
        assert!(asked.elapsed() >= TIME, "HTTP/2: {is_http2}");
        drop(permit);
        body.collect().await.unwrap_err();
    }
}

#[tokio::test(start_paused = true)]
async fn time_does_not_run_where_nothing_is_sent() {
    let done = limited(async {
        drop(in_time(full("x")));
        tokio::time::sleep(TIME * 3).await;
        "done"
    });
    assert_eq!(done.await, Some("done"));
}

#[tokio::test]
async fn a_body_in_parts_says_what_the_whole_one_says() {
    let frames = ["", "a", &"b".repeat(3 * PART)].map(str::to_owned);
    let whole = frames.concat();
    let frames = frames.map(|data| Ok(Frame::data(Bytes::from(data))));
    let mut body = keeping(
        StreamBody::new(futures::stream::iter(frames)).boxed_unsync(),
        (),
    );
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        assert!(data.len() <= PART);
        read.extend_from_slice(&data);
    }
    assert_eq!(read, whole.as_bytes());

    let mut body = keeping(full(vec![0; PART + 1]), ());
    assert_eq!(body.size_hint().exact(), Some(16 * 1024 + 1));
    body.frame().await.unwrap().unwrap();
    assert_eq!(body.size_hint().exact(), Some(1));
    assert!(!body.is_end_stream());
    body.frame().await.unwrap().unwrap();
    assert!(body.is_end_stream());
}
