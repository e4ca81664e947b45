//! The settings of a workspace: which there are, and what is mirrored into `spec`.

use serde_json::{Value, json};

use super::{Context, Effect, Plan, Workspace, power};
use crate::{
    api::workspace::LONGEST_TTL_MILLIS,
    sync::{
        field::{self, FieldState},
        ownership::FieldPath,
        plan::Write,
        setting,
    },
};

/// The field of autostop.
pub const TTL: &str = "ttlMillis";
/// The field of autostart.
pub const AUTOSTART: &str = "autostartSchedule";

/// The settings that can be pushed one by one.
pub fn settings(context: &Context, workspace: &Workspace) -> Vec<(&'static str, FieldState)> {
    let spec = &context.object.spec;
    let ttl = |millis: Option<i64>| millis.and_then(field::canonical_ttl).map(Value::from);
    let text = |value: &Option<String>| value.clone().map(Value::from);
    [
        (TTL, ttl(spec.ttl_millis), ttl(workspace.ttl_millis)),
        (
            AUTOSTART,
            text(&spec.autostart_schedule),
            text(&workspace.autostart_schedule),
        ),
    ]
    .into_iter()
    .map(|(name, wanted, actual)| (name, setting::state(context, name, wanted, actual)))
    .collect()
}

/// The effect that sets a setting to its declared value.
pub fn set(field: &str, wanted: Option<&Value>) -> Effect {
    if field == TTL {
        Effect::SetTtl(wanted.and_then(Value::as_i64))
    } else {
        Effect::SetAutostart(wanted.and_then(Value::as_str).map(str::to_owned))
    }
}

/// Brings the mirrored part of `spec` up to date, or lets go of what somebody declared.
pub fn mirror(context: &Context) -> Option<Plan> {
    let workspace = context.present()?;
    let plan = setting::apply(&mirrored(context, workspace))?;
    Some(report_template_first(context, workspace).unwrap_or(plan))
}

/// The schema lets `spec.templateName` change only to what `status` says already.
pub fn report_template_first(context: &Context, workspace: &Workspace) -> Option<Plan> {
    let status = context.object.status.as_ref();
    let reported = status.and_then(|status| status.template_name.as_ref());
    let is_late =
        context.object.spec.template_name.is_some() && reported != Some(&workspace.template);
    is_late.then(|| Plan::record(context.records(), setting::mirroring()))
}

/// Brings `running` into `spec` whoever owns it, with the complete set: an apply must not drop the
/// other mirrored fields.
pub fn forced_running(context: &Context, workspace: &Workspace, running: bool) -> Write {
    let mut fields = field::mirrored_set(&mirrored(context, workspace));
    fields.insert(power::FIELD.to_owned(), json!(running));
    Write::ApplySpec {
        fields,
        force: true,
    }
}

/// Every field that `coderd` owns where nobody declares it.
pub fn mirrored(context: &Context, workspace: &Workspace) -> Vec<FieldState> {
    let spec = &context.object.spec;
    let template = spec.template_name.clone().map(Value::from);
    let actual = Some(workspace.template.clone().into());
    let running = spec.running.map(Value::from);
    let settled = power::mirrored(context, workspace).map(Value::from);
    let mut states = setting::mirrored(context, workspace);
    for state in &mut states {
        // What the schema would refuse must not keep the other fields from being mirrored.
        let millis = state.actual.as_ref().and_then(Value::as_i64);
        state.is_unfit = state.path == FieldPath::spec(TTL)
            && millis.is_some_and(|millis| millis > LONGEST_TTL_MILLIS);
    }
    states.push(setting::state(context, "templateName", template, actual));
    states.push(setting::state(context, power::FIELD, running, settled));
    states
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
