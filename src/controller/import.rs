//! Objects for what exists in coderd only.

use serde_json::Value;
use uuid::Uuid;

use super::{inventory::forms, key::Key, queue::Lane, shared::Controller, template, workspace};
use crate::{
    api::names::MANAGER_CODERD,
    coderd,
    k8s::object::{self, Imported, Objects},
    sync::kind::ExternalObject,
};

/// Imports workspace `id`, if it is still there and still without an object. It is read live: a sweep
/// that is older than our own delete must bring nothing back.
pub(super) async fn workspace(controller: &Controller, id: Uuid) -> Result<(), Error> {
    let client = &controller.settings.coderd;
    let live = match client.workspace(id).await {
        Ok(live) => live,
        Err(error) if error.is_gone() || error.is_not_found() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let is_leaving = live.latest_build.transition == coderd::Transition::Delete;
    if live.is_prebuild || is_leaving || controller.inventory.is_bound(id) {
        return Ok(());
    }
    let external = workspace::translate(&live, &client.secrets());
    if !controller.settings.imports.cover(&external.organization) {
        return Ok(());
    }
    let set =
        serde_json::json!({ "spec": { "organization": external.organization.to_lowercase() } });
    let name = external.object_name().to_string();
    let key = made(
        controller,
        &controller.workspaces,
        Key::Workspace,
        name,
        set,
    )
    .await?;
    controller.queue.add(key, Lane::Bulk);
    Ok(())
}

/// Imports template `id`, likewise.
pub(super) async fn template(controller: &Controller, id: Uuid) -> Result<(), Error> {
    let live = match controller.settings.coderd.template(id).await {
        Ok(live) => live,
        Err(error) if error.is_not_found() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if live.deleted || controller.inventory.is_bound(id) {
        return Ok(());
    }
    if !controller.settings.imports.cover(&live.organization_name) {
        return Ok(());
    }
    let set = serde_json::json!({
        "spec": { "organization": live.organization_name.to_lowercase() }
    });
    let name = template::object_name(&live).to_string();
    let key = made(controller, &controller.templates, Key::Template, name, set).await?;
    controller.queue.add(key, Lane::Bulk);
    Ok(())
}

/// Makes the object called `name`, unless there is one: either form of the name counts. Gives back the
/// one that is there.
async fn made<K: object::Kind>(
    controller: &Controller,
    objects: &Objects<K>,
    kind: fn(String) -> Key,
    name: String,
    set: Value,
) -> Result<Key, Error> {
    let namespace = &controller.settings.namespace;
    for form in forms(&name) {
        let place = object::Key::new(namespace, &form);
        if objects.get(&place).await?.is_some() {
            return Ok(kind(form));
        }
    }
    let place = object::Key::new(namespace, &name);
    let key = kind(name);
    controller.memory.imports(&key);
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
