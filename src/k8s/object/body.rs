//! What an apply sends.

use kube::Resource;
use serde_json::{Map, Value, json};

use super::{Key, Known};

/// `set` as an object of kind `K`: with its name, and with the version that `known` demands.
pub(super) fn body<K: Resource<DynamicType = ()>>(
    key: &Key,
    known: Option<&Known>,
    set: Value,
) -> Value {
    let mut fields = match stripped(set) {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    };
    fields.insert("apiVersion".to_owned(), json!(K::api_version(&())));
    fields.insert("kind".to_owned(), json!(K::kind(&())));
    let metadata = fields
        .entry("metadata")
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(metadata) = metadata {
        metadata.insert("namespace".to_owned(), json!(key.namespace));
        metadata.insert("name".to_owned(), json!(key.name));
        if let Some(known) = known {
            metadata.insert("uid".to_owned(), json!(known.uid));
            metadata.insert("resourceVersion".to_owned(), json!(known.resource_version));
        }
    }
    Value::Object(fields)
}

/// `value` without nulls and without empty maps, at any depth. An empty map in a list stays: it is
/// an entry.
fn stripped(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (name, stripped(value)))
                .filter(|(_, value)| !is_nothing(value))
                .collect(),
        ),
        Value::Array(entries) => Value::Array(
            entries
                .into_iter()
                .filter(|entry| !entry.is_null())
                .map(stripped)
                .collect(),
        ),
        value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => value,
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::workspace::CoderWorkspace;

    #[test]
    fn nulls_and_empty_maps_are_never_sent() {
        let set = json!({
            "spec": {"running": null, "tags": {}, "deep": {"er": {"est": null}}, "ttlMillis": 0},
            "status": {"a": "", "b": false, "list": [], "items": [{"x": null}, null, 1]},
        });
        assert_eq!(
            stripped(set),
            json!({
                "spec": {"ttlMillis": 0},
                "status": {"a": "", "b": false, "list": [], "items": [{}, 1]},
            })
        );
        assert_eq!(stripped(json!({"spec": {"a": {"b": {}}}})), json!({}));
    }

    #[test]
    fn a_body_names_its_object() {
        let key = Key::new("team", "acme.ann.dev");
        assert_eq!(
            body::<CoderWorkspace>(&key, None, json!({"metadata": {"labels": {"a": "b"}}})),
            json!({
                "apiVersion": "coder.com/v1alpha1",
                "kind": "CoderWorkspace",
                "metadata": {"namespace": "team", "name": "acme.ann.dev", "labels": {"a": "b"}},
            })
        );
    }

    #[test]
    fn a_set_cannot_change_which_version_is_meant() {
        let known = Known {
            key: Key::new("team", "x"),
            uid: "u".to_owned(),
            resource_version: "7".to_owned(),
            generation: 1,
        };
        let set = json!({"metadata": {"uid": "other", "resourceVersion": "1", "name": "y"}});
        let body = body::<CoderWorkspace>(&known.key, Some(&known), set);
        assert_eq!(
            body["metadata"],
            json!({"namespace": "team", "name": "x", "uid": "u", "resourceVersion": "7"})
        );
    }
}
