//! Effects of workspaces on coderd: one request each.

use super::referenced;
use crate::{
    api::workspace::CoderWorkspace,
    coderd,
    controller::{
        outcome::{self, StepResult},
        scope::Scope,
    },
    sync::{
        build,
        workspace::{
            effect::{Effect, NewBuild, NewWorkspace, SettingsPatch},
            value::Values,
        },
    },
};

/// Sends the requests of `patch`: one for each setting.
pub(super) async fn update(
    scope: &Scope<'_, CoderWorkspace>,
    patch: &SettingsPatch,
) -> Result<StepResult, StepResult> {
    let client = &scope.plane.client;
    let id = scope.external_id()?;
    if let Some(millis) = patch.ttl_millis {
        client.set_workspace_ttl(id, millis).await?;
    }
    if let Some(schedule) = &patch.autostart_schedule {
        let schedule = schedule.as_deref();
        client.set_workspace_autostart(id, schedule).await?;
    }
    Ok(StepResult::Done(()))
}

/// Sends the one request of `effect`.
pub(super) async fn act(
    scope: &Scope<'_, CoderWorkspace>,
    effect: &Effect,
) -> Result<StepResult, StepResult> {
    let client = referenced::hiding(scope.plane, &scope.seen.own.referenced);
    Ok(match effect {
        Effect::Create(new) => {
            let body = new_workspace(new);
            // Who is shown nothing of coderd may think that nothing is there: what was looked up for many
            // is looked up once more before something is made of it.
            let _owner = client.user(&new.owner).await?;
            outcome::of(client.create_workspace(&new.owner, &body).await)
        }
        Effect::Build(new) => {
            let body = new_build(new)?;
            outcome::of(client.create_build(scope.external_id()?, &body).await)
        }
    })
}

fn new_workspace(new: &NewWorkspace) -> coderd::NewWorkspace {
    coderd::NewWorkspace {
        name: new.name.clone(),
        template_id: new.pin.is_none().then_some(new.template_id),
        template_version_id: new.pin,
        autostart_schedule: new.autostart_schedule.clone(),
        ttl_ms: new.ttl_millis,
        rich_parameter_values: values(&new.parameters),
        ..coderd::NewWorkspace::default()
    }
}

fn new_build(new: &NewBuild) -> Result<coderd::NewBuild, StepResult> {
    let transition = match new.transition {
        build::Transition::Start => coderd::Transition::Start,
        build::Transition::Stop => coderd::Transition::Stop,
        build::Transition::Delete => coderd::Transition::Delete,
        build::Transition::Other => return Err(StepResult::Stale),
    };
    Ok(coderd::NewBuild {
        transition,
        template_version_id: new.version_id,
        rich_parameter_values: values(&new.parameters),
    })
}

fn values(parameters: &Values) -> Vec<coderd::Parameter> {
    let parameters = parameters.iter();
    parameters
        .map(|(name, value)| coderd::Parameter {
            name: name.clone(),
            value: value.expose().to_owned(),
        })
        .collect()
}
