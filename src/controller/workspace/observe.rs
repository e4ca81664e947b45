//! What is to be seen of coderd for one workspace.

use uuid::Uuid;

use super::{referenced, translate::translate};
use crate::{
    api::{object_name::WorkspaceName, workspace::CoderWorkspace},
    coderd,
    controller::{control_plane::ControlPlane, observation::Observation},
    sync::{
        external::External,
        workspace::external::{Site, TemplateSite, Workspace},
    },
};

/// The external object by its id: only coderd's own word about this very id proves that it is gone.
pub(super) async fn by_id(
    client: &coderd::Client,
    id: Uuid,
) -> Result<External<Workspace>, coderd::Error> {
    match client.workspace(id).await {
        Ok(wire) => Ok(External::Present(complete(client, wire).await?)),
        Err(error) if error.is_gone() => Ok(External::Gone),
        Err(error) => Err(error),
    }
}

/// The external object by its natural key, and the place where it belongs.
pub(super) async fn by_name(
    plane: &ControlPlane,
    object: &CoderWorkspace,
    name: &WorkspaceName,
    seen: &mut Observation<CoderWorkspace>,
) -> Result<(), coderd::Error> {
    let client = &referenced::hiding(plane, &seen.own.referenced);
    let (organization, organization_id) = plane.directory.organization(&name.organization);
    let owner = plane.directory.user(client, &name.owner).await?;
    let lookup = client
        .workspace_by_name(&name.owner, &name.workspace)
        .await?;
    seen.coderd_now = lookup.at;
    let mut site = Site {
        organization,
        owner,
        template: None,
    };
    if let Some(wire) = lookup.found {
        let first = client
            .build_by_number(&wire.owner_name, &wire.name, 1)
            .await?;
        let mut external = complete(client, wire).await?;
        external.creator = Some(first.initiator_id);
        seen.external = External::Present(external);
    } else if let (Some(template), Some(organization)) =
        (object.spec.template_name.as_deref(), organization_id)
    {
        site.template = template_site(plane, organization, template);
    }
    seen.own.site = Some(site);
    Ok(())
}

fn template_site(plane: &ControlPlane, organization: Uuid, name: &str) -> Option<TemplateSite> {
    let template = plane.directory.template(organization, name)?;
    Some(TemplateSite {
        id: template.id,
        active_version_id: template.active_version_id,
        parameters: Vec::new(),
    })
}

/// The workspace, with what needs further calls.
async fn complete(
    client: &coderd::Client,
    wire: coderd::Workspace,
) -> Result<Workspace, coderd::Error> {
    let mut workspace = translate(&wire, &client.secrets());
    if may_be_unfit(&workspace) {
        workspace.is_unfit_to_autostart = is_unfit(client, wire.id).await?;
    }
    Ok(workspace)
}

/// Whether autostart would move a stopped workspace to another version.
fn may_be_unfit(workspace: &Workspace) -> bool {
    let is_scheduled = workspace.autostart_schedule.is_some();
    let moves = workspace.outdated && workspace.version_of_next_start.is_some();
    is_scheduled && moves && workspace.build.run_state() == Some(false)
}

/// coderd's word on whether autostart takes the values of the last build. Without the right to ask, and
/// for what was deleted meanwhile, there is none.
async fn is_unfit(client: &coderd::Client, id: Uuid) -> Result<bool, coderd::Error> {
    match client.resolve_autostart(id).await {
        Ok(autostart) => Ok(autostart.parameter_mismatch),
        Err(error)
            if error.is_forbidden()
                || error.is_not_found()
                || error.is_gone()
                || error.is_route_unknown() =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
