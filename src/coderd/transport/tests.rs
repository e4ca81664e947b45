//! The production service against sockets on loopback that misbehave.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// Answers each connection with the given bytes after having read a request, then closes it.
async fn listen(answer: &'static [u8]) -> (BaseUrl, impl Future<Output = usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = BaseUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let serve = async move {
        let mut connections = 0;
        // Long enough for a client that would connect again.
        while let Ok(Ok((mut socket, _))) =
            tokio::time::timeout(Duration::from_millis(200), listener.accept()).await
        {
            connections += 1;
            let mut buffer = [0; 4096];
            let _read = socket.read(&mut buffer).await.unwrap();
            // The client may have had enough before the end.
            socket.write_all(answer).await.ok();
        }
        connections
    };
    (base, serve)
}

async fn send(base: &BaseUrl, limit: usize) -> Result<Response<Bytes>, TransportError> {
    let client = reqwest_client(base, &Limits::default()).unwrap();
    let url = base.join(["x"]).unwrap().url;
    let request = Request::builder()
        .method("POST")
        .uri(url.as_str())
        .extension(ReplyLimit(limit))
        .body(Bytes::from("body"))
        .unwrap();
    exchange(client, request).await
}

#[tokio::test]
async fn faults_are_told_apart_and_nothing_is_sent_twice() {
    for (answer, kind, delivery) in [
        (&b""[..], "interrupted", Delivery::Possible),
        (b"nonsense\r\n\r\n", "interrupted", Delivery::Possible),
        (
            b"HTTP/1.1 201 Created\r\ncontent-length: 9\r\n\r\nhalf",
            "truncated",
            Delivery::Possible,
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            "truncated",
            Delivery::Possible,
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12345",
            "too_large",
            Delivery::Possible,
        ),
    ] {
        let (base, serve) = listen(answer).await;
        let (outcome, connections) = tokio::join!(send(&base, 4), serve);
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.kind(), error.delivery()),
            (kind, delivery),
            "{error:?}"
        );
        assert_eq!(connections, 1, "{kind}");
    }
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    let (base, serve) = listen(b"").await;
    drop(serve);
    let error = send(&base, 4).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        ("connect", Delivery::NotSent),
        "{error:?}"
    );
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let answer = b"HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n";
    let (base, serve) = listen(answer).await;
    let (outcome, connections) = tokio::join!(send(&base, 4), serve);
    assert_eq!(outcome.unwrap().status(), 302);
    assert_eq!(connections, 1);
}

#[tokio::test]
async fn a_refusal_counts_even_if_its_words_are_endless() {
    let mut answer = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 1000000\r\n\r\n".to_vec();
    answer.resize(900_000, b'x');
    let (base, serve) = listen(answer.leak()).await;
    let (outcome, _) = tokio::join!(send(&base, 4), serve);
    let reply = outcome.unwrap();
    assert_eq!(reply.status(), 502);
    assert!(
        reply.body().len() < 2 * MAX_REFUSAL_BYTES,
        "{}",
        reply.body().len()
    );
}

#[tokio::test]
async fn a_whole_reply_is_handed_over() {
    let answer = b"HTTP/1.1 404 Not Found\r\ndate: now\r\ncontent-length: 4\r\n\r\n1234";
    let (base, serve) = listen(answer).await;
    let (outcome, _) = tokio::join!(send(&base, 4), serve);
    let reply = outcome.unwrap();
    assert_eq!(
        (reply.status().as_u16(), &reply.body()[..]),
        (404, &b"1234"[..])
    );
    assert_eq!(reply.headers()["date"], "now");
}

#[test]
fn encrypted_connections_can_be_set_up() {
    let base = BaseUrl::parse("https://coder.test").unwrap();
    // A machine without root certificates says so; it does not panic.
    if let Err(error) = reqwest_client(&base, &Limits::default()) {
        assert!(error.is_builder(), "{error:?}");
    }
}
