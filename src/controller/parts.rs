//! The parts of something that runs: one that panics is started again, and keeps none of the others from working.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::FutureExt as _;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

/// The shortest wait before a part that panicked is started again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest one. A part that worked for so long begins anew with the shortest.
const LAST_PAUSE: Duration = Duration::from_secs(60);

type Part = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Parts that run until `stop`.
pub(super) struct Parts {
    stop: CancellationToken,
    running: JoinSet<()>,
    jitter: Arc<Mutex<fastrand::Rng>>,
}

impl Parts {
    /// None yet; pauses jitter from `seed` on.
    pub(super) fn new(stop: CancellationToken, seed: u64) -> Self {
        Self {
            stop,
            running: JoinSet::new(),
            jitter: Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))),
        }
    }

    /// Starts a part that may be dropped at any await.
    pub(super) fn droppable<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        name: &'static str,
        begin: impl Fn() -> F + Send + Sync + 'static,
    ) {
        self.orderly(name, move |stop| {
            let part = begin();
            async move {
                stop.run_until_cancelled(part).await;
            }
        });
    }

    /// Starts a part that ends by itself at `stop`.
    pub(super) fn orderly<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        name: &'static str,
        begin: impl Fn(CancellationToken) -> F + Send + Sync + 'static,
    ) {
        let (stop, jitter) = (self.stop.clone(), Arc::clone(&self.jitter));
        let begin = move |stop| -> Part { Box::pin(begin(stop)) };
        self.running.spawn(restarted(name, begin, stop, jitter));
    }

    /// Waits until all have ended.
    pub(super) async fn run(mut self) {
        while self.running.join_next().await.is_some() {}
    }
}

/// Runs the part, again and again if it panics.
async fn restarted(
    name: &'static str,
    begin: impl Fn(CancellationToken) -> Part,
    stop: CancellationToken,
    jitter: Arc<Mutex<fastrand::Rng>>,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = Instant::now();
        // What it shared is guarded by locks that outlive a panic, and is of use to nobody half changed.
        let part = AssertUnwindSafe(async { begin(stop.clone()).await });
        if part.catch_unwind().await.is_ok() {
            return;
        }
        if begun.elapsed() > LAST_PAUSE {
            pause = FIRST_PAUSE;
        }
        let jittered = {
            let mut jitter = jitter.lock().unwrap_or_else(PoisonError::into_inner);
            pause.mul_f64(1.0 + jitter.f64() / 4.0)
        };
        tracing::error!(part = name, pause = ?jittered, "a part panicked, which is a defect; it is started again");
        if stop.run_until_cancelled(sleep(jittered)).await.is_none() {
            return;
        }
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_part_that_panics_is_started_again_later_and_later_beside_the_others() {
        let (begun, worked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let stop = CancellationToken::new();
        let mut parts = Parts::new(stop.clone(), 1);
        let counted = Arc::clone(&begun);
        parts.droppable("broken", move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async { panic!("broken") }
        });
        let counted = Arc::clone(&worked);
        parts.droppable("sound", move || {
            let counted = Arc::clone(&counted);
            async move {
                loop {
                    sleep(Duration::from_secs(1)).await;
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let mut run = JoinSet::new();
        run.spawn(parts.run());
        sleep(Duration::from_millis(3_900)).await;
        // At 0, after 1 and after 2 more seconds, each a little later.
        assert_eq!(begun.load(Ordering::Relaxed), 3);
        sleep(Duration::from_secs(600)).await;
        let begun = begun.load(Ordering::Relaxed);
        assert!((12..=16).contains(&begun), "{begun}");
        assert!(worked.load(Ordering::Relaxed) > 590);
        stop.cancel();
        run.join_next().await.unwrap().unwrap();
    }
}
