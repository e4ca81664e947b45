//! Durations as flags of Go programs are written: `30s`, `1m30s`, `-1s`, `0`.

use std::time::Duration;

/// The longest duration of Go, in nanoseconds.
const LONGEST: u128 = i64::MAX as u128;

/// Why a text is no duration to work with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not of the form of Go.
    #[error("must be a duration such as 90s or 1m30s")]
    Syntax,
    /// Below zero.
    #[error("must not be negative")]
    Negative,
    /// Longer than Go can count.
    #[error("is too long")]
    TooLong,
}

/// Reads a duration.
///
/// The form is checked here, because kube's reader takes an empty text for zero and panics where a
/// sign stands inside or a number is too large.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned != "0" && !is_well_formed(unsigned) {
        return Err(DurationError::Syntax);
    }
    if has_long_number(unsigned) {
        return Err(DurationError::TooLong);
    }
    let signed: kube::core::Duration = text.parse().map_err(|_| DurationError::Syntax)?;
    let duration = Duration::from(signed);
    if signed.is_negative() && !duration.is_zero() {
        Err(DurationError::Negative)
    } else if duration.as_nanos() > LONGEST {
        Err(DurationError::TooLong)
    } else {
        Ok(duration)
    }
}

/// Whether numbers and units take turns, beginning with a number and ending with a unit.
fn is_well_formed(unsigned: &str) -> bool {
    let mut before = None;
    for character in unsigned.chars() {
        let now = match character {
            '0'..='9' | '.' => Some(Piece::Number),
            _ if character.is_alphabetic() && before.is_some() => Some(Piece::Unit),
            _ => return false,
        };
        before = now;
    }
    before == Some(Piece::Unit)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Number,
    Unit,
}

/// Whether the numbers are so long, or so many, that adding them up could overflow.
fn has_long_number(unsigned: &str) -> bool {
    unsigned.len() > 64
        || unsigned
            .split(|character: char| !character.is_ascii_digit())
            .any(|digits| digits.len() > 15)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, milliseconds) in [
            ("0", 0),
            ("0s", 0),
            ("-0s", 0),
            ("30s", 30_000),
            ("+30s", 30_000),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("250ms", 250),
            ("1000us", 1),
            ("1000µs", 1),
        ] {
            let read = parse(text);
            assert_eq!(read, Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in [
            "", " ", "-", "+", "30", "s", "1 s", "1s-5s", "--1s", "1y", "1e3s", ".s", "inf", "1s2",
        ] {
            assert_eq!(parse(text), Err(DurationError::Syntax), "{text:?}");
        }
        assert_eq!(parse("-1s"), Err(DurationError::Negative));
        for text in ["99999999999999999999h", "999999999999999h", "9223372037s"] {
            assert_eq!(parse(text), Err(DurationError::TooLong), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whole_milliseconds_are_read_back(milliseconds in 0..1_000_000_000_u64) {
            let read = parse(&format!("{milliseconds}ms")).unwrap();
            prop_assert_eq!(read.as_millis(), u128::from(milliseconds));
        }

        #[test]
        fn no_text_makes_reading_panic(text in "[-+0-9.a-zµ ]{0,40}") {
            let _ = parse(&text);
        }
    }
}
