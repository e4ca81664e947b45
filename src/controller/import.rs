//! Objects for what exists in coderd only.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Controller, Key, queue::Lane, template, workspace};
use crate::{
    api::names::MANAGER_CODERD,
    coderd,
    k8s::object::{self, Imported},
    sync::kind::TwinFacts,
};

/// Which of coderd's workspaces and templates get an object without being asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imports {
    /// All that the token may read.
    All,
    /// None.
    None,
    /// Those of the organizations with these names, lower case; never empty.
    Organizations(BTreeSet<String>),
}

impl Imports {
    /// Whether what belongs to `organization` is imported.
    pub fn cover(&self, organization: &str) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Organizations(names) => names.contains(&organization.to_lowercase()),
        }
    }
}

/// Imports workspace `id`, if it is still there and still without an object. It is read live: a sweep
/// that is older than our own delete must bring nothing back.
pub(super) async fn workspace(controller: &Controller, id: Uuid) -> Result<(), Error> {
    let live = match controller.settings.coderd.workspace(id).await {
        Ok(live) => live,
        Err(error) if error.is_gone() || error.is_not_found() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let is_leaving = live.latest_build.transition == coderd::Transition::Delete;
    if live.is_prebuild || is_leaving || controller.inventory.is_bound(id) {
        return Ok(());
    }
    let twin = workspace::translate(&live);
    if !controller.settings.imports.cover(&twin.organization) {
        return Ok(());
    }
    let name = twin.object_name().to_string();
    let set = serde_json::json!({ "spec": { "organization": twin.organization.to_lowercase() } });
    let key = object::Key::new(&controller.settings.namespace, &name);
    if controller.workspaces.get(&key).await?.is_none() {
        let imported = controller
            .workspaces
            .import(&key, MANAGER_CODERD, set)
            .await?;
        tracing::info!(name, %id, created = matches!(imported, Imported::Created(_)), "imported");
    }
    controller.queue.add(Key::Workspace(name), Lane::Sweep);
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
    let name = template::object_name(&live).to_string();
    if !controller.settings.imports.cover(&live.organization_name) {
        return Ok(());
    }
    let set = serde_json::json!({
        "spec": { "organization": live.organization_name.to_lowercase() }
    });
    let key = object::Key::new(&controller.settings.namespace, &name);
    if controller.templates.get(&key).await?.is_none() {
        let imported = controller
            .templates
            .import(&key, MANAGER_CODERD, set)
            .await?;
        tracing::info!(name, %id, created = matches!(imported, Imported::Created(_)), "imported");
    }
    controller.queue.add(Key::Template(name), Lane::Sweep);
    Ok(())
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
