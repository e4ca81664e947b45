//! What of a workspace is mirrored into `spec`.

use serde_json::{Value, json};

use super::{
    effect::RUNNING,
    external::Workspace,
    fields::FIELDS,
    kind::{Context, Step},
    pin::PIN,
};
use crate::sync::{
    fields::{
        push,
        rule::{self, FieldState},
    },
    step::{Action, Write},
};

/// Brings the mirrored part of `spec` up to date, or lets go of what somebody declared.
/// `running` is the run state that belongs there where nobody declares it.
pub fn plan(context: &Context, running: Option<bool>) -> Option<Step> {
    let workspace = context.present()?;
    let step = push::mirror(&mirrored(context, workspace, running));
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
    let mut fields = rule::mirrored_set(&mirrored(context, workspace, Some(running)));
    fields.insert(RUNNING.to_owned(), json!(running));
    Write::ApplySpec {
        fields,
        force: true,
    }
}

/// Every field that `coderd` owns where nobody declares it.
fn mirrored(context: &Context, workspace: &Workspace, settled: Option<bool>) -> Vec<FieldState> {
    let spec = &context.object.spec;
    let template = spec.template_name.clone().map(Value::from);
    let actual = Some(workspace.template.clone().into());
    let running = spec.running.map(Value::from);
    let settled = settled.map(Value::from);
    let template = push::state(context, "templateName", template, actual);
    let version = spec.template_version_id.clone().map(Value::from);
    let used = Some(workspace.version_id.to_string().into());
    let version = push::state(context, PIN, version, used);
    let running = push::state(context, RUNNING, running, settled);
    push::mirrored(context, FIELDS, workspace, [template, version, running])
}
