//! What is to be seen of coderd for one template.

use uuid::Uuid;

use super::{
    content, declared,
    translate::{translate, version as translate_version},
};
use crate::{
    api::{condition::Reason, object_name::TemplateName, template::CoderTemplate},
    coderd,
    controller::{control_plane::ControlPlane, failure, key::Key, observation::Observation},
    sync::{
        external::{External, Failure},
        fields::ownership::Ownership,
        template::{
            external::Find,
            files, pin,
            version::{self, Seek},
        },
    },
};

/// How many lines of a failed import's log are read.
const LOG_LINES: usize = 200;
/// How many jobs are searched for a version that has no template yet.
const JOBS: u32 = 200;

/// The external object by its id. coderd answers 404 for what is gone and for what may not be seen; its
/// list of deleted templates tells them apart.
pub(super) async fn by_id(
    plane: &ControlPlane,
    id: Uuid,
    seen: &mut Observation<CoderTemplate>,
) -> Result<(), coderd::Error> {
    let client = &plane.client;
    match client.template(id).await {
        Ok(wire) if wire.deleted => seen.external = External::Gone,
        Ok(wire) => present(plane, &wire, seen).await?,
        Err(error) if error.is_not_found() => {
            let is_gone = client.deleted_template(id).await?.is_some();
            seen.external = if is_gone {
                External::Gone
            } else {
                External::Unknown(failure::of(&error))
            };
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// The external object by its natural key.
pub(super) async fn by_name(
    plane: &ControlPlane,
    name: &TemplateName,
    seen: &mut Observation<CoderTemplate>,
) -> Result<(), coderd::Error> {
    let (spelling, organization_id) = plane.directory.organization(&name.organization);
    seen.own.organization = Some(spelling);
    seen.own.organization_id = organization_id;
    let Some(organization_id) = organization_id else {
        return Ok(());
    };
    let client = &plane.client;
    let organization = organization_id.to_string();
    let lookup = client
        .template_by_name(&organization, &name.template)
        .await?;
    seen.coderd_now = lookup.at;
    if let Some(wire) = lookup.found {
        present(plane, &wire, seen).await?;
    }
    Ok(())
}

/// The external object, with the name of its active version.
async fn present(
    plane: &ControlPlane,
    wire: &coderd::Template,
    seen: &mut Observation<CoderTemplate>,
) -> Result<(), coderd::Error> {
    let active = plane.client.version(wire.active_version_id).await?;
    plane.directory.template_seen(wire);
    seen.own.organization_id = Some(wire.organization_id);
    seen.external = External::Present(translate(wire, Some(&active)));
    Ok(())
}

/// The version of the declared source, and the content of the active one, as far as they decide
/// anything.
pub(super) async fn sources(
    plane: &ControlPlane,
    object: &CoderTemplate,
    key: &Key,
    ownership: &Ownership,
    seen: &mut Observation<CoderTemplate>,
) -> Result<(), coderd::Error> {
    if let Some(Ok(declared)) = &seen.own.source {
        let seek = version::seek(object, &declared.hash);
        let made = plane.shared.memory.made_version(key);
        let seek = match (&seek, &made) {
            (Seek::ByName(name), Some((made, id))) if name == made => Seek::ById(*id),
            _ => seek,
        };
        let sought = match seek {
            Seek::Nothing => None,
            Seek::ById(id) => Some(id.to_string()),
            Seek::ByName(name) => Some(name.to_owned()),
        };
        if sought.is_none() || sought != seen.own.sought {
            let asks = || version::needs_variables(object);
            seen.own.version = find_version(plane, seek, seen, asks).await?;
            seen.own.sought = sought;
        }
    }
    let active = match &seen.external {
        External::Present(template) => Some(template.live.active_version_id),
        External::Absent | External::Gone | External::Unknown(_) => None,
    };
    let pin = pin::declared(object, ownership).filter(|pin| Some(*pin) != active);
    seen.own.pinned = match pin {
        Some(pin) => find_version(plane, Seek::ById(pin), seen, || false).await?,
        None => Find::NotSought,
    };
    let External::Present(template) = &seen.external else {
        return Ok(());
    };
    let decides = match &seen.own.source {
        Some(Ok(declared)) => version::needs_active_content(object, &declared.hash),
        Some(Err(_)) | None => false,
    };
    let is_mirrored = files::needs_content(object, ownership, template.live.active_version_id);
    let known = seen.own.active.take();
    if decides || is_mirrored {
        let active = match known {
            Some(known) => Some(known),
            None => content::read(plane, template.live.active_version_id).await?,
        };
        if active.is_none() {
            let message = "waiting until the archives of other templates are read";
            seen.external = External::Unknown(Failure::new(Reason::Pending, message));
        }
        seen.own.active = active;
    }
    Ok(())
}

async fn find_version(
    plane: &ControlPlane,
    seek: Seek<'_>,
    seen: &Observation<CoderTemplate>,
    needs_variables: impl Fn() -> bool,
) -> Result<Find, coderd::Error> {
    let source = seen.own.source.as_ref();
    let client = &declared::hiding(plane, source);
    let found = match seek {
        Seek::Nothing => return Ok(Find::NotSought),
        Seek::ById(id) => match client.version(id).await {
            Ok(version) => Some(version),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        },
        Seek::ByName(name) => match &seen.external {
            External::Present(template) => {
                client.version_by_name(template.live.id, name).await?.found
            }
            External::Absent | External::Gone | External::Unknown(_) => {
                let us = seen.deployment.us;
                unattached(client, seen.own.organization_id, us, name).await?
            }
        },
    };
    let Some(version) = found else {
        return Ok(Find::Absent);
    };
    let log = if version.job.status.is_ended() && version.job.error.is_some() {
        client.version_log(version.id, LOG_LINES).await?
    } else {
        Vec::new()
    };
    let has_variables = version.job.status == coderd::JobStatus::Succeeded;
    let variables = if has_variables && needs_variables() {
        let declared = source.and_then(|source| source.as_ref().ok());
        let is_declared = |name: &str| declared.is_some_and(|it| it.variables.has(name));
        let variables = variables(client, version.id).await?;
        variables.map(|mut all| {
            all.retain(|variable| !is_declared(&variable.name));
            all
        })
    } else {
        None
    };
    let secrets = client.secrets();
    let version = translate_version(&version, &log, variables, &secrets);
    Ok(Find::Found(version))
}

/// The variables of a version; none where we may not read them, which holds nothing else up.
async fn variables(
    client: &coderd::Client,
    version: Uuid,
) -> Result<Option<Vec<coderd::VersionVariable>>, coderd::Error> {
    match client.version_variables(version).await {
        Ok(variables) => Ok(Some(variables)),
        Err(error) if error.is_not_found() || error.is_forbidden() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The version called `name` that `us` made and that belongs to no template: only the list of jobs shows
/// it, and only to those who may read jobs. Others may have versions of that name; they are in nobody's
/// way.
async fn unattached(
    client: &coderd::Client,
    organization: Option<Uuid>,
    us: Uuid,
    name: &str,
) -> Result<Option<coderd::Version>, coderd::Error> {
    let Some(organization) = organization else {
        return Ok(None);
    };
    let jobs = match client.provisioner_jobs(organization, JOBS).await {
        Ok(jobs) => jobs,
        Err(error) if error.is_not_found() || error.is_forbidden() => return Ok(None),
        Err(error) => return Err(error),
    };
    let candidates = jobs
        .into_iter()
        .filter(|job| job.metadata.template_version_name == name)
        .filter(|job| job.initiator_id == Some(us))
        .filter_map(|job| job.input.template_version_id);
    for id in candidates {
        let version = client.version(id).await?;
        if version.template_id.is_none() && version.name == name {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::controller::stage;

    #[tokio::test(start_paused = true)]
    async fn variables_that_we_may_not_read_are_not_known_and_no_failure() {
        for (answer, known) in [
            (Ok(json!([])), Some(Some(0))),
            (
                Ok(json!([{ "name": "region", "value": "eu" }])),
                Some(Some(1)),
            ),
            (Err((403, None)), Some(None)),
            (Err((404, None)), Some(None)),
            (Err((500, None)), None),
        ] {
            let (plane, _readiness) = stage::controller(move |_| answer.clone());
            let client = &plane.client;
            let found = variables(client, Uuid::nil()).await.ok();
            assert_eq!(found.map(|it| it.map(|all| all.len())), known);
        }
    }
}
