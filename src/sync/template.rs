//! What to do next about one template.

pub mod creation;
pub mod deletion;
pub mod metadata;
pub mod report;
pub mod version;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    build_wait::BuildWait,
    outlook::Outlook,
    ownership::{FieldPath, Ownership},
    plan::{Next, ObjectEffect, Plan},
    source::{Content, Source},
    standing::Standing,
    twin::{Cause, Twin},
    workspace::Spelling,
};
use crate::api::{
    condition::Reason,
    names,
    object_name::TemplateName,
    status::{Binding, Refusal, Sync},
    template::{CoderTemplate, MirroredFiles, VersionStatus},
};

/// A template in coderd, as far as deciding and reporting need it.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// coderd's id.
    pub id: String,
    /// The organization's name, as coderd spells it.
    pub organization: String,
    /// Its name, as coderd spells it.
    pub name: String,
    /// The name that Coder shows.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Its icon.
    pub icon: String,
    /// The active version's id.
    pub active_version_id: String,
    /// The active version's name.
    pub active_version_name: String,
    /// Whether it is deprecated.
    pub is_deprecated: bool,
    /// When it was created, by coderd's clock.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who created it, by id.
    pub creator: String,
}

impl Template {
    /// The name of an object for it.
    pub fn object_name(&self) -> TemplateName {
        TemplateName::new(&self.organization, &self.name)
    }
}

/// A version of a template in coderd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// coderd's id.
    pub id: String,
    /// The template it belongs to; none for one that is to create a template.
    pub template_id: Option<String>,
    /// How far its import has come.
    pub job: VersionJob,
    /// The job's status in coderd's words.
    pub job_status: String,
    /// Whether it was archived.
    pub is_archived: bool,
}

/// How far the import of a version has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionJob {
    /// Pending, running, canceling, or in a state that this version does not know.
    Active,
    /// The version can be promoted.
    Succeeded,
    /// The version can never be promoted.
    Failed {
        /// The job's error and its last log lines.
        error: String,
        /// Somebody gave it up, or coderd did: the source is not to blame.
        is_given_up: bool,
    },
}

/// What a look for the version of the declared source found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It was not looked for.
    NotSought,
    /// There is none.
    Absent,
    /// It is there.
    Found(Version),
}

/// A declared source with its hash.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The source.
    pub source: Source,
    /// SHA-256 of it, in hex.
    pub hash: String,
}

/// Everything that deciding about one template rests on.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The object, read live.
    pub object: &'a CoderTemplate,
    /// Who owns its fields.
    pub ownership: &'a Ownership,
    /// Its twin, read live.
    pub twin: &'a Twin<Template>,
    /// How the organization stands in coderd, while the object is not bound.
    pub organization: Option<&'a Spelling>,
    /// The declared source, checked; none where none is declared.
    pub source: Option<&'a Result<Declared, String>>,
    /// The version that belongs to it.
    pub version: &'a Sight,
    /// The content of the active version where it was asked for, or why it cannot be read.
    pub active: Option<&'a Result<Content, String>>,
    /// How many workspaces use the template, where the object is being deleted.
    pub workspaces: Option<i64>,
    /// The name of another object that is bound to the same twin.
    pub bound_elsewhere: Option<&'a str>,
    /// The id of the deployment that was asked.
    pub deployment_id: &'a str,
    /// Set while this coderd may only be read.
    pub read_only: Option<&'a Cause>,
    /// Whether the CRD is being removed.
    pub crd_is_going: bool,
    /// The id of the controller's own user.
    pub us: &'a str,
    /// What coderd refused since the last look, still to be recorded.
    pub refused: &'a [Refusal],
    /// How long a request may be under way.
    pub request_timeout: Duration,
    /// How long and how often a build is waited for.
    pub build_wait: &'a BuildWait,
    /// coderd's clock at the last look, or ours.
    pub coderd_now: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// The records that deciding rests on, as they are to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records {
    /// `status.binding`.
    pub binding: Option<Binding>,
    /// `status.sync`.
    pub sync: Sync,
    /// `status.version`.
    pub version: Option<VersionStatus>,
    /// `status.mirroredFiles`.
    pub mirrored_files: Option<MirroredFiles>,
}

/// One effect, on either side.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// On the object.
    Object(ObjectEffect),
    /// Upload the declared source and begin to import it.
    CreateVersion {
        /// The version's name.
        name: String,
        /// The template it is for; none where it is to create one.
        template_id: Option<String>,
    },
    /// Bring an archived version back.
    Unarchive(String),
    /// Create the template from a version.
    Create(NewTemplate),
    /// Make a version the active one.
    Promote(String),
    /// Set one of the fields of the metadata.
    SetMetadata {
        /// The field's name in `spec`.
        field: &'static str,
        /// Its value; "" clears it.
        value: String,
    },
    /// Delete the template.
    Delete,
}

/// A template to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTemplate {
    /// Its name.
    pub name: String,
    /// Its first version.
    pub version_id: String,
    /// The name that Coder shows.
    pub display_name: String,
    /// What it is for.
    pub description: String,
    /// Its icon.
    pub icon: String,
}

impl Effect {
    /// The record that coderd refused this effect, saying `message`. The digest is of what was asked
    /// for, so that asking for something else is tried again.
    pub fn refused(&self, message: &str) -> Refusal {
        let (field, asked) = match self {
            Self::Object(_) | Self::Delete => ("object", Value::Null),
            Self::CreateVersion { name, template_id } => ("files", json!([name, template_id])),
            Self::Unarchive(id) => ("files", json!(["unarchive", id])),
            Self::Promote(id) => ("files", json!(["promote", id])),
            Self::Create(NewTemplate {
                name,
                version_id,
                display_name,
                description,
                icon,
            }) => (
                "create",
                json!([name, version_id, display_name, description, icon]),
            ),
            Self::SetMetadata { field, value } => (
                *field,
                super::field::canonical(json!(value)).unwrap_or_default(),
            ),
        };
        Refusal {
            field: field.to_owned(),
            digest: super::field::digest(Some(&asked)),
            message: message.to_owned(),
        }
    }
}

/// A plan for a template.
pub type TemplatePlan = Plan<Effect, Records>;

/// What to do next about the template: the first step that is needed, in this order.
pub fn plan(context: &Context) -> TemplatePlan {
    let mut plan = first_visit(context)
        .or_else(|| record_refusals(context))
        .or_else(|| deletion::plan(context))
        .or_else(|| paused(context))
        .or_else(|| unknown(context))
        .or_else(|| creation::plan(context))
        .or_else(|| lost(context))
        .or_else(|| read_only(context))
        .or_else(|| renamed(context))
        .or_else(|| origin(context))
        .or_else(|| finalizer(context))
        .or_else(|| metadata::push(context))
        .or_else(|| version::plan(context))
        .or_else(|| metadata::mirror(context))
        .unwrap_or_else(|| TemplatePlan {
            next: Next::Rest(report::look_again(context)),
            outlook: report::outlook(context),
            notes: Vec::new(),
        });
    plan.outlook.promoted = report::promoted(context);
    plan
}

impl Context<'_> {
    /// Where the object stands.
    pub fn standing(&self) -> Standing<'_> {
        Standing::of_template(self.object, self.ownership)
    }

    /// The records as they are.
    pub fn records(&self) -> Records {
        let standing = self.standing();
        let status = self.object.status.as_ref();
        Records {
            binding: standing.binding.cloned(),
            sync: standing.records(),
            version: status.and_then(|status| status.version.clone()),
            mirrored_files: status.and_then(|status| status.mirrored_files.clone()),
        }
    }

    /// The twin, if it is there.
    pub fn present(&self) -> Option<&Template> {
        match self.twin {
            Twin::Present(template) => Some(template),
            Twin::Absent | Twin::Gone | Twin::Unknown(_) => None,
        }
    }

    /// What was refused before and is not to be sent again: nothing, once something asks to try.
    pub fn refusals(&self) -> &[Refusal] {
        match self
            .object
            .status
            .as_ref()
            .and_then(|status| status.sync.as_ref())
        {
            Some(sync) if !self.standing().may_retry() => &sync.refused,
            _ => &[],
        }
    }

    /// The record that this very effect was refused.
    pub fn refusal(&self, effect: &Effect) -> Option<&Refusal> {
        let this = effect.refused("");
        let same = |known: &&Refusal| known.field == this.field && known.digest == this.digest;
        self.refusals().iter().find(same)
    }
}

/// The declared source, checked; none where none is declared.
pub fn declared_source(
    object: &CoderTemplate,
    ownership: &Ownership,
) -> Option<Result<Declared, String>> {
    let files = object
        .spec
        .files
        .as_ref()
        .filter(|_| declares_files(object, ownership))?;
    Some(match Source::from_inline(files) {
        Ok(source) => {
            let hash = source.hash(&BTreeMap::new());
            Ok(Declared { source, hash })
        }
        Err(error) => Err(error.to_string()),
    })
}

/// Whether `spec.files` is declared, by anybody but us.
fn declares_files(object: &CoderTemplate, ownership: &Ownership) -> bool {
    object
        .spec
        .files
        .as_ref()
        .is_some_and(|files| !files.is_empty())
        && ownership.declared(&FieldPath::spec(metadata::FILES))
}

/// The first status says that nothing is known yet, before anything is asked of coderd: a waiting
/// client must never take an object without conditions for a finished one.
fn first_visit(context: &Context) -> Option<TemplatePlan> {
    let conditions = context
        .object
        .status
        .as_ref()
        .map_or(0, |status| status.conditions.len());
    let is_new = conditions == 0 && !context.standing().is_terminating();
    let cause = Cause::new(Reason::Pending, "not looked at yet");
    is_new.then(|| TemplatePlan::record(context.records(), Outlook::unknown(&cause)))
}

/// What coderd refused is written down before anything else is tried.
fn record_refusals(context: &Context) -> Option<TemplatePlan> {
    let first = context.refused.first()?;
    let mut records = context.records();
    for refusal in context.refused {
        records
            .sync
            .refused
            .retain(|known| known.field != refusal.field);
        records.sync.refused.push(refusal.clone());
    }
    Some(TemplatePlan::record(
        records,
        Outlook::stalled(Reason::Refused, &first.message),
    ))
}

/// Nothing goes to coderd while the object is paused.
fn paused(context: &Context) -> Option<TemplatePlan> {
    context
        .standing()
        .is_paused()
        .then(|| TemplatePlan::rest(Outlook::paused()))
}

/// Nothing happens on either side while the twin cannot be seen.
fn unknown(context: &Context) -> Option<TemplatePlan> {
    match context.twin {
        Twin::Unknown(cause) => Some(TemplatePlan::rest(Outlook::unknown(cause))),
        Twin::Present(_) | Twin::Absent | Twin::Gone => None,
    }
}

/// The template was deleted in Coder. An imported object follows it; one with a declared source makes
/// it again, for nothing is lost.
fn lost(context: &Context) -> Option<TemplatePlan> {
    if *context.twin != Twin::Gone {
        return None;
    }
    let standing = context.standing();
    let id = &standing.binding?.id;
    if !standing.is_declared {
        let outlook = Outlook::reconciling(Reason::Deleting, "its template was deleted in Coder");
        return Some(TemplatePlan::act(
            Effect::Object(ObjectEffect::Delete),
            outlook,
        ));
    }
    if context.source.is_some() {
        return Some(creation::begin(context));
    }
    Some(TemplatePlan::rest(Outlook::stalled(
        Reason::DeletedExternally,
        format!(
            "template {id} was deleted in Coder; declare spec.files to make it again, or delete this object"
        ),
    )))
}

/// This coderd may only be read.
fn read_only(context: &Context) -> Option<TemplatePlan> {
    let cause = context.read_only?;
    Some(TemplatePlan::rest(Outlook::stalled(
        cause.reason,
        &cause.message,
    )))
}

/// An imported object whose twin has another name now goes; the new name is imported again.
fn renamed(context: &Context) -> Option<TemplatePlan> {
    let now_named = report::new_name(context)?;
    (!context.standing().is_declared).then(|| {
        let message = format!("its template was renamed in Coder: it is {now_named} now");
        let outlook = Outlook::reconciling(Reason::RenamedInCoder, message);
        TemplatePlan::act(Effect::Object(ObjectEffect::Delete), outlook)
    })
}

/// The origin label follows the binding.
fn origin(context: &Context) -> Option<TemplatePlan> {
    let standing = context.standing();
    let origin = standing.binding?.origin;
    let is_there = standing.label(names::LABEL_ORIGIN) == Some(origin.as_str());
    let outlook = Outlook::reconciling(Reason::Creating, "the object is being labelled");
    (!is_there)
        .then(|| TemplatePlan::act(Effect::Object(ObjectEffect::ApplyOrigin(origin)), outlook))
}

/// Our finalizer is on exactly while deleting the object also deletes the twin.
fn finalizer(context: &Context) -> Option<TemplatePlan> {
    let effect = super::lifecycle::finalizer(&context.standing())?;
    let outlook = Outlook::reconciling(Reason::Creating, "the finalizer follows deletionPolicy");
    Some(TemplatePlan::act(Effect::Object(effect), outlook))
}

#[cfg(test)]
mod tests;
