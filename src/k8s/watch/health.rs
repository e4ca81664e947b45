//! How a watch is doing, for readiness and for the log.

use std::time::Duration;

use tokio::{
    sync::watch::{Receiver, Sender, channel},
    time::Instant,
};

use super::{
    Options,
    source::{Failure, Watched},
};

/// How a watch is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Everything that existed has been reported at least once.
    pub synced: bool,
    /// When the server last answered as it should.
    pub last_success: Option<Instant>,
    /// How many failures in a row there have been since.
    pub failures: u32,
    /// The first and the last of them.
    pub failing: Option<(Instant, Instant)>,
    /// The last one was that there is no such kind.
    pub missing: bool,
}

/// A watch that has failed again and again for so long is down.
const LONG: Duration = Duration::from_secs(90);

impl Health {
    /// Whether the watch has failed for long. One that was opened again and is silent has not.
    #[must_use]
    pub fn is_down(&self) -> bool {
        let failing_for = |(first, last): (Instant, Instant)| last.duration_since(first);
        self.failing.is_some_and(|span| failing_for(span) >= LONG)
    }
}

/// Keeps a watch's health, and logs when it changes.
#[derive(Debug)]
pub(super) struct Monitor {
    health: Sender<Health>,
    kind: String,
    namespace: String,
}

impl Monitor {
    pub(super) fn new<K: Watched>(options: &Options) -> (Self, Receiver<Health>) {
        let (health, receiver) = channel(Health::default());
        let monitor = Self {
            health,
            kind: K::kind(&()).into_owned(),
            namespace: options.namespace.clone().unwrap_or_default(),
        };
        (monitor, receiver)
    }

    pub(super) fn succeeded(&self, listed: bool) {
        let now = Instant::now();
        self.health.send_modify(|health| {
            if health.failures > 0 {
                tracing::info!(
                    kind = %self.kind,
                    namespace = %self.namespace,
                    failures = health.failures,
                    "the watch is well again"
                );
            }
            *health = Health {
                synced: health.synced || listed,
                last_success: Some(now),
                failures: 0,
                failing: None,
                missing: false,
            };
        });
    }

    /// Logs the first failures in a row, then fewer and fewer.
    pub(super) fn failed(&self, failure: &Failure) {
        self.health.send_modify(|health| {
            let now = Instant::now();
            let (first, _) = health.failing.unwrap_or((now, now));
            health.failing = Some((first, now));
            health.missing = failure.is_missing_kind();
            health.failures = health.failures.saturating_add(1);
            if health.failures.is_power_of_two() {
                tracing::warn!(
                    kind = %self.kind,
                    namespace = %self.namespace,
                    failures = health.failures,
                    error = failure as &dyn std::error::Error,
                    "a watch failed and will be tried again"
                );
            }
        });
    }
}
