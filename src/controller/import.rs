//! Objects for what exists in coderd only.

use serde_json::json;
use uuid::Uuid;

use super::{
    control_plane::ControlPlane,
    external_client::{ExternalClient, Importable},
    inventory::forms,
    key::Key,
    queue::Lane,
};
use crate::{api::names::MANAGER_CODERD, coderd, k8s::object::Imported};

/// Imports external `id`, if it is still there and still without an object. It is read live: a sweep that
/// is older than our own delete must bring nothing back.
pub(super) async fn import<K: ExternalClient>(plane: &ControlPlane, id: Uuid) -> Result<(), Error> {
    let client = &plane.client;
    let Some(importable) = K::importable(client, id).await? else {
        return Ok(());
    };
    let covers = &plane.shared.settings.imports;
    if plane.inventory.is_bound(id) || !covers.cover(&importable.organization) {
        return Ok(());
    }
    let key = made::<K>(plane, importable).await?;
    plane.queue.add(key, Lane::Bulk);
    Ok(())
}

/// Makes the object, unless there is one: either form of the name counts. Gives back the one that is there.
async fn made<K: ExternalClient>(
    plane: &ControlPlane,
    Importable { name, organization }: Importable,
) -> Result<Key, Error> {
    let objects = K::objects(&plane.shared);
    let forms = forms(&plane.place, &name);
    for form in &forms {
        if objects.get(form).await?.is_some() {
            return Ok(K::key(form.clone()));
        }
    }
    let [place, _] = forms;
    let key = K::key(place.clone());
    plane.shared.memory.imports(&key);
    let set = json!({ "spec": { "organization": organization.to_lowercase() } });
    let imported = objects.import(&place, MANAGER_CODERD, set).await?;
    let created = matches!(imported, Imported::Created(_));
    tracing::info!(object = %key, created, "imported");
    Ok(key)
}

/// Why an import did not happen; it is tried again with the next sweep.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// coderd did not answer.
    #[error(transparent)]
    Coderd(#[from] coderd::Error),
    /// The API server did not take the object.
    #[error(transparent)]
    Kubernetes(#[from] crate::k8s::error::Error),
}
