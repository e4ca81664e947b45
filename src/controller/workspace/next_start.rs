//! What is to be seen of coderd about the next start of a workspace: only where something is declared that
//! travels with it.

use uuid::Uuid;

use crate::{
    api::workspace::CoderWorkspace,
    coderd,
    controller::{control_plane::ControlPlane, observation::Observation},
    sync::{
        external::External,
        fields::ownership::Ownership,
        workspace::{
            external::{PinnedVersion, Workspace},
            pin,
        },
    },
};

/// Looks at the declared version, and at the parameters that the next start, or the creation, takes.
pub(super) async fn look(
    plane: &ControlPlane,
    object: &CoderWorkspace,
    ownership: &Ownership,
    seen: &mut Observation<CoderWorkspace>,
) -> Result<(), coderd::Error> {
    let (directory, client) = (&plane.directory, &plane.client);
    let pin = pin::declared(object, ownership);
    let used = match &seen.external {
        External::Present(workspace) => Some(workspace.version_id),
        External::Absent | External::Gone | External::Unknown(_) => None,
    };
    seen.own.pinned = match pin.filter(|_| pin != used) {
        Some(id) => Some(directory.version(client, id).await?),
        None => None,
    };
    if object.spec.parameters.is_empty() {
        return Ok(());
    }
    let pin = pin.filter(|_| seen.own.pinned.is_none_or(PinnedVersion::has_parameters));
    match &mut seen.external {
        External::Present(workspace) => add_parameters(plane, pin, workspace).await?,
        External::Absent => {
            let site = seen.own.site.as_mut();
            if let Some(template) = site.and_then(|site| site.template.as_mut()) {
                let version = pin.unwrap_or(template.active_version_id);
                template.parameters = directory.parameters(client, version).await?;
            }
        }
        External::Gone | External::Unknown(_) => {}
    }
    Ok(())
}

/// The values of the latest build, which never change, and what the next start takes.
async fn add_parameters(
    plane: &ControlPlane,
    pin: Option<Uuid>,
    workspace: &mut Workspace,
) -> Result<(), coderd::Error> {
    let (directory, client) = (&plane.directory, &plane.client);
    if workspace.known_parameters.is_none() {
        let values = client.build_parameters(workspace.build.id).await?;
        let values = values.into_iter().map(|one| (one.name, one.value.into()));
        workspace.parameters = values.collect();
    }
    let version = pin.or(workspace.version_of_next_start);
    let version = version.unwrap_or(workspace.version_id);
    workspace.known_parameters = Some(directory.parameters(client, version).await?);
    Ok(())
}
