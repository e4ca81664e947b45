//! What an object of ours says.

use std::collections::BTreeSet;

use serde_json::Value;

/// The status of a condition, `""` where there is none.
pub fn condition<'a>(object: &'a Value, kind: &str) -> &'a str {
    find_condition(object, kind).map_or("", |one| one["status"].as_str().unwrap_or_default())
}

/// The reason of a condition, `""` where there is none.
pub fn reason<'a>(object: &'a Value, kind: &str) -> &'a str {
    find_condition(object, kind).map_or("", |one| one["reason"].as_str().unwrap_or_default())
}

/// The message of a condition, `""` where there is none.
pub fn message<'a>(object: &'a Value, kind: &str) -> &'a str {
    find_condition(object, kind).map_or("", |one| one["message"].as_str().unwrap_or_default())
}

fn find_condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"]
        .as_array()?
        .iter()
        .find(|one| one["type"] == kind)
}

/// Whether the status speaks of the present generation and is `Ready`.
pub fn is_ready(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
        && condition(object, "Ready") == "True"
}

/// The managers that own `spec.<field>`.
pub fn owners(object: &Value, field: &str) -> Vec<String> {
    let entries = object["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let owns = |entry: &&Value| {
        entry["fieldsV1"]["f:spec"]
            .get(format!("f:{field}"))
            .is_some()
    };
    let name = |entry: &Value| entry["manager"].as_str().unwrap_or_default().to_owned();
    entries.iter().filter(owns).map(name).collect()
}

/// The version of an object, which each write changes.
pub fn version(object: &Value) -> &str {
    object["metadata"]["resourceVersion"].as_str().unwrap()
}

/// The label `coder.com/origin`.
pub fn origin(object: &Value) -> &str {
    object["metadata"]["labels"]["coder.com/origin"]
        .as_str()
        .unwrap_or_default()
}

/// Whether nothing of ours holds the object up when it is deleted.
pub fn is_free(object: &Value) -> bool {
    object["metadata"]["finalizers"].is_null()
}

/// The managers that own anything in `spec`.
pub fn owners_of_spec(object: &Value) -> BTreeSet<String> {
    let entries = object["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    entries
        .iter()
        .filter(|entry| entry["fieldsV1"].get("f:spec").is_some())
        .map(|entry| entry["manager"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// The uid of an object.
pub fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap()
}
