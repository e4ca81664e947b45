//! The settings of a workspace: which are declared, what is pushed, what is mirrored into `spec`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Context, Effect, Parameter, Workspace, WorkspacePlan, power};
use crate::{
    api::{
        condition::Reason, object_name::WorkspaceName, status::Refusal, workspace::CoderWorkspace,
    },
    sync::{
        field::{self, FieldState, Verdict},
        note::{Note, NoteReason},
        outlook::Outlook,
        ownership::FieldPath,
        plan::ObjectEffect,
    },
};

/// The field of autostop.
pub const TTL: &str = "ttlMillis";
/// The field of autostart.
pub const AUTOSTART: &str = "autostartSchedule";

/// The next declared setting that coderd has to be told, or be told again.
pub fn push(context: &Context) -> Option<WorkspacePlan> {
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
    Some(WorkspacePlan::act(effect_of(name, value.as_ref()), outlook).noting(correction))
}

/// The settings that can be pushed one by one.
pub fn settings(context: &Context, workspace: &Workspace) -> [(&'static str, FieldState); 2] {
    let spec = &context.object.spec;
    let ttl = |millis: Option<i64>| millis.and_then(field::canonical_ttl).map(Value::from);
    let text = |value: &Option<String>| value.clone().map(Value::from);
    [
        (
            TTL,
            state(
                context,
                TTL,
                ttl(spec.ttl_millis),
                ttl(workspace.ttl_millis),
            ),
        ),
        (
            AUTOSTART,
            state(
                context,
                AUTOSTART,
                text(&spec.autostart_schedule),
                text(&workspace.autostart_schedule),
            ),
        ),
    ]
}

/// The effect that sets a setting to its declared value.
fn effect_of(name: &str, wanted: Option<&Value>) -> Effect {
    if name == TTL {
        Effect::SetTtl(wanted.and_then(Value::as_i64))
    } else {
        Effect::SetAutostart(wanted.and_then(Value::as_str).map(str::to_owned))
    }
}

/// The settings whose declared value coderd refused, and what it said.
pub fn refused(context: &Context, workspace: &Workspace) -> Vec<Refusal> {
    let states = settings(context, workspace);
    let refused = states.iter().filter_map(|(name, state)| {
        let verdict = field::decide(state, context.standing().drift_policy, context.refusals());
        let Verdict::Refused { message } = verdict else {
            return None;
        };
        Some(effect_of(name, state.wanted.as_ref()).refused(&message))
    });
    refused.collect()
}

/// What differs in declared settings that are only watched.
pub fn drifted(context: &Context, workspace: &Workspace) -> Vec<String> {
    let states = settings(context, workspace);
    let drifted = states.iter().filter(|(_, state)| {
        let verdict = field::decide(state, context.standing().drift_policy, &[]);
        matches!(verdict, Verdict::Drift { .. })
    });
    drifted.map(|(_, state)| state.difference()).collect()
}

/// Brings the mirrored part of `spec` up to date, or lets go of what somebody declared.
pub fn mirror(context: &Context) -> Option<WorkspacePlan> {
    let workspace = context.present()?;
    let states = mirrored(context, workspace);
    if !field::needs_apply(&states) {
        return None;
    }
    let outlook = Outlook::reconciling(Reason::Mirroring, "spec is brought up to date with Coder");
    if must_report_template_first(context, workspace) {
        return Some(WorkspacePlan::record(context.records(), outlook));
    }
    let fields = field::mirrored_set(&states);
    Some(WorkspacePlan::act(
        Effect::Object(ObjectEffect::ApplySpec {
            fields,
            force: false,
        }),
        outlook,
    ))
}

/// The schema lets `spec.templateName` change only to what `status` says already.
pub fn must_report_template_first(context: &Context, workspace: &Workspace) -> bool {
    let reported = context
        .object
        .status
        .as_ref()
        .and_then(|status| status.template_name.as_ref());
    context.object.spec.template_name.is_some() && reported != Some(&workspace.template)
}

/// The complete set for a forced write of `running`, which must not drop the other mirrored fields.
pub fn forced_running(
    context: &Context,
    workspace: &Workspace,
    running: bool,
) -> Map<String, Value> {
    let mut fields = field::mirrored_set(&mirrored(context, workspace));
    fields.insert(power::FIELD.to_owned(), json!(running));
    fields
}

/// Every field that `coderd` owns where nobody declares it.
fn mirrored(context: &Context, workspace: &Workspace) -> Vec<FieldState> {
    let spec = &context.object.spec;
    // The schema takes only the organization of the object's name.
    let name = context
        .object
        .metadata
        .name
        .as_deref()
        .and_then(WorkspaceName::parse);
    let organization = name.map_or(workspace.organization.to_lowercase(), |name| {
        name.organization
    });
    let mut states: Vec<_> = settings(context, workspace)
        .into_iter()
        .map(|(_, state)| state)
        .collect();
    states.push(state(
        context,
        "organization",
        spec.organization.clone().map(Value::from),
        Some(organization.into()),
    ));
    states.push(state(
        context,
        "templateName",
        spec.template_name.clone().map(Value::from),
        Some(workspace.template.clone().into()),
    ));
    let running = spec.running.map(Value::from);
    let settled = power::mirrored(context, workspace).map(Value::from);
    states.push(state(context, power::FIELD, running, settled));
    states
}

fn state(
    context: &Context,
    name: &'static str,
    wanted: Option<Value>,
    actual: Option<Value>,
) -> FieldState {
    FieldState::new(FieldPath::spec(name), context.ownership, wanted, actual)
}

/// The declared parameters with plain values, by name.
pub fn declared_parameters(object: &CoderWorkspace) -> BTreeMap<String, String> {
    let parameters = object.spec.parameters.iter();
    parameters
        .filter_map(|one| Some((one.name.clone(), one.value.clone()?)))
        .collect()
}

/// The declared parameters whose values the latest build does not have; they travel with the next
/// start. An ephemeral one lasts for one build only and is not compared.
pub fn waiting_parameters(context: &Context, workspace: &Workspace) -> Vec<String> {
    let is_ephemeral = |name: &str| {
        let known = workspace.known_parameters.iter().flatten();
        known
            .into_iter()
            .any(|one| one.name == name && one.is_ephemeral)
    };
    declared_parameters(context.object)
        .into_iter()
        .filter(|(name, _)| !is_ephemeral(name))
        .filter(|(name, value)| workspace.parameters.get(name) != Some(value))
        .map(|(name, _)| name)
        .collect()
}

/// What is wrong with the declared parameters, seen from those that the version has. coderd takes an
/// unknown name without a word and stores nothing.
pub fn unknown_parameter(context: &Context, known: &[Parameter]) -> Option<String> {
    let declared = declared_parameters(context.object);
    let unknown: Vec<_> = declared
        .keys()
        .filter(|name| known.iter().all(|one| one.name != **name))
        .collect();
    let names: Vec<_> = known.iter().map(|one| one.name.as_str()).collect();
    let first = unknown.first()?;
    Some(format!(
        "spec.parameters: the template has no parameter {first}; it has {}",
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    ))
}

/// What is declared although it is not synchronised yet.
pub fn not_supported(context: &Context) -> Option<String> {
    let spec = &context.object.spec;
    let pin = spec
        .template_version_id
        .as_deref()
        .is_some_and(|id| !id.is_empty());
    let from_secret = spec.parameters.iter().any(|one| one.value_from.is_some());
    let fields: Vec<_> = [
        (pin, "spec.templateVersionID"),
        (spec.automatic_updates.is_some(), "spec.automaticUpdates"),
        (from_secret, "spec.parameters[].valueFrom"),
    ]
    .into_iter()
    .filter_map(|(declared, name)| declared.then_some(name))
    .collect();
    (!fields.is_empty()).then(|| {
        format!(
            "{} is not synchronised by this version yet; leave it out",
            fields.join(", ")
        )
    })
}
