//! The fields of a workspace that both sides hold, and what else is mirrored into `spec`.

use serde_json::{Value, json};

use super::{Context, Step, Workspace, power};
use crate::{
    api::workspace::{CoderWorkspace, LONGEST_TTL_MILLIS},
    sync::{
        fields::{
            push,
            rule::{self, FieldState},
            table::Field,
        },
        step::{Action, Write},
    },
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

/// Brings the mirrored part of `spec` up to date, or lets go of what somebody declared.
pub fn mirror(context: &Context) -> Option<Step> {
    let workspace = context.present()?;
    let step = push::mirror(&mirrored(context, workspace));
    let is_write = matches!(step.action, Action::Write(_));
    let first = is_write.then(|| report_template_first(context, workspace));
    Some(first.flatten().unwrap_or(step))
}

/// The schema lets `spec.templateName` change only to what `status` says already.
pub fn report_template_first(context: &Context, workspace: &Workspace) -> Option<Step> {
    let status = context.object.status.as_ref();
    let reported = status.and_then(|status| status.template_name.as_ref());
    let is_late =
        context.object.spec.template_name.is_some() && reported != Some(&workspace.template);
    is_late.then(|| Step::record(context.records(), push::mirroring()))
}

/// Brings `running` into `spec` whoever owns it, with the complete set: an apply must not drop the
/// other mirrored fields.
pub fn forced_running(context: &Context, workspace: &Workspace, running: bool) -> Write {
    let mut fields = rule::mirrored_set(&mirrored(context, workspace));
    fields.insert(power::FIELD.to_owned(), json!(running));
    Write::ApplySpec {
        fields,
        force: true,
    }
}

/// Every field that `coderd` owns where nobody declares it.
fn mirrored(context: &Context, workspace: &Workspace) -> Vec<FieldState> {
    let spec = &context.object.spec;
    let template = spec.template_name.clone().map(Value::from);
    let actual = Some(workspace.template.clone().into());
    let running = spec.running.map(Value::from);
    let settled = power::mirrored(context, workspace).map(Value::from);
    let template = push::state(context, "templateName", template, actual);
    let running = push::state(context, power::FIELD, running, settled);
    push::mirrored(context, FIELDS, workspace, [template, running])
}

/// The declared fields that are not synchronised yet. Each of them shapes a start.
pub fn unsupported(context: &Context) -> Vec<String> {
    let spec = &context.object.spec;
    let pin = spec.template_version_id.as_deref();
    [
        (
            pin.is_some_and(|id| !id.is_empty()),
            "spec.templateVersionID",
        ),
        (spec.automatic_updates.is_some(), "spec.automaticUpdates"),
        (
            spec.parameters.iter().any(|one| one.value_from.is_some()),
            "spec.parameters[].valueFrom",
        ),
    ]
    .into_iter()
    .filter(|(declared, _)| *declared)
    .map(|(_, name)| name.to_owned())
    .collect()
}
