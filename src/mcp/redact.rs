//! What is never shown, wherever an object has it.
//!
//! Parameters, variables and environment variables are lists of names and values, and some of the values
//! are secrets that nobody marked as such: none of them is shown. A manifest that `kubectl` has kept in
//! an annotation would show them again.

use serde_json::{Map, Value};

/// Stands for a value that is not shown.
pub(super) const HIDDEN: &str = "(hidden)";
/// Whole manifests, as somebody has applied them.
pub(super) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// `object` as callers may see it.
pub(super) fn shown(mut object: Value) -> Value {
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.remove("managedFields");
        if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
            annotations.remove(LAST_APPLIED);
        }
    }
    hide(&mut object);
    object
}

/// Whether `entry` is a name with a value.
pub(super) fn is_setting(entry: &Map<String, Value>) -> bool {
    entry.contains_key("name") && entry.contains_key("value")
}

fn hide(value: &mut Value) {
    match value {
        Value::Array(entries) => {
            for entry in entries {
                if let Value::Object(fields) = entry
                    && is_setting(fields)
                {
                    fields.insert("value".to_owned(), HIDDEN.into());
                }
                hide(entry);
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(hide),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_value_of_a_setting_is_shown_wherever_it_is() {
        let object = json!({
            "metadata": {
                "name": "a",
                "managedFields": [{"manager": "x"}],
                "annotations": { LAST_APPLIED: "{\"value\":\"secret\"}", "b": "c" },
            },
            "spec": {
                "parameters": [
                    {"name": "p", "value": "secret"},
                    {"name": "q", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                ],
                "nested": {"extraEnv": [{"name": "E", "value": "secret"}]},
                "files": {"main.tf": "value"},
            },
        });
        let seen = shown(object);
        assert!(!seen.to_string().contains("secret\""), "{seen}");
        assert_eq!(
            seen["metadata"],
            json!({"name": "a", "annotations": {"b": "c"}})
        );
        assert_eq!(seen["spec"]["parameters"][0]["value"], HIDDEN);
        let kept = &seen["spec"]["parameters"][1]["valueFrom"]["secretKeyRef"];
        assert_eq!(kept, &json!({"name": "s", "key": "k"}));
        assert_eq!(seen["spec"]["files"]["main.tf"], "value");
    }
}
