//! The parameters of a workspace: they travel with builds.

use std::collections::BTreeMap;

use super::{
    external::{Parameter, Workspace},
    kind::{Context, Step},
};
use crate::{
    api::{condition::Reason, workspace::CoderWorkspace},
    sync::conditions::ConditionSet,
};

/// The declared parameters with plain values, by name.
pub fn declared(object: &CoderWorkspace) -> BTreeMap<String, String> {
    let parameters = object.spec.parameters.iter();
    parameters
        .filter_map(|one| Some((one.name.clone(), one.value.clone()?)))
        .collect()
}

/// The declared parameters that last for one build only.
pub fn ephemeral(object: &CoderWorkspace, known: &[Parameter]) -> BTreeMap<String, String> {
    let mut declared = declared(object);
    declared.retain(|name, _| known.iter().any(|it| it.name == *name && it.is_ephemeral));
    declared
}

/// The declared parameters whose values the latest build does not have; they travel with the next start.
pub fn waiting(object: &CoderWorkspace, workspace: &Workspace) -> Vec<String> {
    let known = workspace.known_parameters.as_deref().unwrap_or_default();
    let ephemeral = ephemeral(object, known);
    declared(object)
        .into_iter()
        .filter(|(name, _)| !ephemeral.contains_key(name))
        .filter(|(name, value)| workspace.parameters.get(name) != Some(value))
        .map(|(name, _)| name)
        .collect()
}

/// A declared parameter that the version does not have. coderd takes an unknown name without a word and
/// stores nothing.
pub fn unknown(object: &CoderWorkspace, known: &[Parameter]) -> Option<Step> {
    let declared = declared(object);
    let is_unknown = |name: &&String| known.iter().all(|one| one.name != **name);
    let name = declared.keys().find(is_unknown)?;
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
fn immutable(object: &CoderWorkspace, workspace: &Workspace, known: &[Parameter]) -> Option<Step> {
    let changed = |(name, value): &(String, String)| {
        let is_immutable = known.iter().any(|it| it.name == *name && !it.is_mutable);
        let has = workspace.parameters.get(name);
        is_immutable && has.is_some_and(|has| has != value)
    };
    let (name, _) = declared(object).into_iter().find(changed)?;
    let message = format!(
        "spec.parameters: {name} cannot be changed after the workspace was created, and it has another value \
         there; declare that value, or leave the parameter out"
    );
    let conditions = ConditionSet::stalled(Reason::ImmutableParameter, message);
    Some(Step::pass(conditions))
}

/// What coderd would refuse of the declared parameters, or lose.
pub fn acceptable(context: &Context) -> Option<Step> {
    let workspace = context.present()?;
    let known = workspace.known_parameters.as_ref()?;
    unknown(context.object, known).or_else(|| immutable(context.object, workspace, known))
}
