//! Objects for what exists in coderd only.

use serde_json::json;
use uuid::Uuid;

use super::{
    external_client::{ExternalClient, Importable},
    inventory::forms,
    key::Key,
    queue::Lane,
    shared::Controller,
};
use crate::{
    api::names::MANAGER_CODERD,
    coderd,
    k8s::object::{self, Imported},
};

/// Imports external `id`, if it is still there and still without an object. It is read live: a sweep that
/// is older than our own delete must bring nothing back.
pub(super) async fn import<K: ExternalClient>(
    controller: &Controller,
    id: Uuid,
) -> Result<(), Error> {
    let client = &controller.settings.coderd;
    let Some(importable) = K::importable(client, id).await? else {
        return Ok(());
    };
    let covers = &controller.settings.imports;
    if controller.inventory.is_bound(id) || !covers.cover(&importable.organization) {
        return Ok(());
    }
    let key = made::<K>(controller, importable).await?;
    controller.queue.add(key, Lane::Bulk);
    Ok(())
}

/// Makes the object, unless there is one: either form of the name counts. Gives back the one that is there.
async fn made<K: ExternalClient>(
    controller: &Controller,
    Importable { name, organization }: Importable,
) -> Result<Key, Error> {
    let (objects, namespace) = (K::objects(controller), &controller.settings.namespace);
    for form in forms(&name) {
        let place = object::Key::new(namespace, &form);
        if objects.get(&place).await?.is_some() {
            return Ok(K::key(form));
        }
    }
    let place = object::Key::new(namespace, &name);
    let key = K::key(name);
    controller.memory.imports(&key);
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
