use std::{convert::Infallible, future::pending, io};

use tokio::time::{Instant, sleep};

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

fn supervisor() -> (Supervisor, CancellationToken) {
    let stop = CancellationToken::new();
    (Supervisor::new(stop.clone()), stop)
}

async fn until(stop: CancellationToken) -> Result<(), Infallible> {
    stop.cancelled().await;
    Ok(())
}

async fn after(seconds: u64) -> Result<(), Infallible> {
    sleep(Duration::from_secs(seconds)).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn parts_that_end_when_asked_are_no_failure() {
    let (mut supervisor, stop) = supervisor();
    supervisor.part("one", until(stop.clone()));
    supervisor.part("two", until(stop.clone()));
    supervisor.service("probes", pending::<Result<(), Infallible>>());
    stop.cancel();
    assert!(supervisor.run(PATIENCE).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn services_live_until_the_last_part_has_ended() {
    let (mut supervisor, stop) = supervisor();
    let (alive, watched) = tokio::sync::oneshot::channel::<()>();
    supervisor.part("slow", after(5));
    supervisor.service("probes", async move {
        let _alive = alive;
        pending::<Result<(), Infallible>>().await
    });
    stop.cancel();
    let begun = Instant::now();
    let (ended, dropped_after) = tokio::join!(supervisor.run(PATIENCE), async {
        let _ = watched.await;
        begun.elapsed()
    });
    assert!(ended.is_ok());
    assert_eq!(dropped_after, Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_unasked_takes_the_others_down() {
    let (mut supervisor, stop) = supervisor();
    supervisor.part("short", after(1));
    supervisor.part("long", until(stop.clone()));
    let failure = supervisor.run(PATIENCE).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "short ended although it was not asked to"
    );
    assert!(stop.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_takes_the_parts_down() {
    let (mut supervisor, stop) = supervisor();
    supervisor.part("long", until(stop.clone()));
    supervisor.service("probes", async { Err(io::Error::other("no more files")) });
    let failure = supervisor.run(PATIENCE).await.unwrap_err();
    assert_eq!(failure.to_string(), "probes failed");
    assert_eq!(
        failure.source().map(ToString::to_string).as_deref(),
        Some("no more files")
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_reported_with_its_text() {
    let (mut supervisor, stop) = supervisor();
    supervisor.part("long", until(stop));
    supervisor.part("wild", async {
        after(1).await?;
        let left = std::process::id();
        assert!(left == 0, "{} left", 7);
        Ok::<_, Infallible>(())
    });
    let failure = supervisor.run(PATIENCE).await.unwrap_err();
    assert_eq!(failure.to_string(), "wild panicked: 7 left");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_end_is_named_after_the_deadline() {
    let (mut supervisor, stop) = supervisor();
    supervisor.part("deaf", pending::<Result<(), Infallible>>());
    supervisor.part("slow", after(60));
    supervisor.part("polite", until(stop.clone()));
    supervisor.service("probes", pending::<Result<(), Infallible>>());
    stop.cancel();
    let begun = Instant::now();
    let failure = supervisor.run(PATIENCE).await.unwrap_err();
    assert_eq!(begun.elapsed(), PATIENCE);
    assert_eq!(failure.to_string(), "deaf, slow did not end within 10s");
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_is_the_one_that_counts() {
    let (mut supervisor, _stop) = supervisor();
    supervisor.part("short", after(1));
    supervisor.part("deaf", pending::<Result<(), Infallible>>());
    let failure = supervisor.run(PATIENCE).await.unwrap_err();
    assert!(
        matches!(failure, Failure::Ended { name: "short" }),
        "{failure}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_while_stopping_is_a_failure_too() {
    let (mut supervisor, stop) = supervisor();
    supervisor.part("messy", {
        let stop = stop.clone();
        async move {
            stop.cancelled().await;
            Err("lease not released")
        }
    });
    stop.cancel();
    let failure = supervisor.run(PATIENCE).await.unwrap_err();
    assert_eq!(failure.to_string(), "messy failed");
}
