//! The parameters of a workspace: they travel with builds.

use std::time::Duration;

use super::{
    external::{Parameter, Workspace},
    kind::{Context, Step},
    value::{Referenced, Values},
};
use crate::{
    api::{condition::Reason, workspace::CoderWorkspace},
    sync::conditions::ConditionSet,
};

/// Who may not read a Secret is not told when he may.
const READ_AGAIN: Duration = Duration::from_secs(60);

/// The declared parameters by name, as far as their values are known.
pub fn declared(object: &CoderWorkspace, referenced: &Referenced) -> Values {
    let plain = object.spec.parameters.iter();
    let plain = plain.filter_map(|one| Some((one.name.clone(), one.value.as_deref()?.into())));
    let referenced = referenced.iter();
    let referenced = referenced.filter_map(|(name, it)| Some((name.clone(), it.clone().ok()?)));
    plain.chain(referenced).collect()
}

/// The declared parameters of `known` that last for one build only.
pub fn ephemeral(context: &Context, known: &[Parameter]) -> Values {
    let mut declared = declared(context.object, context.observed.referenced);
    declared.retain(|name, _| known.iter().any(|it| it.name == *name && it.is_ephemeral));
    declared
}

/// The declared parameters whose values the latest build does not have; they travel with the next start.
pub fn waiting(context: &Context, workspace: &Workspace) -> Vec<String> {
    let known = workspace.known_parameters.as_deref().unwrap_or_default();
    let ephemeral = ephemeral(context, known);
    declared(context.object, context.observed.referenced)
        .into_iter()
        .filter(|(name, _)| !ephemeral.contains_key(name))
        .filter(|(name, value)| workspace.parameters.get(name) != Some(value))
        .map(|(name, _)| name)
        .collect()
}

/// What keeps the parameters from being sent with a creation from a version that has those of `known`.
pub fn incomplete(context: &Context, known: &[Parameter]) -> Option<Step> {
    missing(context).or_else(|| unknown(context.object, known))
}

/// What coderd would refuse of the declared parameters, or lose.
pub fn acceptable(context: &Context) -> Option<Step> {
    let workspace = context.present()?;
    let known = workspace.known_parameters.as_ref()?;
    incomplete(context, known).or_else(|| immutable(context, workspace, known))
}

/// A reference that leads to no value: whoever makes the Secret is awaited.
fn missing(context: &Context) -> Option<Step> {
    let mut referenced = context.observed.referenced.iter();
    let (name, what) = referenced.find_map(|(name, it)| Some((name, it.as_ref().err()?)))?;
    let message = format!("spec.parameters: {name}: {what}");
    let conditions = ConditionSet::reconciling(Reason::WaitingForReference, message);
    Some(Step::pass(conditions).after(Some(READ_AGAIN)))
}

/// A declared parameter that the version does not have. coderd takes an unknown name without a word and
/// stores nothing.
fn unknown(object: &CoderWorkspace, known: &[Parameter]) -> Option<Step> {
    let mut declared = object.spec.parameters.iter().map(|one| &one.name);
    let name = declared.find(|name| known.iter().all(|one| one.name != **name))?;
    let names: Vec<_> = known.iter().map(|one| one.name.as_str()).collect();
    let names = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    let message = format!("spec.parameters: the template has no parameter {name}; it has {names}");
    let conditions = ConditionSet::stalled(Reason::UnknownParameter, message);
    Some(Step::pass(conditions))
}

/// A declared parameter that keeps for good the value of the first build that had it.
fn immutable(context: &Context, workspace: &Workspace, known: &[Parameter]) -> Option<Step> {
    let mut declared = declared(context.object, context.observed.referenced);
    declared.retain(|name, value| {
        let is_immutable = known.iter().any(|it| it.name == *name && !it.is_mutable);
        let has = workspace.parameters.get(name);
        is_immutable && has.is_some_and(|has| has != value)
    });
    let name = declared.into_keys().next()?;
    let message = format!(
        "spec.parameters: {name} cannot be changed after the workspace was created, and it has another value \
         there; declare that value, or leave the parameter out"
    );
    let conditions = ConditionSet::stalled(Reason::ImmutableParameter, message);
    Some(Step::pass(conditions))
}
