//! Whole numbers in arguments. JSON knows one kind of numbers, and some clients write 5 as 5.0.

use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Number;

use super::failure::Failure;

/// Reads a whole number that may be left out.
pub(super) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let number: Option<Number> = Option::deserialize(deserializer)?;
    number
        .as_ref()
        .map(integer)
        .transpose()
        .map_err(D::Error::custom)
}

fn integer(number: &Number) -> Result<i64, String> {
    let written = number.to_string();
    let digits = written.strip_suffix(".0").unwrap_or(&written);
    digits
        .parse()
        .map_err(|_| format!("{written} is not a whole number"))
}

/// The number of `argument`: `default` where it is absent or 0, at most `most`.
pub(super) fn bounded(
    argument: &str,
    value: Option<i64>,
    default: i64,
    most: i64,
) -> Result<i64, Failure> {
    match value.unwrap_or(0) {
        0 => Ok(default),
        1.. => Ok(value.unwrap_or(default).min(most)),
        _ => Err(Failure::Arguments(format!(
            "{argument} must not be negative"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Deserialize)]
    struct Input {
        #[serde(default, deserialize_with = "whole")]
        limit: Option<i64>,
    }

    #[test]
    fn a_whole_number_is_read_however_it_is_written() {
        for (text, expected) in [
            (json!({}), Some(None)),
            (json!({"limit": null}), Some(None)),
            (json!({"limit": 5}), Some(Some(5))),
            (json!({"limit": 5.0}), Some(Some(5))),
            (json!({"limit": -1}), Some(Some(-1))),
            (json!({"limit": 5.5}), None),
            (json!({"limit": 1e300}), None),
            (json!({"limit": "5"}), None),
        ] {
            let read: Result<Input, _> = serde_json::from_value(text.clone());
            assert_eq!(read.ok().map(|input| input.limit), expected, "{text}");
        }
    }

    #[test]
    fn a_limit_has_bounds() {
        assert_eq!(bounded("limit", None, 100, 500).unwrap(), 100);
        assert_eq!(bounded("limit", Some(0), 100, 500).unwrap(), 100);
        assert_eq!(bounded("limit", Some(7), 100, 500).unwrap(), 7);
        assert_eq!(bounded("limit", Some(i64::MAX), 100, 500).unwrap(), 500);
        assert!(bounded("limit", Some(-1), 100, 500).is_err());
    }
}
