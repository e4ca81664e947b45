//! What to do next about one template.

pub mod creation;
pub mod declared;
pub mod deletion;
pub mod effect;
pub mod files;
pub mod metadata;
pub mod report;
pub mod twin;
pub mod version;

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

pub use self::{
    declared::{Declared, declared_source},
    effect::{Effect, NewTemplate},
    twin::{Find, KeptVariable, Template, Unreadable, Version, VersionJob},
};
use super::{
    build_wait::BuildWait,
    field::FieldState,
    kind::{Kind, SharedSpec, SharedStatus},
    outlook::Outlook,
    report::{Report, TRY_FORBIDDEN_AGAIN},
    source::Content,
    spelling::{Part, Spelled, Spelling},
};
use crate::api::{
    condition::Reason,
    object_name::TemplateName,
    template::{CoderTemplate, MirroredFiles, TemplateStatus, VersionStatus},
};

/// Everything that deciding about one template rests on.
pub type Context<'a> = super::context::Context<'a, CoderTemplate>;
/// The records of a template.
pub type Records = super::context::Records<CoderTemplate>;
/// A plan for a template.
pub type Plan = super::plan::Plan<CoderTemplate>;

/// What is looked at for templates only.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// How the organization stands in coderd, while the object is not bound.
    pub organization: Option<&'a Spelling>,
    /// The declared source, checked; none where none is declared.
    pub source: Option<&'a Result<Declared, String>>,
    /// The version that belongs to it.
    pub version: &'a Find,
    /// The content of the active version where it was asked for, or why it cannot be read.
    pub active: Option<&'a Result<Content, Unreadable>>,
    /// How many workspaces use the template, where the object is being deleted.
    pub workspaces: Option<i64>,
    /// How long and how often a build is waited for.
    pub build_wait: &'a BuildWait,
}

/// The records that only templates have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnRecords {
    /// `status.version`.
    pub version: Option<VersionStatus>,
    /// `status.mirroredFiles`.
    pub mirrored_files: Option<MirroredFiles>,
}

impl Kind for CoderTemplate {
    const NOUN: &'static str = "template";

    type Name = TemplateName;
    type Twin = Template;
    type Sight<'a> = Sight<'a>;
    type Effect = Effect;
    type OwnRecords = OwnRecords;
    type Status = TemplateStatus;

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

    fn own_records(&self) -> OwnRecords {
        let Some(status) = &self.status else {
            return OwnRecords::default();
        };
        OwnRecords {
            version: status.version.clone(),
            mirrored_files: status.mirrored_files.clone(),
        }
    }

    fn spelled(name: &TemplateName, sight: &Sight) -> Option<Spelled> {
        let organization = Part {
            noun: "organization",
            given: name.organization.clone(),
            spelling: sight.organization?.clone(),
            missing: Reason::OrganizationNotFound,
        };
        let canonical = TemplateName {
            organization: organization.spelling.correct(&name.organization),
            ..name.clone()
        };
        Some(Spelled {
            parts: vec![organization],
            canonical: canonical.to_string(),
        })
    }

    fn create(context: &Context, name: &TemplateName) -> Plan {
        creation::create(context, name)
    }

    fn lost(context: &Context, id: &str) -> Plan {
        creation::lost(context, id)
    }

    fn delete(context: &Context, _twin: &Template) -> Plan {
        deletion::delete(context)
    }

    fn asked(effect: &Effect) -> (&'static str, Value) {
        effect.asked()
    }

    fn settings(context: &Context, twin: &Template) -> Vec<(&'static str, FieldState)> {
        metadata::settings(context, twin)
    }

    fn set(field: &'static str, wanted: Option<&Value>) -> Effect {
        metadata::set(field, wanted)
    }

    fn advance(context: &Context) -> Option<Plan> {
        version::plan(context)
    }

    fn mirrored(context: &Context, twin: &Template) -> Vec<FieldState> {
        files::mirrored(context, twin)
    }

    fn mirror(context: &Context) -> Option<Plan> {
        files::mirror(context)
    }

    fn pending(context: &Context, twin: &Template) -> Vec<Effect> {
        version::report::pending(context, twin)
    }

    fn unsupported(context: &Context) -> Vec<String> {
        metadata::unsupported(context)
    }

    fn drifted(context: &Context, twin: &Template) -> Vec<String> {
        report::drifted(context, twin)
    }

    fn outlook(context: &Context, twin: &Template) -> Outlook {
        report::outlook(context, twin)
    }

    fn add_findings(context: &Context, outlook: &mut Outlook) {
        outlook.promoted = report::promoted(context);
    }

    fn look_again(context: &Context) -> Option<Duration> {
        let withheld = files::withheld(context).map(|_| TRY_FORBIDDEN_AGAIN);
        let version = version::report::look_again(context);
        [version, withheld].into_iter().flatten().min()
    }

    fn own_records_at_rest(context: &Context) -> OwnRecords {
        version::report::records_at_rest(context)
    }

    fn status(context: &Context, report: Report<Self>) -> TemplateStatus {
        report::status(context, report)
    }
}

#[cfg(test)]
mod tests;
