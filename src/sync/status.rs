//! The part of a status that both kinds have.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;
use serde_json::Value;

use super::{
    conditions::ConditionSet,
    context::{Context, Records},
    kind::SyncedKind,
    rules::bound,
};
use crate::api::status::{Binding, Sync};

/// The part of a status that both kinds have, and the records.
#[derive(Debug)]
pub struct Report<K: SyncedKind> {
    /// `observedGeneration`.
    pub observed_generation: Option<i64>,
    /// `controlPlane`.
    pub control_plane: Option<String>,
    /// `binding`.
    pub binding: Option<Binding>,
    /// `sync`; left out where it is empty.
    pub sync: Option<Sync>,
    /// `lastHandledReconcileAt`.
    pub last_handled_reconcile_at: Option<String>,
    /// `conditions`.
    pub conditions: Vec<Condition>,
    /// The records that only this kind has.
    pub own: K::OwnRecords,
}

/// The report of an object that has `records` and says `conditions`.
pub fn report<K: SyncedKind>(
    context: &Context<K>,
    records: Records<K>,
    conditions: &ConditionSet,
) -> Report<K> {
    let before = context.object.shared_status();
    let generation = context.object.metadata().generation;
    let (observed_generation, last_handled_reconcile_at) = context.standing().acted_on(conditions);
    let Records {
        binding,
        mut sync,
        own,
    } = records;
    if context.present().is_some() && bound::new_name(context).is_none() {
        sync.removal_suspended = None;
    }
    Report {
        observed_generation,
        control_plane: context
            .control_plane
            .or(before.control_plane)
            .map(str::to_owned),
        binding,
        sync: (sync != Sync::default()).then_some(sync),
        last_handled_reconcile_at,
        conditions: conditions.written(before.conditions, generation, context.now),
        own,
    }
}

/// Whether the status `after` tells nothing that `before` does not, besides times: to record it is no
/// step, and would be taken again and again.
pub fn repeats(before: &impl Serialize, after: &impl Serialize) -> bool {
    let before = serde_json::to_value(before).map(timeless).ok();
    let after = serde_json::to_value(after).map(timeless).ok();
    before == after
}

/// A status in which one time is like another: each record has a new one.
fn timeless(status: Value) -> Value {
    let is_time = |name: &str| {
        name != "lastHandledReconcileAt" && (name.ends_with("At") || name.ends_with("Time"))
    };
    match status {
        Value::Object(fields) => {
            let fields = fields.into_iter();
            let same = |(name, value): (String, Value)| {
                let value = if is_time(&name) {
                    Value::from("a time")
                } else {
                    timeless(value)
                };
                (name, value)
            };
            fields.map(same).collect()
        }
        Value::Array(items) => items.into_iter().map(timeless).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => status,
    }
}
