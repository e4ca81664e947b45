//! Effects of workspaces on coderd: one request each.

use std::collections::BTreeMap;

use crate::{
    api::workspace::CoderWorkspace,
    coderd,
    controller::{
        cause::{Outcome, outcome},
        look::Look,
    },
    sync::{
        build,
        workspace::{Effect, NewBuild, NewWorkspace},
    },
};

/// Sends the one request of `effect`.
pub(super) async fn act(
    look: &Look<'_, CoderWorkspace>,
    effect: &Effect,
) -> Result<Outcome, Outcome> {
    let client = &look.controller.settings.coderd;
    Ok(match effect {
        Effect::Create(new) => {
            let body = new_workspace(new);
            // Who is shown nothing of coderd may think that nothing is there: what was looked up for many
            // is looked up once more before something is made of it.
            let _owner = client.user(&new.owner).await?;
            outcome(client.create_workspace(&new.owner, &body).await)
        }
        Effect::SetTtl(millis) => outcome(client.set_workspace_ttl(look.twin_id()?, *millis).await),
        Effect::SetAutostart(schedule) => {
            let schedule = schedule.as_deref();
            outcome(
                client
                    .set_workspace_autostart(look.twin_id()?, schedule)
                    .await,
            )
        }
        Effect::Build(new) => {
            let body = new_build(new)?;
            outcome(client.create_build(look.twin_id()?, &body).await)
        }
    })
}

fn new_workspace(new: &NewWorkspace) -> coderd::NewWorkspace {
    coderd::NewWorkspace {
        name: new.name.clone(),
        template_id: Some(new.template_id),
        autostart_schedule: new.autostart_schedule.clone(),
        ttl_ms: new.ttl_millis,
        rich_parameter_values: values(&new.parameters),
        ..coderd::NewWorkspace::default()
    }
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
        template_version_id: new.version_id,
        rich_parameter_values: values(&new.parameters),
    })
}

fn values(parameters: &BTreeMap<String, String>) -> Vec<coderd::Parameter> {
    let parameters = parameters.iter();
    parameters
        .map(|(name, value)| coderd::Parameter {
            name: name.clone(),
            value: value.clone(),
        })
        .collect()
}
