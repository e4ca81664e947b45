//! What to do next about one workspace.

pub mod builds;
pub mod creation;
pub mod deletion;
pub mod effect;
pub mod parameters;
pub mod power;
pub mod report;
pub mod schedule;
pub mod settings;
pub mod twin;

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

pub use self::{
    effect::{Effect, NewBuild, NewWorkspace},
    twin::{Parameter, Site, TemplateSite, Workspace},
};
use super::{
    field::FieldState,
    kind::{Kind, SharedSpec, SharedStatus},
    outlook::Outlook,
    report::Report,
    spelling::{Part, Spelled},
};
use crate::api::{
    condition::Reason,
    object_name::WorkspaceName,
    status::RunRecord,
    workspace::{CoderWorkspace, WorkspaceStatus},
};

/// Everything that deciding about one workspace rests on.
pub type Context<'a> = super::context::Context<'a, CoderWorkspace>;
/// The records of a workspace.
pub type Records = super::context::Records<CoderWorkspace>;
/// A plan for a workspace.
pub type Plan = super::plan::Plan<CoderWorkspace>;

/// What is looked at for workspaces only.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// Where it belongs, while it is not bound.
    pub site: Option<&'a Site>,
    /// For how long the latest build has been seen as it is.
    pub stable_for: Duration,
}

impl Kind for CoderWorkspace {
    const NOUN: &'static str = "workspace";

    type Name = WorkspaceName;
    type Twin = Workspace;
    type Sight<'a> = Sight<'a>;
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
        }
    }

    fn shared_status(&self) -> SharedStatus<'_> {
        let Some(status) = &self.status else {
            return SharedStatus::default();
        };
        SharedStatus {
            observed_generation: status.observed_generation,
            last_handled_reconcile_at: status.last_handled_reconcile_at.as_deref(),
            binding: status.binding.as_ref(),
            sync: status.sync.as_ref(),
            conditions: &status.conditions,
        }
    }

    fn own_records(&self) {}

    fn restored_run(&self) -> Option<RunRecord> {
        power::restored(self)
    }

    fn spelled(name: &WorkspaceName, sight: &Sight) -> Option<Spelled> {
        let site = sight.site?;
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

    fn taken(name: &WorkspaceName, twin: &Workspace) -> Option<String> {
        creation::taken(name, twin)
    }

    fn create(context: &Context, name: &WorkspaceName) -> Plan {
        creation::create(context, name)
    }

    fn lost(context: &Context, id: &str) -> Plan {
        creation::lost(context, id)
    }

    fn delete(context: &Context, twin: &Workspace) -> Plan {
        deletion::delete(context, twin)
    }

    fn asked(effect: &Effect) -> (&'static str, Value) {
        effect.asked()
    }

    fn settings(context: &Context, twin: &Workspace) -> Vec<(&'static str, FieldState)> {
        settings::settings(context, twin)
    }

    fn set(field: &'static str, wanted: Option<&Value>) -> Effect {
        settings::set(field, wanted)
    }

    fn advance(context: &Context) -> Option<Plan> {
        power::plan(context)
    }

    fn mirrored(context: &Context, twin: &Workspace) -> Vec<FieldState> {
        settings::mirrored(context, twin)
    }

    fn mirror(context: &Context) -> Option<Plan> {
        settings::mirror(context)
    }

    fn pending(context: &Context, twin: &Workspace) -> Vec<Effect> {
        power::pending(context, twin).into_iter().collect()
    }

    fn unsupported(context: &Context) -> Vec<String> {
        settings::unsupported(context)
    }

    fn outlook(context: &Context, twin: &Workspace) -> Outlook {
        report::outlook(context, twin)
    }

    fn add_findings(context: &Context, outlook: &mut Outlook) {
        outlook.running = builds::running(context);
    }

    fn look_again(context: &Context) -> Option<Duration> {
        let times = [power::look_again(context), schedule::look_again(context)];
        times.into_iter().flatten().min()
    }

    fn status(context: &Context, report: Report<Self>) -> WorkspaceStatus {
        report::status(context, report)
    }
}

#[cfg(test)]
mod tests;
