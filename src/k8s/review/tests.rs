use std::{
    collections::VecDeque,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::k8s::fake::{Answer, Log, Seen, server, status};

const SECRET: &str = "s3cr3t";

/// What these answers, one after the other, lead to; the last answer stays.
async fn ask(answers: Vec<fn() -> Answer>) -> (Result<Value, ReviewError>, Log, Duration) {
    let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
    let (client, log) = server(move |_: &Seen| {
        let mut answers = answers.lock().unwrap();
        let answer = if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().copied()
        };
        answer.unwrap()()
    });
    let reviewer = Reviewer::new(client, Review::Token, 1);
    let begin = Instant::now();
    let spec = json!({"token": SECRET});
    let answer = reviewer.in_time(reviewer.ask::<_, Value>(&spec)).await;
    (answer, log, begin.elapsed())
}

fn good() -> Answer {
    Answer::json(
        201,
        &json!({"spec": {"token": SECRET}, "status": {"yes": true}}),
    )
}

#[tokio::test(start_paused = true)]
async fn the_question_is_a_whole_object() {
    let (answer, log, _) = ask(vec![good]).await;
    assert_eq!(answer.unwrap(), json!({"yes": true}));
    let seen = log.only();
    assert_eq!(seen.method, http::Method::POST);
    assert_eq!(seen.path, "/apis/authentication.k8s.io/v1/tokenreviews");
    assert_eq!(seen.header("content-type"), "application/json");
    let expected = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "spec": {"token": SECRET}});
    assert_eq!(seen.body, expected);
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_asked_again() {
    for (failure, requests) in [
        ((|| Answer::text(500, "x")) as fn() -> Answer, 2),
        (|| Answer::text(503, "x"), 2),
        (|| Answer::text(504, "x"), 2),
        (|| Answer::text(429, "x"), 2),
        (|| Answer::text(403, "x"), 1),
        (|| Answer::text(401, "x"), 1),
        (|| Answer::text(404, "x"), 1),
        (|| Answer::text(200, "no JSON"), 1),
        (|| Answer::json(200, &json!({"spec": {}})), 1),
    ] {
        let (answer, log, _) = ask(vec![failure, good]).await;
        assert_eq!(log.all().len(), requests);
        assert_eq!(answer.is_ok(), requests == 2);
    }
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_after_five_attempts_or_ten_seconds() {
    let (answer, log, took) = ask(vec![|| Answer::text(503, "x")]).await;
    assert!(matches!(answer, Err(ReviewError::Refused { code, .. }) if code == 503));
    assert_eq!(log.all().len(), 5);
    assert!(
        took >= Duration::from_secs(4) && took < DEADLINE,
        "{took:?}"
    );
    let (answer, log, took) = ask(vec![Answer::never]).await;
    assert!(matches!(answer, Err(ReviewError::Late(Review::Token))));
    assert_eq!((log.all().len(), took), (1, DEADLINE));
}

#[tokio::test(start_paused = true)]
async fn no_failure_tells_the_question() {
    for failure in [
        (|| {
            Answer::json(
                422,
                &status(422, "Invalid", SECRET, &json!({"name": SECRET})),
            )
        }) as fn() -> Answer,
        || Answer::text(403, SECRET),
        || Answer::text(200, SECRET),
        || Answer::json(200, &json!({"spec": {"token": [SECRET]}, "stat": 1})),
        Answer::never,
    ] {
        let error = ask(vec![failure]).await.0.unwrap_err();
        let mut texts = format!("{error:?}");
        let mut cause: Option<&dyn Error> = Some(&error);
        while let Some(error) = cause {
            texts += &error.to_string();
            cause = error.source();
        }
        assert!(!texts.contains(SECRET), "{texts}");
    }
    let forbidden = ask(vec![|| Answer::text(403, "x")]).await.0.unwrap_err();
    assert_eq!(
        forbidden.to_string(),
        "kube-apiserver answered 403 Forbidden to a TokenReview: give this ServiceAccount the right to create \
         tokenreviews.authentication.k8s.io"
    );
}

#[tokio::test(start_paused = true)]
async fn only_so_many_are_under_way() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    let (client, _) = server(move |_: &Seen| {
        count.fetch_add(1, Ordering::Relaxed);
        Answer::never()
    });
    let reviewer = Reviewer::new(client, Review::SubjectAccess, 1);
    let spec = json!({});
    let questions = (0..CONCURRENCY * 2).map(|_| reviewer.in_time(reviewer.ask::<_, Value>(&spec)));
    let answers = join_all(questions).await;
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Err(ReviewError::Late(_))))
    );
    assert_eq!(seen.load(Ordering::Relaxed), CONCURRENCY);
}
