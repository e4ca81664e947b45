//! The metadata of a template: which of it is declared, what is pushed, what is mirrored into `spec`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Context, Effect, Records, Template, TemplatePlan, declares_files};
use crate::{
    api::{
        condition::Reason,
        object_name::TemplateName,
        status::Refusal,
        template::{CoderTemplate, MirroredFiles, Promotion},
    },
    sync::{
        field::{self, FieldState, Verdict},
        note::{Note, NoteReason},
        outlook::Outlook,
        ownership::{FieldPath, Ownership},
        plan::ObjectEffect,
        source::{Content, MIRROR_LIMIT_BYTES},
    },
};

/// The field of the inline source.
pub const FILES: &str = "files";

/// The next declared field that coderd has to be told, or be told again. Each goes by itself: coderd
/// refuses a request as a whole.
pub fn push(context: &Context) -> Option<TemplatePlan> {
    let policy = context.standing().drift_policy;
    let states = settings(context, context.present()?);
    let (name, state, value) = states.into_iter().find_map(|(name, state)| {
        let Verdict::Push { value } = field::decide(&state, policy, context.refusals()) else {
            return None;
        };
        Some((name, state, value))
    })?;
    let correction = (!context.standing().has_new_spec())
        .then(|| Note::normal(NoteReason::DriftCorrected, state.correction()));
    let outlook = Outlook::reconciling(Reason::Pushing, format!("{name} is being set in Coder"));
    Some(TemplatePlan::act(effect_of(name, value.as_ref()), outlook).noting(correction))
}

/// The fields that can be pushed one by one.
pub fn settings(context: &Context, template: &Template) -> [(&'static str, FieldState); 3] {
    let spec = &context.object.spec;
    let field = |name, wanted: &Option<String>, actual: &str| {
        let wanted = wanted.clone().map(Value::from);
        (
            name,
            state(context, name, wanted, Some(Value::from(actual))),
        )
    };
    [
        field("displayName", &spec.display_name, &template.display_name),
        field("description", &spec.description, &template.description),
        field("icon", &spec.icon, &template.icon),
    ]
}

/// The effect that sets a field to its declared value.
fn effect_of(field: &'static str, wanted: Option<&Value>) -> Effect {
    let value = wanted.and_then(Value::as_str).unwrap_or_default();
    Effect::SetMetadata {
        field,
        value: value.to_owned(),
    }
}

/// The fields whose declared value coderd refused, and what it said.
pub fn refused(context: &Context, template: &Template) -> Vec<Refusal> {
    let states = settings(context, template);
    let refused = states.iter().filter_map(|(name, state)| {
        let verdict = field::decide(state, context.standing().drift_policy, context.refusals());
        let Verdict::Refused { message } = verdict else {
            return None;
        };
        Some(effect_of(name, state.wanted.as_ref()).refused(&message))
    });
    refused.collect()
}

/// What differs in declared fields that are only watched.
pub fn drifted(context: &Context, template: &Template) -> Vec<String> {
    let states = settings(context, template);
    let drifted = states.iter().filter(|(_, state)| {
        let verdict = field::decide(state, context.standing().drift_policy, &[]);
        matches!(verdict, Verdict::Drift { .. })
    });
    drifted.map(|(_, state)| state.difference()).collect()
}

/// Brings the mirrored part of `spec` up to date, or lets go of what somebody declared. The record of
/// what became of the files follows the write.
pub fn mirror(context: &Context) -> Option<TemplatePlan> {
    let template = context.present()?;
    let outlook = Outlook::reconciling(Reason::Mirroring, "spec is brought up to date with Coder");
    let states = mirrored(context, template);
    if field::needs_apply(&states) {
        let fields = field::mirrored_set(&states);
        let effect = Effect::Object(ObjectEffect::ApplySpec {
            fields,
            force: false,
        });
        return Some(TemplatePlan::act(effect, outlook));
    }
    let records = Records {
        mirrored_files: mirrored_files(context, template),
        ..context.records()
    };
    (records != context.records()).then(|| TemplatePlan::record(records, outlook))
}

/// Every field that `coderd` owns where nobody declares it.
fn mirrored(context: &Context, template: &Template) -> Vec<FieldState> {
    let spec = &context.object.spec;
    // The schema takes only the organization of the object's name.
    let name = context
        .object
        .metadata
        .name
        .as_deref()
        .and_then(TemplateName::parse);
    let organization = name.map_or(template.organization.to_lowercase(), |name| {
        name.organization
    });
    let mut states: Vec<_> = settings(context, template)
        .into_iter()
        .map(|(_, state)| state)
        .collect();
    states.push(state(
        context,
        "organization",
        spec.organization.clone().map(Value::from),
        Some(organization.into()),
    ));
    let kept = spec.files.as_ref().map(|files| json!(files));
    let actual = match active_content(context) {
        Some(content) => mirrorable(content).ok().map(|files| json!(files)),
        None if spec.source.is_some() => None,
        None => kept.clone(),
    };
    states.push(state(context, FILES, kept, actual));
    states
}

/// The active version's content, where it is to be mirrored.
fn active_content<'a>(context: &Context<'a>) -> Option<&'a Result<Content, String>> {
    context
        .active
        .filter(|_| mirrors_files(context.object, context.ownership))
}

/// The files to mirror, or why none are.
fn mirrorable(content: &Result<Content, String>) -> Result<BTreeMap<String, String>, String> {
    let content = content.as_ref().map_err(String::clone)?;
    let files = content
        .mirrorable(MIRROR_LIMIT_BYTES)
        .map_err(|omitted| omitted.to_string())?;
    if files.is_empty() {
        Err("the version has no files".to_owned())
    } else {
        Ok(files)
    }
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
            Some(MirroredFiles {
                omitted: Some(_), ..
            }) => false,
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
    let Some(content) = active_content(context) else {
        return context.records().mirrored_files;
    };
    let omitted = mirrorable(content).err();
    Some(MirroredFiles {
        version_id: template.active_version_id.clone(),
        omitted,
    })
}

fn state(
    context: &Context,
    name: &'static str,
    wanted: Option<Value>,
    actual: Option<Value>,
) -> FieldState {
    FieldState::new(FieldPath::spec(name), context.ownership, wanted, actual)
}

/// What is declared although it is not synchronised yet.
pub fn not_supported(context: &Context) -> Option<String> {
    let spec = &context.object.spec;
    let active = context
        .present()
        .map(|template| template.active_version_id.as_str());
    let given = |value: Option<&str>| value.is_some_and(|text| !text.is_empty());
    let fields: Vec<_> = [
        (
            given(spec.deprecation_message.as_deref()),
            "deprecationMessage",
        ),
        (spec.default_ttl_millis.is_some(), "defaultTTLMillis"),
        (spec.activity_bump_millis.is_some(), "activityBumpMillis"),
        (
            spec.time_til_autostop_notify_millis.is_some(),
            "timeTilAutostopNotifyMillis",
        ),
        (spec.autostop_requirement.is_some(), "autostopRequirement"),
        (spec.autostart_requirement.is_some(), "autostartRequirement"),
        (spec.allow_user_autostart.is_some(), "allowUserAutostart"),
        (spec.allow_user_autostop.is_some(), "allowUserAutostop"),
        (
            spec.allow_user_cancel_workspace_jobs.is_some(),
            "allowUserCancelWorkspaceJobs",
        ),
        (spec.failure_ttl_millis.is_some(), "failureTTLMillis"),
        (
            spec.time_til_dormant_millis.is_some(),
            "timeTilDormantMillis",
        ),
        (
            spec.time_til_dormant_auto_delete_millis.is_some(),
            "timeTilDormantAutoDeleteMillis",
        ),
        (
            spec.require_active_version.is_some(),
            "requireActiveVersion",
        ),
        (spec.source.is_some(), "source"),
        (
            given(spec.version_id.as_deref().filter(|id| Some(*id) != active)),
            "versionID",
        ),
        (!spec.variables.is_empty(), "variables"),
        (
            spec.provisioner_tags
                .as_ref()
                .is_some_and(|tags| !tags.is_empty()),
            "provisionerTags",
        ),
        (spec.promotion == Some(Promotion::Manual), "promotion"),
    ]
    .into_iter()
    .filter(|(declared, _)| *declared)
    .map(|(_, name)| format!("spec.{name}"))
    .collect();
    (!fields.is_empty()).then(|| {
        format!(
            "{} is not synchronised by this version yet; leave it out",
            fields.join(", ")
        )
    })
}
