use serde_json::json;

use super::*;

mod commands;
mod doubts;
mod properties;
mod shapes;

const TTL: FieldPath<'static> = FieldPath::spec("ttlMillis");
const SCHEDULE: FieldPath<'static> = FieldPath::spec("autostartSchedule");
const UPDATES: FieldPath<'static> = FieldPath::spec("automaticUpdates");
const ORGANIZATION: FieldPath<'static> = FieldPath::spec("organization");

fn cpu() -> FieldPath<'static> {
    FieldPath::spec_item("parameters", "name", "cpu")
}

fn mem() -> FieldPath<'static> {
    FieldPath::spec_item("parameters", "name", "mem")
}

/// An entry as the API server writes it for a request to the main resource.
fn entry(manager: &str, operation: &str, fields: &Value) -> ManagedFieldsEntry {
    read(&json!({
        "apiVersion": "coder.com/v1alpha1",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        "manager": manager,
        "operation": operation,
        "time": "2025-06-01T10:00:00Z",
    }))
}

fn read(entry: &Value) -> ManagedFieldsEntry {
    serde_json::from_value(entry.clone()).unwrap()
}

fn apply(manager: &str, spec: &Value) -> ManagedFieldsEntry {
    entry(manager, "Apply", &json!({ "f:spec": spec }))
}

fn update(manager: &str, spec: &Value) -> ManagedFieldsEntry {
    entry(manager, "Update", &json!({ "f:spec": spec }))
}

/// The full set that the controller applies as `coderd`.
fn coderd() -> ManagedFieldsEntry {
    apply(
        "coderd",
        &json!({"f:organization": {}, "f:autostartSchedule": {}}),
    )
}

/// A spec with a value for every field that the tests ask for.
fn full_spec() -> Value {
    json!({
        "organization": "acme",
        "ttlMillis": 60_000,
        "autostartSchedule": "30 8 * * 1-5",
        "automaticUpdates": "never",
        "parameters": [{"name": "cpu", "value": "4"}, {"name": "mem", "value": "8"}],
    })
}

/// What the record alone says.
fn of(entries: &[ManagedFieldsEntry]) -> Ownership {
    Ownership::of(entries, &Value::Null)
}

fn owner(manager: &str, operation: Operation) -> Owner {
    Owner {
        manager: manager.to_owned(),
        operation,
    }
}

fn owners(ownership: &Ownership, path: &FieldPath<'_>) -> Vec<Owner> {
    ownership.owners(path).cloned().collect()
}
