//! JSON for a reader that takes it for YAML.
//!
//! That is what kube-apiserver does with the body of every apply, and with what comes as
//! `application/yaml`. By the rules of YAML 1.1 three characters that JSON leaves as they are end a line:
//! the blanks around them are folded. Others are refused, as are keys that are written in more than 1024
//! characters, and pairs of surrogates. What is written here means the same to both readers.

use std::fmt::Write as _;

use serde_json::Value;

/// The media type of an apply.
pub const APPLY: &str = "application/apply-patch+yaml";

/// A longer key has to be announced. Less than the 1024 characters of the rule, whose colon counts too.
const LONGEST_PLAIN_KEY: usize = 1000;

/// `value` in one line.
#[must_use]
pub fn written(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::String(text) => quote(text, out),
        Value::Array(entries) => {
            out.push('[');
            for (index, entry) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                write(entry, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                let start = out.len();
                quote(name, out);
                if out.len() - start > LONGEST_PLAIN_KEY {
                    out.insert_str(start, "? ");
                }
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
    }
}

/// Writes `text` in double quotes.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            character if is_plain(character) => out.push(character),
            // None of these is beyond the four digits.
            character => {
                // Writing into a string does not fail.
                let _written = write!(out, "\\u{:04x}", u32::from(character));
            }
        }
    }
    out.push('"');
}

/// Whether the character stands for itself in YAML 1.1, on any line and in any place of it.
#[must_use]
pub fn is_plain(character: char) -> bool {
    match character {
        '\u{2028}' | '\u{2029}' | '\u{feff}' => false,
        ' '..='~' | '\u{a0}'..='\u{fffd}' | '\u{10000}'.. => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_yaml_folds_or_refuses_is_escaped() {
        assert_eq!(written(&json!("\n\t\r\"\\")), r#""\n\t\r\"\\""#);
        for code in ["0000", "0008", "001f", "007f", "0080", "0085", "009f"] {
            escaped(code);
        }
        for code in ["2028", "2029", "feff", "fffe", "ffff"] {
            escaped(code);
        }
        for plain in [' ', '~', '\u{a0}', 'ä', '€', '\u{fffd}', '😀', '\u{10ffff}'] {
            assert_eq!(written(&json!(plain)), format!("\"{plain}\""));
        }
    }

    fn escaped(code: &str) {
        let character = char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap();
        assert_eq!(written(&json!(character)), format!("\"\\u{code}\""));
    }

    #[test]
    fn a_key_that_is_too_long_for_yaml_is_announced() {
        let key = "\"".repeat(499);
        assert!(written(&json!({ key: 1 })).starts_with("{\""));
        let key = "\"".repeat(500);
        let body = written(&json!({"a": 1, key.clone(): {"b": [true, null]}}));
        let yaml: Value = serde_saphyr::from_str(&body).unwrap();
        assert_eq!(yaml, json!({"a": 1, key: {"b": [true, null]}}));
    }

    fn value() -> impl Strategy<Value = Value> {
        let text = proptest::collection::vec(any::<char>(), 0..8)
            .prop_map(|characters| characters.into_iter().collect::<String>());
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(text.clone(), inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn anything_is_read_back_as_it_was_and_stands_in_plain_characters(value in value()) {
            let body = written(&value);
            prop_assert!(body.chars().all(is_plain), "{body:?}");
            let read: Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(read, value);
        }
    }
}
