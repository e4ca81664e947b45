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

/// The declared parameters whose values the latest build does not have; they travel with the next
/// start. An ephemeral one lasts for one build only and is not compared.
pub fn waiting(object: &CoderWorkspace, workspace: &Workspace) -> Vec<String> {
    let is_ephemeral = |name: &str| {
        let known = workspace.known_parameters.iter().flatten();
        known
            .into_iter()
            .any(|one| one.name == name && one.is_ephemeral)
    };
    declared(object)
        .into_iter()
        .filter(|(name, _)| !is_ephemeral(name))
        .filter(|(name, value)| workspace.parameters.get(name) != Some(value))
        .map(|(name, _)| name)
        .collect()
}

/// What is wrong with the declared parameters, seen from those that the version has. coderd takes an
/// unknown name without a word and stores nothing.
pub fn unknown(object: &CoderWorkspace, known: &[Parameter]) -> Option<String> {
    let declared = declared(object);
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

/// A declared parameter that the version does not have would be lost without a word.
pub fn known(context: &Context) -> Option<Step> {
    let known = context.present()?.known_parameters.as_ref()?;
    let message = unknown(context.object, known)?;
    Some(Step::pass(ConditionSet::stalled(
        Reason::UnknownParameter,
        message,
    )))
}
