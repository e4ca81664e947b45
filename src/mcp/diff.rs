//! What a change does to an object, field by field, as people and models read it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::redact::{HIDDEN, is_setting};
use crate::api::text::shortened;

/// How much of a value is shown.
const LONGEST: usize = 400;

/// One field that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Change {
    /// Where, as in spec.parameters[size].value.
    field: String,
    /// What is there now, in JSON and in short; absent if there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// What will be there; absent if it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// A field's value, and whether it may be shown.
type Leaf = (Value, bool);

/// The fields below `root` that differ.
pub(super) fn changes(root: &str, before: &Value, after: &Value) -> Vec<Change> {
    let (before, after) = (leaves(root, before), leaves(root, after));
    let fields: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differing = fields.into_iter().filter(|&field| {
        before.get(field).map(|leaf| &leaf.0) != after.get(field).map(|leaf| &leaf.0)
    });
    differing
        .map(|field| Change {
            field: field.clone(),
            before: before.get(field).map(told),
            after: after.get(field).map(told),
        })
        .collect()
}

fn told((value, is_shown): &Leaf) -> String {
    if *is_shown {
        shortened(&value.to_string(), LONGEST)
    } else {
        HIDDEN.to_owned()
    }
}

fn leaves(root: &str, value: &Value) -> BTreeMap<String, Leaf> {
    let mut found = BTreeMap::new();
    collect(root, value, true, &mut found);
    // Of an object with nothing in it, there is no field.
    found.remove(root);
    found
}

fn collect(path: &str, value: &Value, is_shown: bool, found: &mut BTreeMap<String, Leaf>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                collect(&format!("{path}.{name}"), value, is_shown, found);
            }
        }
        Value::Array(entries) => match named(entries) {
            Some(named) => {
                for (name, entry) in named {
                    let is_setting = entry.as_object().is_some_and(is_setting);
                    collect(&format!("{path}[{name}]"), entry, !is_setting, found);
                }
            }
            None => drop(found.insert(path.to_owned(), (value.clone(), is_shown))),
        },
        Value::Null => {}
        Value::Object(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            found.insert(path.to_owned(), (value.clone(), is_shown));
        }
    }
}

/// The entries of a list by their names, where each has one.
fn named(entries: &[Value]) -> Option<BTreeMap<&str, &Value>> {
    let all: Option<BTreeMap<_, _>> = entries
        .iter()
        .map(|entry| Some((entry.get("name")?.as_str()?, entry)))
        .collect();
    all.filter(|all| !all.is_empty() && all.len() == entries.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(field: &str, before: Option<&str>, after: Option<&str>) -> Change {
        Change {
            field: field.to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        }
    }

    #[test]
    fn what_changes_is_named_and_what_stays_is_not() {
        let before = json!({"a": 1, "b": {"c": "x", "d": true}, "e": [1, 2]});
        let after = json!({"a": 1, "b": {"c": "y"}, "e": [1, 3], "f": null});
        let expected = [
            change("spec.b.c", Some("\"x\""), Some("\"y\"")),
            change("spec.b.d", Some("true"), None),
            change("spec.e", Some("[1,2]"), Some("[1,3]")),
        ];
        assert_eq!(changes("spec", &before, &after), expected);
        assert_eq!(changes("spec", &after, &after), []);
    }

    #[test]
    fn a_setting_is_found_by_name_and_its_value_is_not_shown() {
        let before =
            json!({"parameters": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]});
        let after = json!({"parameters": [{"name": "b", "value": "3"}]});
        let found = changes("spec", &before, &after);
        let expected = change("spec.parameters[b].value", Some(HIDDEN), Some(HIDDEN));
        assert!(found.contains(&expected), "{found:?}");
        let text = serde_json::to_string(&found).unwrap();
        assert!(
            text.contains("spec.parameters[a]") && !text.contains("\\\"1\\\""),
            "{text}"
        );
    }

    #[test]
    fn long_values_are_shown_in_short() {
        let found = changes(
            "spec",
            &json!({}),
            &json!({"files": {"main.tf": "x".repeat(9999)}}),
        );
        assert!(found[0].after.as_ref().unwrap().len() <= LONGEST);
        assert_eq!(found[0].field, "spec.files.main.tf");
    }
}
