//! Which reads are sent again, when, and that writes are not.

use tokio::time::Instant;

use super::*;
use crate::coderd::Limits;

fn limited(seconds: &'static str) -> Step {
    let body = r#"{"message":"You've been rate limited"}"#;
    Step::Reply(429, vec![("retry-after", seconds)], body.to_owned())
}

#[tokio::test(start_paused = true)]
async fn passing_faults_of_a_read_are_overcome() {
    for fault in [
        refused,
        reset,
        || truncated(200),
        || reply(502, "bad gateway"),
        || reply(503, ""),
        || message(500, "An internal error occurred.", "connection refused"),
        || limited("1"),
    ] {
        let fake = Fake::new([fault(), fault(), reply(200, ORGANIZATION)]);
        let begin = Instant::now();
        fake.client().organization("coder").await.unwrap();
        assert_eq!(fake.count(), 3);
        let elapsed = begin.elapsed();
        assert!(elapsed >= Duration::from_millis(600), "{elapsed:?}");
        assert!(elapsed < Duration::from_secs(4), "{elapsed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_is_given_up_after_three_attempts() {
    let fake = Fake::new([reset(), reset(), reply(503, "last")]);
    let error = fake.client().organization("coder").await.unwrap_err();
    assert_eq!(error.refusal().unwrap().message, "last");
}

#[tokio::test(start_paused = true)]
async fn lasting_faults_of_a_read_are_told_at_once() {
    for fault in [
        message(400, "no", ""),
        message(403, "no", ""),
        message(404, "no", ""),
        message(409, "no", ""),
        message(410, "no", ""),
        message(500, "no", "unauthorized: rbac: forbidden"),
        reply(200, "not JSON"),
    ] {
        let fake = Fake::new([fault]);
        fake.client().organization("coder").await.unwrap_err();
        assert_eq!(fake.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_within_the_deadline() {
    let fake = Fake::new([limited("7"), reply(200, ORGANIZATION)]);
    let begin = Instant::now();
    fake.client().organization("coder").await.unwrap();
    assert!(begin.elapsed() >= Duration::from_secs(7));

    // coderd always says 60 s, which no call of 30 s can wait for.
    let fake = Fake::new([limited("60")]);
    let begin = Instant::now();
    let error = fake.client().organization("coder").await.unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(1));
    assert!(error.is_rate_limited());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
}

#[tokio::test(start_paused = true)]
async fn a_limited_write_tells_the_wait() {
    let fake = Fake::new([limited("3")]);
    let error = fake.client().upload_tar(Bytes::new()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    assert!(!error.may_have_arrived());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_covers_all_attempts() {
    let fake = Fake::new([reset(), Step::Hang]);
    let begin = Instant::now();
    let error = fake.client().organization("coder").await.unwrap_err();
    assert_eq!(begin.elapsed().as_secs(), 30);
    assert!(error.is_unavailable());
    assert_eq!(fake.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_number_of_attempts_is_a_limit() {
    for attempts in [0, 1] {
        let fake = Fake::new([reset()]);
        let client = fake.connect(builder().limits(Limits {
            attempts,
            ..Limits::default()
        }));
        client.organization("coder").await.unwrap_err();
    }
}

/// The pauses of three calls that meet one fault each.
async fn pauses(seed: u64) -> Vec<Duration> {
    let fake = Fake::new((0..3).flat_map(|_| [reset(), reply(200, ORGANIZATION)]));
    let client = fake.connect(builder().seed(seed));
    let mut pauses = Vec::new();
    for _ in 0..3 {
        let begin = Instant::now();
        client.organization("coder").await.unwrap();
        pauses.push(begin.elapsed());
    }
    pauses
}

#[tokio::test(start_paused = true)]
async fn pauses_differ_but_repeat_with_the_seed() {
    let first = pauses(1).await;
    assert!(first[0] != first[1] && first[1] != first[2], "{first:?}");
    assert_eq!(first, pauses(1).await);
    assert_ne!(first, pauses(2).await);
}
