//! When to look again at a template version that is being imported.
//!
//! The schedule is a function of the time since the import began and of nothing else: that time is
//! in the object's status, so a controller that restarts goes on where the last one stopped.

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::api::go_duration;

const TIMEOUT: &str = "CODER_K8S_TEMPLATE_BUILD_WAIT_TIMEOUT";
const BACKOFF_AFTER: &str = "CODER_K8S_TEMPLATE_BUILD_BACKOFF_AFTER";
const INITIAL_POLL_INTERVAL: &str = "CODER_K8S_TEMPLATE_BUILD_INITIAL_POLL_INTERVAL";
const MAX_POLL_INTERVAL: &str = "CODER_K8S_TEMPLATE_BUILD_MAX_POLL_INTERVAL";

const LONGEST_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// A variable that sets the schedule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildWaitError {
    /// The value is not a duration.
    #[error("{variable} is {value:?}, which is not a duration such as 90s or 1h30m")]
    NotADuration {
        /// The environment variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// The value is a duration, but not one that is allowed.
    #[error("{variable} is {value:?}, but must be {limit}")]
    OutOfLimits {
        /// The environment variable.
        variable: &'static str,
        /// Its value, or the default that stands in for it.
        value: String,
        /// What would be allowed.
        limit: String,
    },
}

/// How long to wait for the import of a template version, and how often to look at it.
///
/// The limits hold for every value: `timeout` is at most 30 minutes, `backoff_after` at most
/// `timeout`, `initial_poll_interval` more than zero and at most `max_poll_interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildWait {
    timeout: Duration,
    /// Zero: the interval never grows.
    backoff_after: Duration,
    initial_poll_interval: Duration,
    max_poll_interval: Duration,
}

/// What to do after a look at a version that is not imported yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Scope again after this time.
    After(Duration),
    /// The import has taken too long.
    TimedOut,
}

impl Default for BuildWait {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(25 * 60),
            backoff_after: Duration::from_secs(2 * 60),
            initial_poll_interval: Duration::from_secs(2),
            max_poll_interval: Duration::from_secs(10),
        }
    }
}

impl BuildWait {
    /// Reads the schedule from environment variables. A variable that is absent or blank means its
    /// default.
    ///
    /// A timeout that is shorter than the default of `backoff_after` needs no second variable:
    /// where `CODER_K8S_TEMPLATE_BUILD_BACKOFF_AFTER` is not set, it is the shorter of two minutes
    /// and the timeout. Only a value that somebody chose can contradict the timeout.
    pub fn from_variables(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, BuildWaitError> {
        let default = Self::default();

        let timeout = Setting::read(&lookup, TIMEOUT, default.timeout)?;
        timeout.require(
            !timeout.negative && !timeout.duration.is_zero() && timeout.duration <= LONGEST_TIMEOUT,
            || "more than 0 and at most 30m".to_owned(),
        )?;

        let backoff_after = Setting::read(
            &lookup,
            BACKOFF_AFTER,
            default.backoff_after.min(timeout.duration),
        )?;
        backoff_after.require(
            !backoff_after.negative && backoff_after.duration <= timeout.duration,
            || {
                format!(
                    "at least 0 and at most the timeout of {:?}",
                    timeout.duration
                )
            },
        )?;

        let initial = Setting::read(
            &lookup,
            INITIAL_POLL_INTERVAL,
            default.initial_poll_interval,
        )?;
        initial.require(!initial.negative && !initial.duration.is_zero(), || {
            "more than 0".to_owned()
        })?;

        let max = Setting::read(&lookup, MAX_POLL_INTERVAL, default.max_poll_interval)?;
        max.require(!max.negative && max.duration >= initial.duration, || {
            format!("at least the initial interval of {:?}", initial.duration)
        })?;

        Ok(Self {
            timeout: timeout.duration,
            backoff_after: backoff_after.duration,
            initial_poll_interval: initial.duration,
            max_poll_interval: max.duration,
        })
    }

    /// How long an import may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// When to look next, if a look `elapsed` after the import began found it unfinished.
    ///
    /// The last look falls on the timeout itself, so the wait before it may be shorter than the
    /// initial interval.
    #[must_use]
    pub fn next_poll(&self, elapsed: Duration) -> Poll {
        match self.timeout.checked_sub(elapsed) {
            None | Some(Duration::ZERO) => Poll::TimedOut,
            Some(left) => Poll::After(self.interval(elapsed).min(left)),
        }
    }

    /// The interval in force at `elapsed`. It doubles at `backoff_after` and again at each look
    /// that a punctual poller would have had since then; a late look therefore skips no doubling.
    fn interval(&self, elapsed: Duration) -> Duration {
        let mut interval = self.initial_poll_interval;
        if self.backoff_after.is_zero() {
            return interval;
        }
        let mut since_look = elapsed.checked_sub(self.backoff_after);
        while let Some(since) = since_look
            && interval < self.max_poll_interval
        {
            interval = interval.saturating_mul(2).min(self.max_poll_interval);
            since_look = since.checked_sub(interval);
        }
        interval
    }
}

/// One variable as it was read.
struct Setting {
    variable: &'static str,
    value: String,
    duration: Duration,
    negative: bool,
}

impl Setting {
    fn read(
        lookup: impl Fn(&str) -> Option<String>,
        variable: &'static str,
        default: Duration,
    ) -> Result<Self, BuildWaitError> {
        let value = lookup(variable).unwrap_or_default().trim().to_owned();
        if value.is_empty() {
            return Ok(Self {
                variable,
                value: format!("{default:?}"),
                duration: default,
                negative: false,
            });
        }
        match go_duration::parse(&value) {
            Some(nanoseconds) => Ok(Self {
                variable,
                value,
                duration: Duration::from_nanos(nanoseconds.unsigned_abs()),
                negative: nanoseconds < 0,
            }),
            None => Err(BuildWaitError::NotADuration { variable, value }),
        }
    }

    fn require(&self, allowed: bool, limit: impl FnOnce() -> String) -> Result<(), BuildWaitError> {
        if allowed {
            return Ok(());
        }
        Err(BuildWaitError::OutOfLimits {
            variable: self.variable,
            value: self.value.clone(),
            limit: limit(),
        })
    }
}
