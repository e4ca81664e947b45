//! What a workspace is to the core.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::{
    effect::{Effect, NewWorkspace, SettingsPatch},
    external::{PinnedVersion, Site, Workspace},
    value::Referenced,
};
use crate::{
    api::{
        condition::Reason,
        object_name::WorkspaceName,
        workspace::{CoderWorkspace, WorkspaceStatus},
    },
    sync::{
        kind::{SharedSpec, SharedStatus, SyncedKind},
        spelling::{Part, Spelled},
    },
};

/// Everything that deciding about one workspace rests on.
pub type Context<'a> = crate::sync::context::Context<'a, CoderWorkspace>;
/// The records of a workspace.
pub type Records = crate::sync::context::Records<CoderWorkspace>;
/// A step of a workspace.
pub type Step = crate::sync::step::Step<CoderWorkspace>;

/// What is looked at for workspaces only.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// Where it belongs, while it is not bound.
    pub site: Option<&'a Site>,
    /// The declared version; looked up only where one is that the latest build did not use.
    pub pinned: Option<&'a PinnedVersion>,
    /// What declared references lead to.
    pub referenced: &'a Referenced,
    /// For how long the latest build has been seen as it is.
    pub stable_for: Duration,
}

impl SyncedKind for CoderWorkspace {
    const NOUN: &'static str = "workspace";
    const IS_PATCHED_AS_ONE: bool = false;

    type Name = WorkspaceName;
    type External = Workspace;
    type Observed<'a> = Observed<'a>;
    type Patch = SettingsPatch;
    type New = NewWorkspace;
    type Effect = Effect;
    type OwnRecords = ();
    type Status = WorkspaceStatus;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn shared_spec(&self) -> SharedSpec<'_> {
        SharedSpec {
            organization: self.spec.organization.as_deref(),
            deletion_policy: self.spec.deletion_policy,
            drift_policy: self.spec.drift_policy,
            running: self.spec.running,
        }
    }

    fn shared_status(&self) -> SharedStatus<'_> {
        let Some(status) = &self.status else {
            return SharedStatus::default();
        };
        SharedStatus {
            observed_generation: status.observed_generation,
            last_handled_reconcile_at: status.last_handled_reconcile_at.as_deref(),
            control_plane: status.control_plane.as_deref(),
            binding: status.binding.as_ref(),
            sync: status.sync.as_ref(),
            conditions: &status.conditions,
        }
    }

    fn own_records(&self) {}

    fn spelled(name: &WorkspaceName, observed: &Observed) -> Option<Spelled> {
        let site = observed.site?;
        let organization = Part {
            noun: "organization",
            given: name.organization.clone(),
            spelling: site.organization.clone(),
            missing: Reason::OrganizationNotFound,
        };
        let owner = Part {
            noun: "user",
            given: name.owner.clone(),
            spelling: site.owner.clone(),
            missing: Reason::OwnerNotFound,
        };
        let canonical = WorkspaceName {
            organization: site.organization.correct(&name.organization),
            owner: site.owner.correct(&name.owner),
            ..name.clone()
        };
        Some(Spelled {
            parts: vec![organization, owner],
            canonical: canonical.to_string(),
        })
    }

    fn refusal_key(effect: &Effect) -> (&'static str, Value) {
        effect.refusal_key()
    }
}
