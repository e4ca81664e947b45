use futures::StreamExt;
use http_body_util::BodyExt;
use tokio::time::Instant;

use crate::k8s::fake::{Answer, server};

use super::*;

fn request(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::empty()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn silence_ends_at_the_limit() {
    let (client, _) = server(|_| Answer::never());
    let begun = Instant::now();
    let error = client.send(request("/api")).await.unwrap_err();
    assert_eq!(begun.elapsed(), CALL);
    assert!(
        error.to_string().contains("no complete answer within 30 s"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_ends_at_the_limit_too() {
    let (client, _) = server(|_| Answer::open_events(&[]));
    let begun = Instant::now();
    client.send(request("/api?watch=false")).await.unwrap_err();
    assert_eq!(begun.elapsed(), CALL);
}

#[tokio::test(start_paused = true)]
async fn a_watch_may_be_silent_for_long() {
    let (client, _) = server(|_| Answer::open_events(&[]));
    for uri in ["/api?watch=true", "/api?x=1&watch=1", "/log?follow=true"] {
        let answer = client.send(request(uri)).await.unwrap();
        let mut frames = answer.into_body().into_data_stream();
        let silence =
            tokio::time::timeout(CALL * 10, async { while frames.next().await.is_some() {} });
        assert!(silence.await.is_err(), "{uri}");
    }
}

#[tokio::test]
async fn an_answer_in_time_is_left_as_it_is() {
    let (client, _) = server(|_| Answer::text(418, "short and stout"));
    let answer = client.send(request("/api")).await.unwrap();
    assert_eq!(answer.status(), 418);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "short and stout");
}
