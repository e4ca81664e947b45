//! The fields of a workspace that both sides hold.

use serde_json::Value;

use super::kind::Context;
use crate::{
    api::workspace::{CoderWorkspace, LONGEST_TTL_MILLIS},
    sync::fields::{rule, table::Field},
};

/// The field of autostop.
pub const TTL: &str = "ttlMillis";
/// The field of autostart.
pub const AUTOSTART: &str = "autostartSchedule";

/// The fields that both sides hold.
pub const FIELDS: &[Field<CoderWorkspace>] = &[
    Field {
        name: TTL,
        wire: "ttl_ms",
        declared: |object| ttl(object.spec.ttl_millis),
        external: |workspace| ttl(workspace.ttl_millis),
        patch: |patch, value| patch.ttl_millis = Some(millis(value)),
        create: |new, value| new.ttl_millis = millis(value),
        // What the schema would refuse must not keep the other fields from being mirrored.
        fits: |value| {
            value
                .as_i64()
                .is_none_or(|millis| millis <= LONGEST_TTL_MILLIS)
        },
    },
    Field {
        name: AUTOSTART,
        wire: "schedule",
        declared: |object| object.spec.autostart_schedule.clone().map(Value::from),
        external: |workspace| workspace.autostart_schedule.clone().map(Value::from),
        patch: |patch, value| patch.autostart_schedule = Some(text(value)),
        create: |new, value| new.autostart_schedule = text(value),
        fits: |_| true,
    },
];

fn ttl(millis: Option<i64>) -> Option<Value> {
    millis.and_then(rule::canonical_ttl).map(Value::from)
}

fn millis(value: Option<&Value>) -> Option<i64> {
    value.and_then(Value::as_i64)
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

/// The declared fields that are not synchronised yet. Each of them shapes a start.
pub fn unsupported(context: &Context) -> Vec<String> {
    let spec = &context.object.spec;
    [(spec.automatic_updates.is_some(), "spec.automaticUpdates")]
        .into_iter()
        .filter(|(declared, _)| *declared)
        .map(|(_, name)| name.to_owned())
        .collect()
}
