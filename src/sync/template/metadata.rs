//! The metadata of a template: which of it is declared, what is pushed, what is mirrored into `spec`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Context, Effect, Records, Template, TemplatePlan, declares_files};
use crate::{
    api::{
        condition::Reason,
        template::{CoderTemplate, MirroredFiles, Promotion},
    },
    sync::{
        field::{self, FieldState, Verdict},
        outlook::Outlook,
        ownership::{FieldPath, Ownership},
        plan::{Note, NoteReason, ObjectEffect},
        source::{Content, MIRROR_LIMIT_BYTES},
    },
};

/// The field of the inline source.
pub const FILES: &str = "files";

/// The next declared field that coderd has to be told, or be told again. Each goes by itself: coderd
/// refuses a request as a whole.
pub fn push(context: &Context) -> Option<TemplatePlan> {
    let template = context.present()?;
    let policy = context.standing().drift_policy;
    let mut pushes = settings(context, template).into_iter().filter_map(|state| {
        (field::decide(&state, policy, &[]) == Verdict::Push).then(|| (effect_of(&state), state))
    });
    let (effect, state) = pushes.find(|(effect, _)| context.refusal(effect).is_none())?;
    let correction = (!context.standing().has_new_spec())
        .then(|| Note::normal(NoteReason::DriftCorrected, field::correction(&state)));
    let outlook =
        Outlook::reconciling(Reason::Pushing, format!("{} is being set in Coder", state.name));
    Some(TemplatePlan::act(effect, outlook).noting(correction))
}

/// The fields that can be pushed one by one.
pub fn settings(context: &Context, template: &Template) -> [FieldState; 3] {
    let spec = &context.object.spec;
    [
        state(context, "displayName", text(spec.display_name.as_deref()), text(Some(&template.display_name))),
        state(context, "description", text(spec.description.as_deref()), text(Some(&template.description))),
        state(context, "icon", text(spec.icon.as_deref()), text(Some(&template.icon))),
    ]
}

/// The effect that sets a field to its declared value.
pub fn effect_of(state: &FieldState) -> Effect {
    let value = state.wanted.as_ref().and_then(Value::as_str).unwrap_or_default();
    Effect::SetMetadata { field: state.name, value: value.to_owned() }
}

/// Brings the mirrored part of `spec` up to date, or lets go of what somebody declared. The record of
/// what became of the files follows the write.
pub fn mirror(context: &Context) -> Option<TemplatePlan> {
    let template = context.present()?;
    let outlook = Outlook::reconciling(Reason::Mirroring, "spec is brought up to date with Coder");
    let states = mirrored(context, template);
    if field::needs_apply(&states) {
        let fields = field::mirrored_set(&states);
        let effect = Effect::Object(ObjectEffect::ApplySpec { fields, force: false });
        return Some(TemplatePlan::act(effect, outlook));
    }
    let records = Records { mirrored_files: mirrored_files(context, template), ..context.records() };
    (records != context.records()).then(|| TemplatePlan::record(records, outlook))
}

/// Every field that `coderd` owns where nobody declares it.
fn mirrored(context: &Context, template: &Template) -> Vec<FieldState> {
    let spec = &context.object.spec;
    let mut states = settings(context, template).to_vec();
    states.push(state(
        context,
        "organization",
        text(spec.organization.as_deref()),
        text(Some(&template.organization.to_lowercase())),
    ));
    let kept = spec.files.as_ref().filter(|files| !files.is_empty()).map(|files| json!(files));
    let actual = match content(context) {
        Some(content) => mirrorable(content).ok().map(|files| json!(files)),
        None if spec.source.is_some() => None,
        None => kept.clone(),
    };
    states.push(state(context, FILES, kept, actual));
    states
}

/// The active version's content, where it is to be mirrored.
fn content<'a>(context: &Context<'a>) -> Option<&'a Result<Content, String>> {
    context.active.filter(|_| mirrors_files(context.object, context.ownership))
}

/// The files to mirror, or why none are.
fn mirrorable(content: &Result<Content, String>) -> Result<BTreeMap<String, String>, String> {
    let content = content.as_ref().map_err(String::clone)?;
    let files = content.mirrorable(MIRROR_LIMIT_BYTES).map_err(|omitted| omitted.to_string())?;
    if files.is_empty() { Err("the version has no files".to_owned()) } else { Ok(files) }
}

/// Whether `spec.files` mirrors the active version: no source is declared.
fn mirrors_files(object: &CoderTemplate, ownership: &Ownership) -> bool {
    !declares_files(object, ownership) && object.spec.source.is_none()
}

/// Whether mirroring needs the content of active version `version_id`: it was not looked at yet, or
/// what was mirrored is not there any more.
pub fn needs_content(object: &CoderTemplate, ownership: &Ownership, version_id: &str) -> bool {
    let status = object.status.as_ref();
    let record = status.and_then(|status| status.mirrored_files.as_ref());
    mirrors_files(object, ownership)
        && match record.filter(|record| record.version_id == version_id) {
            None => true,
            Some(MirroredFiles { omitted: Some(_), .. }) => false,
            Some(MirroredFiles { omitted: None, .. }) => {
                !ownership.held_by_coderd(&FieldPath::spec(FILES))
            }
        }
}

/// What the status is to say of the mirrored files.
fn mirrored_files(context: &Context, template: &Template) -> Option<MirroredFiles> {
    if !mirrors_files(context.object, context.ownership) {
        return None;
    }
    let Some(content) = content(context) else {
        return context.records().mirrored_files;
    };
    let omitted = mirrorable(content).err();
    Some(MirroredFiles { version_id: template.active_version_id.clone(), omitted })
}

fn state(
    context: &Context,
    name: &'static str,
    wanted: Option<Value>,
    actual: Option<Value>,
) -> FieldState {
    FieldState::of(context.ownership, name, wanted, actual)
}

fn text(value: Option<&str>) -> Option<Value> {
    value.filter(|text| !text.is_empty()).map(Value::from)
}

/// What is declared although it is not synchronised yet.
pub fn not_supported(context: &Context) -> Option<String> {
    let spec = &context.object.spec;
    let active = context.present().map(|template| template.active_version_id.as_str());
    let given = |value: Option<&str>| value.is_some_and(|text| !text.is_empty());
    let fields: Vec<_> = [
        (given(spec.deprecation_message.as_deref()), "deprecationMessage"),
        (spec.default_ttl_millis.is_some(), "defaultTTLMillis"),
        (spec.activity_bump_millis.is_some(), "activityBumpMillis"),
        (spec.time_til_autostop_notify_millis.is_some(), "timeTilAutostopNotifyMillis"),
        (spec.autostop_requirement.is_some(), "autostopRequirement"),
        (spec.autostart_requirement.is_some(), "autostartRequirement"),
        (spec.allow_user_autostart.is_some(), "allowUserAutostart"),
        (spec.allow_user_autostop.is_some(), "allowUserAutostop"),
        (spec.allow_user_cancel_workspace_jobs.is_some(), "allowUserCancelWorkspaceJobs"),
        (spec.failure_ttl_millis.is_some(), "failureTTLMillis"),
        (spec.time_til_dormant_millis.is_some(), "timeTilDormantMillis"),
        (spec.time_til_dormant_auto_delete_millis.is_some(), "timeTilDormantAutoDeleteMillis"),
        (spec.require_active_version.is_some(), "requireActiveVersion"),
        (spec.source.is_some(), "source"),
        (given(spec.version_id.as_deref().filter(|id| Some(*id) != active)), "versionID"),
        (!spec.variables.is_empty(), "variables"),
        (spec.provisioner_tags.as_ref().is_some_and(|tags| !tags.is_empty()), "provisionerTags"),
        (spec.promotion == Some(Promotion::Manual), "promotion"),
    ]
    .into_iter()
    .filter_map(|(declared, name)| declared.then(|| format!("spec.{name}")))
    .collect();
    (!fields.is_empty()).then(|| {
        format!("{} is not synchronised by this version yet; leave it out", fields.join(", "))
    })
}
