//! Durations of flags: as Go's programs take them, and never negative.

use std::time::Duration;

use crate::api::go_duration;

/// Why a text is no duration to work with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not of the form of Go, or longer than Go can count.
    #[error("must be a duration such as 90s or 1m30s, of 292 years at most")]
    NotADuration,
    /// Below zero.
    #[error("must not be negative")]
    Negative,
}

/// Reads a duration.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let nanoseconds = go_duration::parse(text).ok_or(DurationError::NotADuration)?;
    let nanoseconds = u64::try_from(nanoseconds).map_err(|_| DurationError::Negative)?;
    Ok(Duration::from_nanos(nanoseconds))
}
