//! A declared source that is in a ConfigMap.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;

use crate::{
    api::text::chain,
    controller::control_plane::ControlPlane,
    k8s::object::{Key, Objects},
    sync::{
        source::{Source, SourceError},
        template::declared::Unusable,
    },
};

/// Reads the source that the ConfigMap `name` holds.
pub(super) async fn read(plane: &ControlPlane, name: &str) -> Result<Source, Unusable> {
    let maps = Objects::<ConfigMap>::new(plane.shared.settings.kube.clone());
    let place = Key::new(&plane.home.place.namespace, name);
    let missing = |what: String| Unusable::Missing(format!("spec.source: {what}"));
    match maps.get(&place).await {
        Ok(Some(map)) => source(&map).map_err(|error| {
            let error = chain(&error);
            Unusable::Invalid(format!("spec.source: ConfigMap {name}: {error}"))
        }),
        Ok(None) => Err(missing(format!("there is no ConfigMap {name}"))),
        Err(error) => Err(missing(format!(
            "ConfigMap {name} cannot be read: {}",
            chain(&error)
        ))),
    }
}

fn source(map: &ConfigMap) -> Result<Source, SourceError> {
    let none = BTreeMap::new();
    let binary = map.binary_data.iter().flatten();
    let binary = binary.map(|(key, bytes)| (key.clone(), bytes.0.as_slice()));
    Source::from_keys(map.data.as_ref().unwrap_or(&none), &binary.collect())
}
