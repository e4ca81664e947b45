//! Effects of templates on coderd: one change each.

use bytes::Bytes;
use uuid::Uuid;

use super::declared::hiding;
use crate::{
    api::{condition::Reason, template::CoderTemplate},
    coderd::{
        self, NewVersion, Variable,
        types::{NewTemplate, TemplatePatch},
    },
    controller::{
        outcome::{self, StepResult},
        scope::Scope,
    },
    sync::{external::Failure, template::effect::Effect},
};

/// Sends the one request of `patch`.
pub(super) async fn update(
    scope: &Scope<'_, CoderTemplate>,
    patch: &TemplatePatch,
) -> Result<StepResult, StepResult> {
    let client = &scope.plane.client;
    Ok(outcome::of(
        client.patch_template(scope.external_id()?, patch).await,
    ))
}

/// Sends the request of `effect`.
pub(super) async fn act(
    scope: &Scope<'_, CoderTemplate>,
    effect: &Effect,
) -> Result<StepResult, StepResult> {
    let client = &scope.plane.client;
    Ok(match effect {
        Effect::CreateVersion {
            name,
            template_id,
            executables,
        } => create_version(scope, name, *template_id, executables).await?,
        Effect::Unarchive(version) => outcome::of(client.unarchive_version(*version).await),
        Effect::Create(new) => create(scope, new).await?,
        Effect::Promote(version) | Effect::PromotePinned(version) => {
            outcome::of(client.promote_version(scope.external_id()?, *version).await)
        }
        Effect::Delete => delete(client, scope.external_id()?).await,
    })
}

/// Uploads the source, which changes nothing if it was uploaded before, and begins its import.
async fn create_version(
    scope: &Scope<'_, CoderTemplate>,
    name: &str,
    template_id: Option<Uuid>,
    executables: &[String],
) -> Result<StepResult, StepResult> {
    let Some(Ok(declared)) = &scope.seen.own.source else {
        return Err(StepResult::Stale);
    };
    let client = hiding(scope.plane, scope.seen.own.source.as_ref());
    let organization = organization(scope)?;
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
        tags: declared.tags.clone(),
        variables: declared.variables.exposed().map(variable).collect(),
    };
    let created = client.create_version(organization, &new).await;
    if let Ok(version) = &created {
        scope
            .plane
            .shared
            .memory
            .made(scope.key, name.to_owned(), version.id);
    }
    Ok(outcome::of(created))
}

fn variable((name, value): (&str, &str)) -> Variable {
    Variable {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

async fn create(
    scope: &Scope<'_, CoderTemplate>,
    new: &NewTemplate,
) -> Result<StepResult, StepResult> {
    let client = &scope.plane.client;
    Ok(outcome::of(
        client.create_template(organization(scope)?, new).await,
    ))
}

/// A refusal means that a workspace was made meanwhile; it passes.
async fn delete(client: &coderd::Client, template: Uuid) -> StepResult {
    let deleted = outcome::of(client.delete_template(template).await);
    if let StepResult::Refused(refused) = deleted {
        let failure = Failure::new(Reason::WaitingForWorkspaces, refused.message);
        return StepResult::Failed(failure);
    }
    deleted
}

fn organization(scope: &Scope<'_, CoderTemplate>) -> Result<Uuid, StepResult> {
    scope.seen.own.organization_id.ok_or(StepResult::Stale)
}
