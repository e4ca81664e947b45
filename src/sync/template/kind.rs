//! What a template is to the core.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::{
    declared::{Declared, Unusable},
    effect::Effect,
    external::{Find, Template, Unreadable},
};
use crate::{
    api::{
        condition::Reason,
        object_name::TemplateName,
        template::{CoderTemplate, MirroredFiles, TemplateStatus, VersionStatus},
    },
    coderd::types::{NewTemplate, TemplatePatch},
    sync::{
        build_wait::BuildWait,
        kind::{SharedSpec, SharedStatus, SyncedKind},
        source::Content,
        spelling::{Part, Spelled, Spelling},
    },
};

/// Everything that deciding about one template rests on.
pub type Context<'a> = crate::sync::context::Context<'a, CoderTemplate>;
/// The records of a template.
pub type Records = crate::sync::context::Records<CoderTemplate>;
/// A step of a template.
pub type Step = crate::sync::step::Step<CoderTemplate>;

/// What is looked at for templates only.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// How the organization stands in coderd, while the object is not bound.
    pub organization: Option<&'a Spelling>,
    /// The declared source, checked, with all that a version is built from; none where none is declared.
    pub source: Option<&'a Result<Declared, Unusable>>,
    /// The version that belongs to it.
    pub version: &'a Find,
    /// The declared version, where it is not the active one.
    pub pinned: &'a Find,
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

impl SyncedKind for CoderTemplate {
    const NOUN: &'static str = "template";
    const IS_PATCHED_AS_ONE: bool = true;

    type Name = TemplateName;
    type External = Template;
    type Observed<'a> = Observed<'a>;
    type Patch = TemplatePatch;
    type New = NewTemplate;
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
            running: None,
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

    fn own_records(&self) -> OwnRecords {
        let Some(status) = &self.status else {
            return OwnRecords::default();
        };
        OwnRecords {
            version: status.version.clone(),
            mirrored_files: status.mirrored_files.clone(),
        }
    }

    fn spelled(name: &TemplateName, observed: &Observed) -> Option<Spelled> {
        let organization = Part {
            noun: "organization",
            given: name.organization.clone(),
            spelling: observed.organization?.clone(),
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

    fn refusal_key(effect: &Effect) -> (&'static str, Value) {
        effect.refusal_key()
    }
}
