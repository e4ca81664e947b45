//! Objects for what exists in coderd only.

use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use super::{
    control_plane::ControlPlane,
    external_client::{ExternalClient, Importable},
    inventory::forms,
    key::Key,
    queue::Lane,
    router::belonging::Belonging,
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
    if plane.home.inventory.is_bound(id) || !covers.cover(&importable.organization) {
        return Ok(());
    }
    if let Some(key) = made::<K>(plane, importable).await? {
        plane.home.queue.add(key, Lane::Bulk);
    }
    Ok(())
}

/// Makes the object, unless there is one of this control plane: either form of the name counts. Where a short name
/// would not mean this control plane, or another one has it, the long form is taken. Gives back the one that is there.
async fn made<K: ExternalClient>(
    plane: &ControlPlane,
    Importable { name, organization }: Importable,
) -> Result<Option<Key>, Error> {
    let objects = K::objects(&plane.shared);
    let [short, long] = forms(&plane.home.place, &name);
    let router = &plane.shared.router;
    let mut free = vec![&long];
    if router.is_meant_by_short_names(&plane.home.place) {
        free.push(&short);
    }
    for form in [&short, &long] {
        if let Some(object) = objects.get(form).await? {
            let key = K::key(form.clone());
            let home = router.learn(&key, Belonging::of(&object.shared_status()));
            if home.is_some_and(|home| Arc::ptr_eq(&home, &plane.home)) {
                return Ok(Some(key));
            }
            free.retain(|it| *it != form);
        }
    }
    let Some(place) = free.pop() else {
        tracing::warn!(object = %long, "not imported: another control plane has an object of this name");
        return Ok(None);
    };
    let key = K::key(place.clone());
    plane.shared.memory.imports(&key);
    let set = json!({ "spec": { "organization": organization.to_lowercase() } });
    let imported = objects.import(place, MANAGER_CODERD, set).await?;
    let created = matches!(imported, Imported::Created(_));
    tracing::info!(object = %key, created, "imported");
    Ok(Some(key))
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
