//! What the driver needs to know of workspaces.

mod act;
mod next_start;
mod observe;
mod referenced;
mod translate;

use std::time::Duration;

use uuid::Uuid;

pub(super) use self::translate::translate;
use super::{
    control_plane::ControlPlane,
    external_client::{ExternalClient, Importable},
    inventory::Awaited,
    key::Key,
    observation::{Observable, Observation},
    outcome::StepResult,
    scope::Scope,
    settings::Settings,
    shared::Shared,
};
use crate::{
    api::{
        object_name::{ObjectName, WorkspaceName},
        workspace::CoderWorkspace,
    },
    coderd,
    k8s::object::{self, Objects},
    sync::{
        external::External,
        fields::ownership::Ownership,
        kind::{ExternalObject, SyncedKind},
        rules::deletion::Departure,
        workspace::{
            effect::{Effect, SettingsPatch},
            external::{PinnedVersion, Site},
            kind::Observed,
            value::Referenced,
        },
    },
};

/// What is looked at for workspaces only.
#[derive(Debug, Default)]
pub(super) struct WorkspaceObservation {
    site: Option<Site>,
    pinned: Option<PinnedVersion>,
    referenced: Referenced,
    stable_for: Duration,
}

impl Observable for CoderWorkspace {
    type Own = WorkspaceObservation;

    fn asks_the_same(before: &Self, after: &Self) -> bool {
        let is_bound = after.shared_status().binding.is_some();
        before.spec.parameters == after.spec.parameters
            && (is_bound || before.spec.template_name == after.spec.template_name)
    }

    fn keep(before: WorkspaceObservation, now: &mut WorkspaceObservation) {
        now.site = before.site;
        now.referenced = before.referenced;
    }

    fn observed<'a>(seen: &'a WorkspaceObservation, _settings: &'a Settings) -> Observed<'a> {
        Observed {
            site: seen.site.as_ref(),
            pinned: seen.pinned.as_ref(),
            referenced: &seen.referenced,
            stable_for: seen.stable_for,
        }
    }
}

impl ExternalClient for CoderWorkspace {
    fn objects(shared: &Shared) -> &Objects<Self> {
        &shared.workspaces
    }

    fn key(place: object::Key) -> Key {
        Key::Workspace(place)
    }

    async fn importable(
        client: &coderd::Client,
        id: Uuid,
    ) -> Result<Option<Importable>, coderd::Error> {
        let live = match client.workspace(id).await {
            Ok(live) => live,
            Err(error) if error.is_gone() || error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let is_leaving = live.latest_build.transition == coderd::Transition::Delete;
        if live.is_prebuild || is_leaving {
            return Ok(None);
        }
        let external = translate(&live, &client.secrets());
        Ok(Some(Importable {
            name: external.object_name().to_string(),
            organization: external.organization,
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
        seen.own.referenced = referenced::read(plane, self).await;
        let client = referenced::hiding(plane, &seen.own.referenced);
        seen.external = observe::by_id(&client, id).await?;
        Ok(())
    }

    async fn by_name(
        &self,
        plane: &ControlPlane,
        name: &WorkspaceName,
        seen: &mut Observation<Self>,
    ) -> Result<(), coderd::Error> {
        seen.own.referenced = referenced::read(plane, self).await;
        observe::by_name(plane, self, name, seen).await
    }

    async fn observe_more(
        &self,
        plane: &ControlPlane,
        key: &Key,
        ownership: &Ownership,
        departure: Option<Departure>,
        seen: &mut Observation<Self>,
    ) -> Result<(), coderd::Error> {
        if let External::Present(workspace) = &seen.external {
            let build = &workspace.build;
            let look = format!("{} {} {:?}", workspace.id, build.id, build.status);
            seen.own.stable_for = plane.shared.memory.stable_for(key, &look);
        }
        plane.home.build_looked(key, self, seen);
        plane.shared.references.set(
            key,
            referenced::referents(&plane.home.place.namespace, self),
        );
        if departure.is_some() {
            return Ok(());
        }
        next_start::look(plane, self, ownership, seen).await
    }

    fn awaited(&self, seen: &Observation<Self>) -> Option<Awaited> {
        let site = seen.own.site.as_ref().filter(|it| it.template.is_none());
        let name = WorkspaceName::parse(self.metadata.name.as_deref()?).filter(|_| site.is_some());
        let template = self.spec.template_name.as_deref()?;
        name.map(|name| Awaited::template(&name.organization, template))
    }

    async fn update(scope: &Scope<'_, Self>, patch: &SettingsPatch) -> StepResult {
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
