use http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_util::task::TaskTracker;

use super::*;
use crate::apiserver::server::body::full;

/// What a server with `limits` that says `ok` to everything answers to `sent`.
async fn answered(
    limits: Limits,
    is_http2: bool,
    sent: &[u8],
    reading: impl AsyncFnOnce(DuplexStream),
) {
    let (mut client, server) = duplex(4 * 1024 * 1024);
    client.write_all(sent).await.unwrap();
    let service = service_fn(|_| async { Ok::<_, Infallible>(Response::new(full("ok"))) });
    let builder = builder(is_http2, limits, Streams(TaskTracker::new()));
    let served = builder.serve_connection(TokioIo::new(server), service);
    // It ends with an error where it refuses to read on; what counts is what it has answered.
    let (_ended, ()) = tokio::join!(served, reading(client));
}

async fn status(limits: Limits, headers: &str) -> String {
    let request = format!("GET / HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    let mut line = [0; 12];
    answered(limits, false, request.as_bytes(), async |mut client| {
        client.read_exact(&mut line).await.unwrap();
    })
    .await;
    String::from_utf8(line[9..].to_vec()).unwrap()
}

#[tokio::test]
async fn others_may_send_less_than_kube_apiserver() {
    let long = |kib: usize| format!("X-Test: {}\r\n", "x".repeat(kib * 1024));
    let many = |count: usize| "X-Test: x\r\n".repeat(count);
    for (limits, headers, expected) in [
        (OTHERS, long(60), "200"),
        (OTHERS, long(140), "431"),
        (PROXY, long(140), "200"),
        (PROXY, long(1000), "200"),
        (PROXY, long(2100), "431"),
        (OTHERS, many(90), "200"),
        (OTHERS, many(110), "431"),
        (PROXY, many(1900), "200"),
        (PROXY, many(2100), "431"),
    ] {
        let what = format!("{limits:?}: {} bytes", headers.len());
        assert_eq!(status(limits, &headers).await, expected, "{what}");
    }
}

/// The settings that the server announces on HTTP/2, by number.
async fn settings(limits: Limits) -> Vec<(u16, u32)> {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let mut settings = Vec::new();
    answered(limits, true, preface, async |mut client| {
        let mut head = [0; 9];
        client.read_exact(&mut head).await.unwrap();
        assert_eq!(head[3], 4, "a SETTINGS frame is the first");
        let mut body = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
        client.read_exact(&mut body).await.unwrap();
        settings.extend(body.chunks(6).map(|setting| {
            let (number, value) = setting.split_at(2);
            let number = u16::from_be_bytes(number.try_into().unwrap());
            (number, u32::from_be_bytes(value.try_into().unwrap()))
        }));
    })
    .await;
    settings
}

#[tokio::test]
async fn others_have_few_streams() {
    const STREAMS: u16 = 3;
    const HEADERS: u16 = 6;
    for (limits, streams, headers) in [(OTHERS, 16, 64 * 1024), (PROXY, 1000, 1024 * 1024)] {
        let settings = settings(limits).await;
        assert!(settings.contains(&(STREAMS, streams)), "{settings:?}");
        assert!(settings.contains(&(HEADERS, headers)), "{settings:?}");
    }
}
