//! Effects of templates on coderd: one change each.

use std::collections::BTreeMap;

use bytes::Bytes;
use uuid::Uuid;

use crate::{
    api::{condition::Reason, template::CoderTemplate},
    coderd::{self, NewVersion, TemplatePatch},
    controller::{
        cause::{Outcome, outcome},
        look::Look,
    },
    sync::{
        template::{Effect, NewTemplate},
        twin::Cause,
    },
};

/// Sends the request of `effect`.
pub(super) async fn act(
    look: &Look<'_, CoderTemplate>,
    effect: &Effect,
) -> Result<Outcome, Outcome> {
    let client = &look.controller.settings.coderd;
    Ok(match effect {
        Effect::CreateVersion {
            name,
            template_id,
            executables,
        } => create_version(look, name, *template_id, executables).await?,
        Effect::Unarchive(version) => outcome(client.unarchive_version(*version).await),
        Effect::Create(new) => create(look, new).await?,
        Effect::Promote(version) => {
            outcome(client.promote_version(look.twin_id()?, *version).await)
        }
        Effect::SetMetadata { field, value } => outcome(
            client
                .patch_template(look.twin_id()?, &patch(field, value))
                .await,
        ),
        Effect::Delete => delete(client, look.twin_id()?).await,
    })
}

/// Uploads the source, which changes nothing if it was uploaded before, and begins its import.
async fn create_version(
    look: &Look<'_, CoderTemplate>,
    name: &str,
    template_id: Option<Uuid>,
    executables: &[String],
) -> Result<Outcome, Outcome> {
    let client = &look.controller.settings.coderd;
    let Some(Ok(declared)) = &look.seen.own.source else {
        return Err(Outcome::LookAgain);
    };
    let organization = organization(look)?;
    if template_id.is_none() {
        // As before a workspace is made.
        let _organization = client.organization(&organization.to_string()).await?;
    }
    let source = declared.source.clone().with_executables(executables);
    let file_id = client.upload_tar(Bytes::from(source.tar_bytes())).await?;
    let new = NewVersion {
        name: name.to_owned(),
        message: None,
        template_id,
        file_id,
        tags: BTreeMap::new(),
        variables: Vec::new(),
    };
    let created = client.create_version(organization, &new).await;
    if let Ok(version) = &created {
        look.controller
            .memory
            .made(look.key, name.to_owned(), version.id);
    }
    Ok(outcome(created))
}

async fn create(look: &Look<'_, CoderTemplate>, new: &NewTemplate) -> Result<Outcome, Outcome> {
    let client = &look.controller.settings.coderd;
    let body = coderd::NewTemplate {
        name: new.name.clone(),
        template_version_id: new.version_id,
        display_name: new.display_name.clone(),
        description: new.description.clone(),
        icon: new.icon.clone(),
    };
    Ok(outcome(
        client.create_template(organization(look)?, &body).await,
    ))
}

fn patch(field: &str, value: &str) -> TemplatePatch {
    let value = Some(value.to_owned());
    match field {
        "displayName" => TemplatePatch {
            display_name: value,
            ..TemplatePatch::default()
        },
        "description" => TemplatePatch {
            description: value,
            ..TemplatePatch::default()
        },
        _ => TemplatePatch {
            icon: value,
            ..TemplatePatch::default()
        },
    }
}

/// A refusal means that a workspace was made meanwhile; it passes.
async fn delete(client: &coderd::Client, template: Uuid) -> Outcome {
    let deleted = outcome(client.delete_template(template).await);
    if let Outcome::Refused(message) = deleted {
        return Outcome::Failed(Cause::new(Reason::WaitingForWorkspaces, message));
    }
    deleted
}

fn organization(look: &Look<'_, CoderTemplate>) -> Result<Uuid, Outcome> {
    look.seen.own.organization_id.ok_or(Outcome::LookAgain)
}
