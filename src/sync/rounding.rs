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

/// Cut to five minutes, for what is worth a write only when it moves by that much.
pub fn to_five_minutes(at: Timestamp) -> Timestamp {
    round(
        at,
        TimestampRound::new().smallest(Unit::Minute).increment(5),
    )
}

fn cut(at: Timestamp, unit: Unit) -> Timestamp {
    round(at, TimestampRound::new().smallest(unit))
}

fn round(at: Timestamp, rounding: TimestampRound) -> Timestamp {
    let rounding = rounding.mode(RoundMode::Trunc);
    at.round(rounding).unwrap_or(at)
}
