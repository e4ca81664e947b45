//! How long a watch waits after a failure: longer each time, and from the start again once it has
//! been well for a while. Success alone does not count: a list that succeeds before each watch that
//! fails would keep the wait short for ever.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::{Instant, sleep};

/// The first wait; jitter adds up to as much again.
pub(super) const FIRST: Duration = Duration::from_millis(800);
/// The longest wait; with jitter at most 30 s.
pub(super) const LONGEST: Duration = Duration::from_secs(15);
/// After so long without a failure the waits begin anew.
pub(super) const QUIET: Duration = Duration::from_secs(60);

pub(super) struct Backoff {
    seeds: fastrand::Rng,
    waits: ExponentialBackoff,
    last_failure: Option<Instant>,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        let mut seeds = fastrand::Rng::with_seed(seed);
        Self {
            waits: waits(seeds.u64(..)),
            seeds,
            last_failure: None,
        }
    }

    /// Waits as long as this failure, right now, deserves.
    pub(super) async fn pause(&mut self) {
        let wait = self.next(Instant::now());
        sleep(wait).await;
    }

    fn next(&mut self, now: Instant) -> Duration {
        let last = self.last_failure.replace(now);
        if last.is_some_and(|last| now.duration_since(last) > LONGEST * 2 + QUIET) {
            self.waits = waits(self.seeds.u64(..));
        }
        self.waits.next().unwrap_or(LONGEST)
    }
}

fn waits(seed: u64) -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(FIRST)
        .with_max_delay(LONGEST)
        .with_factor(2.0)
        .without_max_times()
        .with_jitter()
        .with_jitter_seed(seed)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_grow_to_thirty_seconds_and_shrink_after_quiet() {
        let mut backoff = Backoff::new(7);
        let mut base = FIRST;
        for _ in 0..12 {
            let wait = backoff.next(Instant::now());
            assert!(wait >= base && wait <= base * 2, "{wait:?} for {base:?}");
            base = (base * 2).min(LONGEST);
            tokio::time::advance(wait).await;
        }
        tokio::time::advance(LONGEST * 2 + QUIET).await;
        assert!(backoff.next(Instant::now()) <= FIRST * 2);
    }

    #[test]
    fn the_same_seed_gives_the_same_waits() {
        let now = Instant::now();
        let mut first = Backoff::new(1);
        let mut again = Backoff::new(1);
        let mut other = Backoff::new(2);
        let waits = |backoff: &mut Backoff| [(); 5].map(|()| backoff.next(now));
        let expected = waits(&mut first);
        assert_eq!(waits(&mut again), expected);
        assert_ne!(waits(&mut other), expected);
    }
}
