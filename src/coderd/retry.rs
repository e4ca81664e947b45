//! When a read is sent again, and after which pause.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use backon::ExponentialBuilder;

use super::error::Error;

/// The first pause; each next one is twice as long, and up to as much again is added at random.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The randomness of pauses, from a seed: a simulation sees the same pauses again.
#[derive(Debug)]
pub(super) struct Jitter(Mutex<fastrand::Rng>);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// The pauses of one call that may be sent `attempts` times.
    pub(super) fn pauses(&self, attempts: usize) -> ExponentialBuilder {
        let seed = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .u64(..);
        ExponentialBuilder::new()
            .with_min_delay(FIRST_PAUSE)
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(attempts.saturating_sub(1))
            .with_jitter()
            .with_jitter_seed(seed)
    }
}

/// The pause after an error. None: give up now, the call would not end in its time.
pub(super) fn pause(
    error: &Error,
    planned: Option<Duration>,
    remaining: Duration,
) -> Option<Duration> {
    let pause = planned?.saturating_add(error.retry_after().unwrap_or_default());
    Some(pause).filter(|pause| *pause < remaining)
}
