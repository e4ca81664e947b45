use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::advance,
};
use tower::ServiceExt;

use super::*;

async fn ask(health: &Health, path: &str) -> (u16, String) {
    let request = http::Request::get(path)
        .body(axum::body::Body::empty())
        .unwrap();
    let response = health.clone().router().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn health() -> Health {
    Health::new(CancellationToken::new())
}

#[tokio::test]
async fn a_part_is_not_ready_until_it_says_so() {
    let health = health();
    let controller = health.readiness("controller");
    let starting = "[-]controller failed: starting\ncheck failed\n";
    assert_eq!(ask(&health, "/readyz").await, (503, starting.to_owned()));

    controller.send(Ok(())).unwrap();
    assert_eq!(ask(&health, "/readyz").await, (200, "ok".to_owned()));

    controller
        .send(Err("coderd cannot be reached".to_owned()))
        .unwrap();
    let (status, text) = ask(&health, "/readyz").await;
    assert_eq!(status, 503);
    assert!(text.contains("coderd cannot be reached"), "{text}");
}

#[tokio::test]
async fn one_part_that_is_not_ready_is_enough_and_all_are_listed() {
    let health = health();
    let one = health.readiness("one");
    let _two = health.readiness("two");
    one.send(Ok(())).unwrap();
    let listing = "[+]one ok\n[-]two failed: starting\ncheck failed\n";
    assert_eq!(ask(&health, "/readyz").await, (503, listing.to_owned()));
}

#[tokio::test]
async fn a_part_whose_handle_is_gone_is_not_ready() {
    let health = health();
    let controller = health.readiness("controller");
    controller.send(Ok(())).unwrap();
    drop(controller);
    let ended = "[-]controller failed: ended\ncheck failed\n";
    assert_eq!(ask(&health, "/readyz").await, (503, ended.to_owned()));
}

#[tokio::test]
async fn a_process_that_stops_is_alive_but_not_ready() {
    let stop = CancellationToken::new();
    let health = Health::new(stop.clone());
    assert_eq!(ask(&health, "/readyz").await.0, 200);
    stop.cancel();
    let stopping = "[-]process failed: stopping\ncheck failed\n";
    assert_eq!(ask(&health, "/readyz").await, (503, stopping.to_owned()));
    assert_eq!(ask(&health, "/healthz").await, (200, "ok".to_owned()));
}

#[tokio::test]
async fn readiness_is_not_asked_for_liveness() {
    let health = health();
    let _controller = health.readiness("controller");
    assert_eq!(ask(&health, "/healthz").await, (200, "ok".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_silent_part_makes_the_process_unhealthy_until_it_speaks() {
    let health = health();
    let sweeps = health.heartbeat("sweeps", Duration::from_secs(60));
    advance(Duration::from_secs(60)).await;
    assert_eq!(ask(&health, "/healthz").await.0, 200);
    advance(Duration::from_secs(1)).await;
    let silent = "[-]sweeps failed: no sign of life for 61 s, at most 60 s are normal\n\
                  check failed\n";
    assert_eq!(ask(&health, "/healthz").await, (503, silent.to_owned()));
    sweeps.send(Instant::now()).unwrap();
    assert_eq!(ask(&health, "/healthz").await.0, 200);
}

#[tokio::test]
async fn verbose_lists_what_passed() {
    let health = health();
    let controller = health.readiness("controller");
    controller.send(Ok(())).unwrap();
    let listing = "[+]controller ok\ncheck passed\n";
    for path in ["/readyz?verbose", "/readyz?a=b&verbose=true"] {
        assert_eq!(ask(&health, path).await, (200, listing.to_owned()));
    }
}

#[tokio::test]
async fn probes_are_answered_over_a_real_port() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let health = health();
    let _controller = health.readiness("controller");
    let client = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET /readyz HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = tokio::select! {
        ended = health.serve(listener) => panic!("the server ended: {ended:?}"),
        answer = client => answer,
    };
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(
        answer.contains("[-]controller failed: starting"),
        "{answer}"
    );
}
