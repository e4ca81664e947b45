//! What is to be seen of coderd for one workspace.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use uuid::Uuid;

use super::translate::translate;
use crate::{
    api::{condition::Reason, object_name::WorkspaceName, workspace::CoderWorkspace},
    coderd,
    controller::{Controller, Key, cause, look::Bearings, session::Session},
    sync::{
        lifecycle::Departure,
        ownership::Ownership,
        standing::Standing,
        twin::{Cause, Twin},
        workspace::{Parameter, Site, Spelling, TemplateSite, Workspace, settings},
    },
};

/// What was seen for one workspace.
#[derive(Debug)]
pub(in crate::controller) struct Seen {
    pub(super) twin: Twin<Workspace>,
    pub(super) site: Option<Site>,
    pub(super) bound_elsewhere: Option<String>,
    pub(super) session: Session,
    pub(super) crd_is_going: bool,
    pub(super) stable_for: Duration,
    pub(super) coderd_now: Option<Timestamp>,
}

/// Looks at coderd, as far as the object needs it. Nothing is asked of coderd for an object that is
/// let go whatever it says.
pub(super) async fn observe(
    controller: &Controller,
    key: &Key,
    object: &CoderWorkspace,
    ownership: &Ownership,
) -> Seen {
    let standing = Standing::of_workspace(object, ownership);
    let Bearings {
        crd_is_going,
        departure,
        session,
    } = controller.bearings(key, &standing).await;
    let mut seen = Seen {
        twin: Twin::Unknown(Cause::new(Reason::Pending, "not looked at")),
        site: None,
        bound_elsewhere: None,
        session: Session::default(),
        crd_is_going,
        stable_for: Duration::ZERO,
        coderd_now: None,
    };
    if matches!(departure, Some(Departure::NotHeld | Departure::Release)) {
        return seen;
    }
    match session {
        Ok(session) => seen.session = session,
        Err(cause) => {
            seen.twin = Twin::Unknown(cause);
            return seen;
        }
    }
    let looked = match standing.binding {
        Some(binding) => by_id(controller, object, &binding.id)
            .await
            .map(|twin| seen.twin = twin),
        None => by_name(controller, object, &mut seen).await,
    };
    if let Err(error) = looked {
        seen.twin = Twin::Unknown(cause::of(&error));
    }
    let is_unbound = standing.binding.is_none();
    if matches!(seen.twin, Twin::Present(_))
        && let Some(cause) = controller.bindings_are_unknown().filter(|_| is_unbound)
    {
        seen.twin = Twin::Unknown(cause);
    }
    if let Twin::Present(workspace) = &seen.twin {
        let build = &workspace.build;
        let look = format!("{} {} {:?}", workspace.id, build.id, build.status);
        seen.stable_for = controller.memory.stable_for(key, &look);
        seen.bound_elsewhere = controller.bound_elsewhere(key, &workspace.id);
    }
    seen
}

/// The twin by its id: only coderd's own word about this very id proves that it is gone.
async fn by_id(
    controller: &Controller,
    object: &CoderWorkspace,
    id: &str,
) -> Result<Twin<Workspace>, coderd::Error> {
    let Ok(id) = id.parse::<Uuid>() else {
        let message = format!("status.binding.id {id} is no id of coderd");
        return Ok(Twin::Unknown(Cause::new(Reason::NotProved, message)));
    };
    match controller.settings.coderd.workspace(id).await {
        Ok(wire) => Ok(Twin::Present(
            with_parameters(controller, object, wire).await?,
        )),
        Err(error) if error.is_gone() => Ok(Twin::Gone),
        Err(error) => Err(error),
    }
}

/// The twin by its natural key, and the place where it belongs.
async fn by_name(
    controller: &Controller,
    object: &CoderWorkspace,
    seen: &mut Seen,
) -> Result<(), coderd::Error> {
    let client = &controller.settings.coderd;
    let name = object
        .metadata
        .name
        .as_deref()
        .and_then(WorkspaceName::parse);
    let Some(name) = name else {
        seen.twin = Twin::Absent;
        return Ok(());
    };
    let (organization, organization_id) = controller.organization(&name.organization).await?;
    let owner = match client.user(&name.owner).await {
        Ok(user) => Spelling::of(&name.owner, &user.username),
        Err(error) if error.is_not_found() => Spelling::NotFound,
        Err(error) => return Err(error),
    };
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
    } else {
        if let (Some(template), Some(organization)) =
            (object.spec.template_name.as_deref(), organization_id)
        {
            site.template = template_site(controller, object, organization, template).await?;
        }
        seen.twin = Twin::Absent;
    }
    seen.site = Some(site);
    Ok(())
}

async fn template_site(
    controller: &Controller,
    object: &CoderWorkspace,
    organization: Uuid,
    name: &str,
) -> Result<Option<TemplateSite>, coderd::Error> {
    let client = &controller.settings.coderd;
    let lookup = client
        .template_by_name(&organization.to_string(), name)
        .await?;
    let Some(template) = lookup.found else {
        return Ok(None);
    };
    let parameters = if settings::declared_parameters(object).is_empty() {
        Vec::new()
    } else {
        known_parameters(client, template.active_version_id).await?
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
    let mut workspace = translate(&wire);
    if settings::declared_parameters(object).is_empty() {
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
    workspace.known_parameters = Some(known_parameters(client, version).await?);
    Ok(workspace)
}

async fn known_parameters(
    client: &coderd::Client,
    version: Uuid,
) -> Result<Vec<Parameter>, coderd::Error> {
    let parameters = client.version_parameters(version).await?;
    Ok(parameters
        .into_iter()
        .map(|one| Parameter {
            name: one.name,
            is_ephemeral: one.ephemeral,
        })
        .collect())
}
