//! What is to be seen of coderd for one workspace.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::translate::translate;
use crate::{
    api::{object_name::WorkspaceName, workspace::CoderWorkspace},
    coderd,
    controller::{Controller, look::Seen},
    sync::{
        twin::Twin,
        workspace::{Site, TemplateSite, Workspace, parameters},
    },
};

/// The twin by its id: only coderd's own word about this very id proves that it is gone.
pub(super) async fn by_id(
    controller: &Controller,
    object: &CoderWorkspace,
    id: Uuid,
) -> Result<Twin<Workspace>, coderd::Error> {
    match controller.settings.coderd.workspace(id).await {
        Ok(wire) => Ok(Twin::Present(
            with_parameters(controller, object, wire).await?,
        )),
        Err(error) if error.is_gone() => Ok(Twin::Gone),
        Err(error) => Err(error),
    }
}

/// The twin by its natural key, and the place where it belongs.
pub(super) async fn by_name(
    controller: &Controller,
    object: &CoderWorkspace,
    name: &WorkspaceName,
    seen: &mut Seen<CoderWorkspace>,
) -> Result<(), coderd::Error> {
    let client = &controller.settings.coderd;
    let (organization, organization_id) = controller.directory.organization(&name.organization);
    let owner = controller.user(&name.owner).await?;
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
        let mut twin = with_parameters(controller, object, wire).await?;
        twin.creator = Some(first.initiator_id.to_string());
        seen.twin = Twin::Present(twin);
    } else if let (Some(template), Some(organization)) =
        (object.spec.template_name.as_deref(), organization_id)
    {
        site.template = template_site(controller, object, organization, template).await?;
    }
    seen.own.site = Some(site);
    Ok(())
}

async fn template_site(
    controller: &Controller,
    object: &CoderWorkspace,
    organization: Uuid,
    name: &str,
) -> Result<Option<TemplateSite>, coderd::Error> {
    let Some(template) = controller.directory.template(organization, name) else {
        return Ok(None);
    };
    let parameters = if parameters::declared(object).is_empty() {
        Vec::new()
    } else {
        controller.parameters(template.active_version_id).await?
    };
    Ok(Some(TemplateSite {
        id: template.id.to_string(),
        active_version_id: template.active_version_id.to_string(),
        parameters,
    }))
}

/// The workspace, with what only an object that declares parameters needs.
async fn with_parameters(
    controller: &Controller,
    object: &CoderWorkspace,
    wire: coderd::Workspace,
) -> Result<Workspace, coderd::Error> {
    let client = &controller.settings.coderd;
    let mut workspace = translate(&wire, &client.secrets());
    if parameters::declared(object).is_empty() {
        return Ok(workspace);
    }
    let values = client.build_parameters(wire.latest_build.id).await?;
    workspace.parameters = values
        .into_iter()
        .map(|one| (one.name, one.value))
        .collect::<BTreeMap<_, _>>();
    let version = if workspace.version_of_next_start.is_some() {
        wire.template_active_version_id
    } else {
        wire.latest_build.template_version_id
    };
    workspace.known_parameters = Some(controller.parameters(version).await?);
    Ok(workspace)
}
