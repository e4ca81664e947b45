//! How coderd's JSON differs from what serde expects: open enumerations, `null` for an empty list,
//! the zero time and the nil UUID for "none".
//!
//! Every rule is tolerant: a newer coderd may add fields and values, and a row that cannot be read
//! would hide all others of its list.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

/// The first second of year 1: Go's zero time.
const GO_ZERO_SECOND: i64 = -62_135_596_800;

/// Declares an enumeration of strings that keeps values it does not know.
///
/// It reads, writes and displays the text of the wire, so an unknown value survives a round trip.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )+
            /// A value that this client does not know, as coderd wrote it.
            Unknown(String),
        }

        impl $name {
            /// The text of the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $text, )+
                    Self::Unknown(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $( $text => Self::$variant, )+
                    other => Self::Unknown(other.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Ok(Self::from(text.as_ref()))
            }
        }
    };
}

pub(super) use open_enum;

/// Reads `null` as the default: an empty list, an empty text, `false`.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads `null` and Go's zero time as none.
pub(super) fn optional_time<'de, D>(deserializer: D) -> Result<Option<Timestamp>, D::Error>
where
    D: Deserializer<'de>,
{
    let time = Option::<Timestamp>::deserialize(deserializer)?;
    Ok(time.filter(|time| time.as_second() > GO_ZERO_SECOND))
}

/// Reads `null`, the empty text and the nil UUID as none.
pub(super) fn optional_id<'de, D>(deserializer: D) -> Result<Option<Uuid>, D::Error>
where
    D: Deserializer<'de>,
{
    let text = Option::<std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
    match text.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => {
            let id = Uuid::parse_str(text).map_err(serde::de::Error::custom)?;
            Ok(Some(id).filter(|id| !id.is_nil()))
        }
    }
}

/// Reads `null` and the empty text as none.
pub(super) fn optional_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: From<String>,
{
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()).map(T::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coderd::Transition;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Row {
        #[serde(default, deserialize_with = "null_as_default")]
        list: Vec<u8>,
        #[serde(default, deserialize_with = "optional_time")]
        time: Option<Timestamp>,
        #[serde(default, deserialize_with = "optional_id")]
        id: Option<Uuid>,
        #[serde(default, deserialize_with = "optional_text")]
        text: Option<String>,
    }

    #[test]
    fn unknown_values_survive_a_round_trip() {
        for text in ["\"start\"", "\"teleport\"", "\"\""] {
            let transition: Transition = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&transition).unwrap(), text);
        }
        assert_eq!(Transition::from("start"), Transition::Start);
        // An escaped text cannot be borrowed from the input.
        let escaped: Transition = serde_json::from_str("\"\\u0073tart\"").unwrap();
        assert_eq!(escaped, Transition::Start);
    }

    #[test]
    fn absent_null_and_zero_values_are_none() {
        let none = Row {
            list: Vec::new(),
            time: None,
            id: None,
            text: None,
        };
        for text in [
            r"{}",
            r#"{"list":null,"time":null,"id":null,"text":null}"#,
            r#"{"list":[],"time":"0001-01-01T00:00:00Z","id":"","text":""}"#,
            r#"{"id":"00000000-0000-0000-0000-000000000000","new_field":{"deep":[1]}}"#,
        ] {
            assert_eq!(serde_json::from_str::<Row>(text).unwrap(), none, "{text}");
        }
    }

    #[test]
    fn times_with_fractions_and_zones_are_read() {
        for text in [
            "2026-11-21T12:24:00.123456Z",
            "2026-11-21T13:24:00.123456+01:00",
        ] {
            let row: Row = serde_json::from_str(&format!(r#"{{"time":"{text}"}}"#)).unwrap();
            assert_eq!(
                row.time,
                Some("2026-11-21T12:24:00.123456Z".parse().unwrap())
            );
        }
    }
}
