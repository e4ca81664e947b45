//! Times as `status` holds them. The API server keeps whole seconds: a finer time would differ from
//! itself at the next look, and be written again each time.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

/// Cut to the second.
pub fn to_the_second(at: Timestamp) -> Timestamp {
    cut(at, Unit::Second)
}

/// Cut to the hour, for what moves all the time.
pub fn to_the_hour(at: Timestamp) -> Timestamp {
    cut(at, Unit::Hour)
}

fn cut(at: Timestamp, unit: Unit) -> Timestamp {
    let rounding = TimestampRound::new().smallest(unit).mode(RoundMode::Trunc);
    at.round(rounding).unwrap_or(at)
}
