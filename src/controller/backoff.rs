//! When an object is looked at again that could not be brought into order.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::key::Key;

/// The shortest wait after a failure.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// The longest one.
const LAST_DELAY: Duration = Duration::from_secs(60);

/// Which objects could not be brought into order, and for how long.
#[derive(Debug)]
pub(super) struct Backoff {
    failing: Mutex<HashMap<Key, Failing>>,
    jitter: Mutex<fastrand::Rng>,
}

#[derive(Debug, Default)]
struct Failing {
    /// Failures in a row.
    failures: u32,
    /// Since when coderd could not be seen, or did not do its part.
    unseen_since: Option<Instant>,
}

impl Backoff {
    /// Jitter begins at `seed`.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            failing: Mutex::default(),
            jitter: Mutex::new(fastrand::Rng::with_seed(seed)),
        }
    }

    /// For how long coderd has not been seen for the object, or not done its part: from now on, if it
    /// was before.
    pub(super) fn unseen_for(&self, key: &Key) -> Duration {
        let mut failing = self.lock();
        let known = failing.entry(key.clone()).or_default();
        known
            .unseen_since
            .get_or_insert_with(Instant::now)
            .elapsed()
    }

    /// The objects for which coderd has not been seen since.
    pub(super) fn unseen(&self) -> Vec<Key> {
        let failing = self.lock();
        let unseen = failing
            .iter()
            .filter(|(_, known)| known.unseen_since.is_some());
        unseen.map(|(key, _)| key.clone()).collect()
    }

    /// How long to wait after another failure: doubling up to `longest`, with jitter, never less than
    /// `asked`. What many are asked for at once comes spread out.
    pub(super) fn failed(
        &self,
        key: &Key,
        asked: Option<Duration>,
        longest: Option<Duration>,
    ) -> Duration {
        let mut failing = self.lock();
        let known = failing.entry(key.clone()).or_default();
        let doubled = FIRST_DELAY.saturating_mul(1 << known.failures.min(10));
        known.failures = known.failures.saturating_add(1);
        let jitter = self.jitter();
        doubled
            .min(longest.unwrap_or(LAST_DELAY))
            .min(LAST_DELAY)
            .mul_f64(1.0 + jitter / 4.0)
            .max(asked.unwrap_or_default().mul_f64(1.0 + jitter / 2.0))
    }

    /// The last look went well, or there is nothing left to look at.
    pub(super) fn went_well(&self, key: &Key) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Failing>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn jitter(&self) -> f64 {
        let mut jitter = self.jitter.lock().unwrap_or_else(PoisonError::into_inner);
        jitter.f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::k8s::object;

    fn key(number: usize) -> Key {
        let name = format!("acme.ann.w{number}");
        Key::Workspace(object::Key::new("coder", name))
    }

    #[test]
    fn who_is_asked_to_wait_comes_later_and_not_all_at_once() {
        let backoff = Backoff::new(1);
        let asked = Duration::from_secs(60);
        let waits: Vec<_> = (0..128)
            .map(|number| backoff.failed(&key(number), Some(asked), None))
            .collect();
        assert!(waits.iter().all(|wait| *wait >= asked));
        for part in 0..10 {
            let from = asked + asked / 20 * part;
            let in_part = waits
                .iter()
                .filter(|wait| (from..from + asked / 20).contains(*wait));
            let count = in_part.count();
            assert!((1..32).contains(&count), "{count} at {from:?}");
        }
    }

    #[test]
    fn failures_wait_longer_and_longer_but_no_longer_than_said() {
        let backoff = Backoff::new(1);
        let mut last = Duration::ZERO;
        for _ in 0..4 {
            let wait = backoff.failed(&key(0), None, None);
            assert!(wait > last);
            last = wait;
        }
        let longest = Duration::from_secs(2);
        let wait = backoff.failed(&key(0), None, Some(longest));
        assert!(wait >= longest && wait <= longest * 5 / 4, "{wait:?}");
        let asked = Duration::from_secs(30);
        assert!(backoff.failed(&key(0), Some(asked), Some(longest)) >= asked);
    }
}
