//! Effects of workspaces on coderd: one request each.

use uuid::Uuid;

use super::Workspaces;
use crate::{
    api::condition::Reason,
    coderd,
    controller::{
        cause::{Outcome, outcome},
        kind::Look,
    },
    sync::{
        build,
        twin::{Cause, Twin},
        workspace::{Effect, NewBuild, NewWorkspace},
    },
};

/// Sends the one request of `effect`.
pub(super) async fn act(look: &Look<'_, Workspaces>, effect: &Effect) -> Outcome {
    let client = &look.controller.settings.coderd;
    match effect {
        Effect::Object(_) => Outcome::LookAgain,
        Effect::Create(new) => create(client, new).await,
        Effect::SetTtl(millis) => match id(look) {
            Ok(id) => outcome(client.set_workspace_ttl(id, *millis).await),
            Err(failed) => failed,
        },
        Effect::SetAutostart(schedule) => match id(look) {
            Ok(id) => outcome(
                client
                    .set_workspace_autostart(id, schedule.as_deref())
                    .await,
            ),
            Err(failed) => failed,
        },
        Effect::Build(new) => match (id(look), new_build(new)) {
            (Ok(id), Ok(build)) => outcome(client.create_build(id, &build).await),
            (Err(failed), _) | (_, Err(failed)) => failed,
        },
    }
}

async fn create(client: &coderd::Client, new: &NewWorkspace) -> Outcome {
    let template_id = match parse(&new.template_id) {
        Ok(id) => id,
        Err(failed) => return failed,
    };
    let body = coderd::NewWorkspace {
        name: new.name.clone(),
        template_id: Some(template_id),
        autostart_schedule: new.autostart_schedule.clone(),
        ttl_ms: new.ttl_millis,
        rich_parameter_values: values(&new.parameters),
        ..coderd::NewWorkspace::default()
    };
    outcome(client.create_workspace(&new.owner, &body).await)
}

fn new_build(new: &NewBuild) -> Result<coderd::NewBuild, Outcome> {
    let transition = match new.transition {
        build::Transition::Start => coderd::Transition::Start,
        build::Transition::Stop => coderd::Transition::Stop,
        build::Transition::Delete => coderd::Transition::Delete,
        build::Transition::Other => return Err(Outcome::LookAgain),
    };
    Ok(coderd::NewBuild {
        transition,
        template_version_id: new.version_id.as_deref().map(parse).transpose()?,
        rich_parameter_values: values(&new.parameters),
    })
}

fn values(parameters: &std::collections::BTreeMap<String, String>) -> Vec<coderd::Parameter> {
    let parameters = parameters.iter();
    parameters
        .map(|(name, value)| coderd::Parameter {
            name: name.clone(),
            value: value.clone(),
        })
        .collect()
}

/// The id of the twin that was seen.
fn id(look: &Look<'_, Workspaces>) -> Result<Uuid, Outcome> {
    match &look.seen.twin {
        Twin::Present(workspace) => parse(&workspace.id),
        Twin::Absent | Twin::Gone | Twin::Unknown(_) => Err(Outcome::LookAgain),
    }
}

fn parse(id: &str) -> Result<Uuid, Outcome> {
    id.parse().map_err(|_| {
        Outcome::Failed(Cause::new(
            Reason::NotProved,
            format!("{id} is no id of coderd"),
        ))
    })
}
