//! The bounds that clones share, and what observers are told.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use tokio::time::Instant;
use uuid::Uuid;

use super::*;
use crate::coderd::{Error, Limits, RequestOutcome, RequestResult};

#[tokio::test(start_paused = true)]
async fn clones_share_the_limit_of_requests_in_flight() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (inside, peak) = (Arc::clone(&now), Arc::clone(&most));
    let client = builder().with_service(service_fn(move |_: Request<Bytes>| {
        let (inside, peak) = (Arc::clone(&inside), Arc::clone(&peak));
        async move {
            peak.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            inside.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, TransportError>(Response::new(Bytes::from(ORGANIZATION)))
        }
    }));
    let begin = Instant::now();
    let calls = (0..20).map(|_| {
        let client = client.clone();
        async move { client.organization("coder").await.unwrap() }
    });
    join_all(calls).await;
    assert_eq!(most.load(Ordering::SeqCst), 8);
    assert_eq!(begin.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_gives_its_slot_back() {
    let fake = Fake::new([Step::Hang, reply(200, ORGANIZATION)]);
    let client = fake.connect(builder().limits(Limits {
        in_flight: 1,
        ..Limits::default()
    }));
    let hanging = client.organization("coder");
    tokio::time::timeout(Duration::from_secs(1), hanging)
        .await
        .unwrap_err();
    client.organization("coder").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn transfers_have_their_own_deadline() {
    let fake = Fake::new([Step::Hang, Step::Hang]);
    let client = fake.client();
    let begin = Instant::now();
    client.upload_tar(Bytes::new()).await.unwrap_err();
    assert_eq!(begin.elapsed().as_secs(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_reply_above_the_bound_is_refused_whatever_the_service_does() {
    let fake = Fake::new([reply(200, "12345"), reply(200, "1234")]);
    let client = fake.client();
    let error = client.file(Uuid::nil(), 4).await.unwrap_err();
    assert!(matches!(
        error,
        Error::Transport {
            source: TransportError::TooLarge { limit: 4, .. },
            ..
        }
    ));
    assert_eq!(client.file(Uuid::nil(), 4).await.unwrap(), "1234");
    // The bound is for what was asked for, not for the words of a refusal.
    let fake = Fake::new([message(404, "Resource not found", "")]);
    assert!(
        fake.client()
            .file(Uuid::nil(), 4)
            .await
            .unwrap_err()
            .is_not_found()
    );
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_observed() {
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&outcomes);
    let fake = Fake::new([reset(), reply(200, ORGANIZATION)]);
    let client = fake.connect(builder().observer(move |outcome: &RequestOutcome| {
        kept.lock().unwrap().push(outcome.clone());
    }));
    client.organization("coder").await.unwrap();
    let outcomes = outcomes.lock().unwrap().clone();
    let results: Vec<_> = outcomes.iter().map(|outcome| outcome.result).collect();
    assert_eq!(
        results,
        [
            RequestResult::Failed("interrupted"),
            RequestResult::Status(StatusCode::OK)
        ]
    );
    for outcome in outcomes {
        assert_eq!(outcome.route, "/organizations/{organization}");
        assert_eq!(outcome.elapsed, Duration::from_millis(1));
    }
}
