//! What looks at both kinds have in common.

use uuid::Uuid;

use super::{Controller, Key, session::Session};
use crate::{
    api::condition::Reason,
    coderd,
    k8s::crd::{CrdState, crd_state},
    sync::{
        lifecycle::{self, Departure},
        standing::Standing,
        twin::Cause,
        workspace::Spelling,
    },
};

/// What is known before coderd is asked about the object.
pub(super) struct Bearings {
    pub(super) crd_is_going: bool,
    pub(super) departure: Option<Departure>,
    pub(super) session: Result<Session, Cause>,
}

impl Controller {
    /// Looks at the CRD, if the object is being deleted, and at the session.
    pub(super) async fn bearings(&self, key: &Key, standing: &Standing<'_>) -> Bearings {
        let crd_is_going =
            standing.is_terminating() && standing.has_finalizer() && self.crd_is_going(key).await;
        let session = self
            .sessions
            .get()
            .and_then(|session| match standing.binding {
                Some(binding) if binding.deployment_id != session.deployment_id => {
                    let message = format!(
                        "the object is bound to deployment {}, but {} answers at this address",
                        binding.deployment_id, session.deployment_id
                    );
                    Err(Cause::new(Reason::DeploymentMismatch, message))
                }
                _ => Ok(session),
            });
        let departure = lifecycle::departure(standing, crd_is_going);
        Bearings {
            crd_is_going,
            departure,
            session,
        }
    }

    /// Whether the CRD is being removed. What cannot be read is not.
    async fn crd_is_going(&self, key: &Key) -> bool {
        let name = match key {
            Key::Workspace(_) | Key::ImportWorkspace(_) => "coderworkspaces.coder.com",
            Key::Template(_) | Key::ImportTemplate(_) => "codertemplates.coder.com",
        };
        match crd_state(&self.settings.kube, name).await {
            Ok(state) => state != CrdState::Present,
            Err(error) => {
                tracing::warn!(error = super::cause::text(&error), "the CRD cannot be read");
                false
            }
        }
    }

    /// How coderd spells `organization`, and its id.
    pub(super) async fn organization(
        &self,
        organization: &str,
    ) -> Result<(Spelling, Option<Uuid>), coderd::Error> {
        match self.settings.coderd.organization(organization).await {
            Ok(found) => Ok((Spelling::of(organization, &found.name), Some(found.id))),
            Err(error) if error.is_not_found() => Ok((Spelling::NotFound, None)),
            Err(error) => Err(error),
        }
    }

    /// Why an object without a binding cannot be bound now: another one, not looked at since the start,
    /// may be bound to the same twin.
    pub(super) fn bindings_are_unknown(&self) -> Option<Cause> {
        let known = self.is_watching() && self.inventory.knows_bindings();
        let message = "waiting to know the bindings of all objects";
        (!known).then(|| Cause::new(Reason::Pending, message))
    }

    /// The name of another object that is bound to twin `id`.
    pub(super) fn bound_elsewhere(&self, key: &Key, id: &str) -> Option<String> {
        match self.inventory.bound_to(id.parse().ok()?)? {
            holder if holder == *key => None,
            Key::Workspace(name) | Key::Template(name) => Some(name),
            Key::ImportWorkspace(_) | Key::ImportTemplate(_) => None,
        }
    }
}
