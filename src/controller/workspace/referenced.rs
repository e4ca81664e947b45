//! The values that a workspace's parameters refer to.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};

use crate::{
    api::workspace::{CoderWorkspace, SecretKeySelector},
    coderd,
    controller::{control_plane::ControlPlane, references::Referent, secret_value},
    k8s::object,
    sync::workspace::value::Referenced,
};

/// The references of the object: the parameter's name, and the key of a Secret.
fn references(object: &CoderWorkspace) -> impl Iterator<Item = (&str, &SecretKeySelector)> {
    let parameters = object.spec.parameters.iter();
    parameters.filter_map(|one| Some((one.name.as_str(), &one.value_from.as_ref()?.secret_key_ref)))
}

/// What the object refers to.
pub(super) fn referents(namespace: &str, object: &CoderWorkspace) -> BTreeSet<Referent> {
    let places = references(object).map(|(_, to)| object::Key::new(namespace, &to.name));
    places.map(Referent::Secret).collect()
}

/// Reads the values that the object refers to.
pub(super) async fn read(plane: &ControlPlane, object: &CoderWorkspace) -> Referenced {
    let mut referenced = Referenced::new();
    for (name, reference) in references(object) {
        let value = secret_value::read(plane, reference).await;
        let value = value.map(|value| value.expose_secret().into());
        referenced.insert(name.to_owned(), value);
    }
    referenced
}

/// A client that repeats none of these values, whatever coderd says of the workspace.
pub(super) fn hiding(plane: &ControlPlane, referenced: &Referenced) -> coderd::Client {
    let values = referenced.values().flatten();
    let secrets = values.map(|value| SecretString::from(value.expose()));
    plane.client.hiding(secrets)
}
