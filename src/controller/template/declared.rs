//! What is declared of a template's versions, with what it refers to.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretString};

use super::config_map as config_maps;
use crate::{
    api::{
        template::{CoderTemplate, TemplateVariable},
        workspace::SecretKeySelector,
    },
    coderd,
    controller::{control_plane::ControlPlane, references::Referent, secret_value},
    k8s::object,
    sync::{
        fields::ownership::Ownership,
        template::{
            declared::{Declared, Unusable, config_map, declared_source},
            variables::{VariableValue, Variables},
        },
    },
};

/// What the object refers to.
pub(super) fn referents(namespace: &str, object: &CoderTemplate) -> BTreeSet<Referent> {
    let references = object.spec.variables.iter().filter_map(reference);
    let secrets =
        references.map(|reference| Referent::Secret(object::Key::new(namespace, &reference.name)));
    let source =
        config_map(object).map(|name| Referent::ConfigMap(object::Key::new(namespace, name)));
    secrets.chain(source).collect()
}

fn reference(variable: &TemplateVariable) -> Option<&SecretKeySelector> {
    Some(&variable.value_from.as_ref()?.secret_key_ref)
}

/// The declared source, with the values that it refers to; none where none is declared.
pub(super) async fn read(
    plane: &ControlPlane,
    object: &CoderTemplate,
    ownership: &Ownership,
) -> Option<Result<Declared, Unusable>> {
    let referred = match config_map(object) {
        Some(name) => Some(config_maps::read(plane, name).await),
        None => None,
    };
    let variables = variables(plane, object).await;
    declared_source(object, ownership, referred, variables)
}

async fn variables(plane: &ControlPlane, object: &CoderTemplate) -> Result<Variables, String> {
    let declared = &object.spec.variables;
    if declared.is_empty() {
        return Ok(Variables::default());
    }
    let mut values = BTreeMap::new();
    for variable in declared {
        let value = value(plane, variable).await;
        let name = &variable.name;
        let value = value.map_err(|what| format!("spec.variables: {name}: {what}"))?;
        values.insert(name.clone(), value);
    }
    let key = plane.shared.variables_key().await;
    let key = key.map_err(|what| format!("spec.variables: {what}"))?;
    Ok(Variables::new(values, key.clone()))
}

async fn value(plane: &ControlPlane, variable: &TemplateVariable) -> Result<VariableValue, String> {
    Ok(match reference(variable) {
        Some(reference) => VariableValue {
            text: secret_value::read(plane, reference)
                .await?
                .expose_secret()
                .to_owned(),
            is_secret: true,
        },
        None => VariableValue {
            text: variable.value.clone().unwrap_or_default(),
            is_secret: false,
        },
    })
}

/// A client that repeats no value from a Secret, whatever coderd says of the version.
pub(super) fn hiding(
    plane: &ControlPlane,
    source: Option<&Result<Declared, Unusable>>,
) -> coderd::Client {
    let declared = source.and_then(|source| source.as_ref().ok());
    let secrets = declared.into_iter().flat_map(|it| it.variables.secrets());
    plane.client.hiding(secrets.map(SecretString::from))
}
