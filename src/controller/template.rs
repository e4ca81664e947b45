//! What the driver needs to know of templates.

mod act;
mod config_map;
mod content;
mod declared;
mod observe;
mod translate;

use uuid::Uuid;

pub(super) use self::translate::{object_name, translate};
use super::{
    cache::SharedContent,
    control_plane::ControlPlane,
    external_client::{ExternalClient, Importable},
    key::Key,
    observation::{Observable, Observation},
    outcome::StepResult,
    scope::Scope,
    settings::Settings,
    shared::Shared,
};
use crate::{
    api::{object_name::TemplateName, template::CoderTemplate},
    coderd::{self, types::TemplatePatch},
    k8s::object::{self, Objects},
    sync::{
        external::External,
        fields::ownership::Ownership,
        rules::deletion::Departure,
        spelling::Spelling,
        template::{
            declared::{Declared, Unusable, declares_source},
            effect::Effect,
            external::Find,
            kind::Observed,
        },
    },
};

/// What is looked at for templates only.
#[derive(Debug, Default)]
pub(super) struct TemplateObservation {
    organization: Option<Spelling>,
    organization_id: Option<Uuid>,
    source: Option<Result<Declared, Unusable>>,
    version: Find,
    pinned: Find,
    /// The id or the name that `version` was looked for by.
    sought: Option<String>,
    active: Option<SharedContent>,
    workspaces: Option<i64>,
}

/// What is known of a declared source before what it refers to was read.
fn not_read() -> Unusable {
    Unusable::Missing("it was not read".to_owned())
}

impl Observable for CoderTemplate {
    type Own = TemplateObservation;

    fn seen_alone(&self, ownership: &Ownership) -> TemplateObservation {
        TemplateObservation {
            source: declares_source(self, ownership).then(|| Err(not_read())),
            ..TemplateObservation::default()
        }
    }

    fn keep(before: TemplateObservation, now: &mut TemplateObservation) {
        let source = now.source.take();
        *now = TemplateObservation { source, ..before };
    }

    fn observed<'a>(seen: &'a TemplateObservation, settings: &'a Settings) -> Observed<'a> {
        Observed {
            organization: seen.organization.as_ref(),
            source: seen.source.as_ref(),
            version: &seen.version,
            pinned: &seen.pinned,
            active: seen.active.as_deref(),
            workspaces: seen.workspaces,
            build_wait: &settings.build_wait,
        }
    }
}

impl ExternalClient for CoderTemplate {
    fn objects(shared: &Shared) -> &Objects<Self> {
        &shared.templates
    }

    fn key(place: object::Key) -> Key {
        Key::Template(place)
    }

    async fn importable(
        client: &coderd::Client,
        id: Uuid,
    ) -> Result<Option<Importable>, coderd::Error> {
        let live = match client.template(id).await {
            Ok(live) => live,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok((!live.deleted).then(|| Importable {
            name: object_name(&live).to_string(),
            organization: live.organization_name,
        }))
    }

    fn set_observed_generation(&mut self, generation: Option<i64>) {
        if let Some(status) = &mut self.status {
            status.observed_generation = generation;
        }
    }

    async fn by_id(
        &self,
        plane: &ControlPlane,
        id: Uuid,
        seen: &mut Observation<Self>,
    ) -> Result<(), coderd::Error> {
        observe::by_id(plane, id, seen).await
    }

    async fn by_name(
        &self,
        plane: &ControlPlane,
        name: &TemplateName,
        seen: &mut Observation<Self>,
    ) -> Result<(), coderd::Error> {
        observe::by_name(plane, name, seen).await
    }

    async fn observe_more(
        &self,
        plane: &ControlPlane,
        key: &Key,
        ownership: &Ownership,
        departure: Option<Departure>,
        seen: &mut Observation<Self>,
    ) -> Result<(), coderd::Error> {
        if let External::Present(template) = &seen.external {
            let count = plane
                .home
                .inventory
                .workspaces_of(&template.live.organization_name, &template.live.name);
            seen.own.workspaces = Some(count);
        }
        plane
            .shared
            .references
            .set(key, declared::referents(&plane.home.place.namespace, self));
        seen.own.source = declared::read(plane, self, ownership).await;
        if departure.is_some() {
            return Ok(());
        }
        observe::sources(plane, self, key, ownership, seen).await
    }

    async fn update(scope: &Scope<'_, Self>, patch: &TemplatePatch) -> StepResult {
        act::update(scope, patch)
            .await
            .unwrap_or_else(|failed| failed)
    }

    async fn act(scope: &Scope<'_, Self>, effect: &Effect) -> StepResult {
        act::act(scope, effect)
            .await
            .unwrap_or_else(|failed| failed)
    }
}
