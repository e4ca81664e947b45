//! What to do next about one workspace.

pub mod creation;
pub mod deletion;
pub mod power;
pub mod report;
pub mod settings;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    build::{Build, Transition},
    outlook::Outlook,
    ownership::Ownership,
    plan::{Next, ObjectEffect, Plan},
    standing::Standing,
    twin::{Cause, Twin},
};
use crate::api::{
    condition::Reason,
    names,
    object_name::WorkspaceName,
    status::{Binding, Origin, Refusal, Sync},
    workspace::{Agent, CoderWorkspace, Health},
};

/// A workspace in coderd, as far as deciding and reporting need it.
#[derive(Clone, Debug, PartialEq)]
pub struct Workspace {
    /// coderd's id.
    pub id: String,
    /// The organization's name, as coderd spells it.
    pub organization: String,
    /// The owner's name, as coderd spells it.
    pub owner: String,
    /// The workspace's name, as coderd spells it.
    pub name: String,
    /// The template's name, as coderd spells it.
    pub template: String,
    /// The version of the template that the latest build used.
    pub version_id: String,
    /// The active version, where a start has to use it: the template requires it, or the workspace
    /// updates itself.
    pub version_of_next_start: Option<String>,
    /// When it was created, by coderd's clock.
    pub created_at: Timestamp,
    /// Who began its first build; looked up only for a workspace that is not bound yet.
    pub creator: Option<String>,
    /// Autostop.
    pub ttl_millis: Option<i64>,
    /// Autostart.
    pub autostart_schedule: Option<String>,
    /// The latest build.
    pub build: Build,
    /// The values of the latest build; looked up only where parameters are declared.
    pub parameters: BTreeMap<String, String>,
    /// The parameters of the version that the next start uses; likewise, and then none.
    pub known_parameters: Option<Vec<Parameter>>,
    /// When autostop is due, while it runs.
    pub deadline: Option<Timestamp>,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// Since when it is dormant.
    pub dormant_at: Option<Timestamp>,
    /// When coderd deletes it for dormancy.
    pub deleting_at: Option<Timestamp>,
    /// Whether its template has a newer active version.
    pub outdated: bool,
    /// Whether its agents are well.
    pub health: Health,
    /// Its agents.
    pub agents: Vec<Agent>,
}

impl Workspace {
    /// The name of an object for it.
    pub fn object_name(&self) -> WorkspaceName {
        WorkspaceName::new(&self.organization, &self.owner, &self.name)
    }
}

/// A parameter of a template's version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Whether its value lasts for one build only.
    pub is_ephemeral: bool,
}

/// How a part of an object's name stands in coderd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// coderd calls it so.
    Canonical,
    /// It is an alias of this name.
    Alias(String),
    /// coderd shows nothing of that name.
    NotFound,
}

impl Spelling {
    /// How `given` stands to the name that coderd answered with.
    pub fn of(given: &str, canonical: &str) -> Self {
        if given.eq_ignore_ascii_case(canonical) {
            Self::Canonical
        } else {
            Self::Alias(canonical.to_lowercase())
        }
    }
}

/// The place in coderd where an unbound workspace belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The organization.
    pub organization: Spelling,
    /// The owner.
    pub owner: Spelling,
    /// The template to create from; none where it does not exist or was not asked for.
    pub template: Option<TemplateSite>,
}

/// The template to create a workspace from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateSite {
    /// coderd's id.
    pub id: String,
    /// The version that a new workspace uses.
    pub active_version_id: String,
    /// Its parameters; looked up only where parameters are declared.
    pub parameters: Vec<Parameter>,
}

/// Everything that deciding about one workspace rests on.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The object, read live.
    pub object: &'a CoderWorkspace,
    /// Who owns its fields.
    pub ownership: &'a Ownership,
    /// Its twin, read live.
    pub twin: &'a Twin<Workspace>,
    /// Where it belongs, while it is not bound.
    pub site: Option<&'a Site>,
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
    /// For how long the latest build has been seen as it is.
    pub stable_for: Duration,
    /// What coderd refused since the last look, still to be recorded.
    pub refused: &'a [Refusal],
    /// How long a request may be under way.
    pub request_timeout: Duration,
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
}

/// One effect, on either side.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// On the object.
    Object(ObjectEffect),
    /// Create the workspace.
    Create(NewWorkspace),
    /// Set autostop; none switches it off.
    SetTtl(Option<i64>),
    /// Set autostart; none switches it off.
    SetAutostart(Option<String>),
    /// Begin a build.
    Build(NewBuild),
}

/// How a refused creation is named in `status.sync.refused`.
const FIELD_CREATE: &str = "create";

impl Effect {
    /// The record that coderd refused this effect, saying `message`. The digest is of what was asked
    /// for, so that asking for something else is tried again.
    pub fn refused(&self, message: &str) -> Refusal {
        let (field, asked) = match self {
            Self::Object(_) => ("object", Value::Null),
            Self::Create(new) => (FIELD_CREATE, new.to_json()),
            Self::SetTtl(millis) => (settings::TTL, json!(millis)),
            Self::SetAutostart(schedule) => (settings::AUTOSTART, json!(schedule)),
            Self::Build(new) => (power::FIELD, new.to_json()),
        };
        Refusal {
            field: field.to_owned(),
            digest: super::field::digest(Some(&asked)),
            message: message.to_owned(),
        }
    }
}

/// A workspace to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWorkspace {
    /// Its owner.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// The template's id.
    pub template_id: String,
    /// The version it will use. Not sent; a refusal speaks of this version only.
    pub version_id: String,
    /// Autostop.
    pub ttl_millis: Option<i64>,
    /// Autostart.
    pub autostart_schedule: Option<String>,
    /// Parameters by name.
    pub parameters: BTreeMap<String, String>,
}

impl NewWorkspace {
    fn to_json(&self) -> Value {
        let Self {
            owner,
            name,
            template_id,
            version_id,
            ttl_millis,
            autostart_schedule,
            parameters,
        } = self;
        json!([
            owner,
            name,
            template_id,
            version_id,
            ttl_millis,
            autostart_schedule,
            parameters
        ])
    }
}

/// A build to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBuild {
    /// What it is to bring about.
    pub transition: Transition,
    /// The version to use, where it is not the one of the latest build.
    pub version_id: Option<String>,
    /// Parameters by name.
    pub parameters: BTreeMap<String, String>,
}

impl NewBuild {
    fn to_json(&self) -> Value {
        let Self {
            transition,
            version_id,
            parameters,
        } = self;
        json!([format!("{transition:?}"), version_id, parameters])
    }
}

/// A plan for a workspace.
pub type WorkspacePlan = Plan<Effect, Records>;

/// What to do next about the workspace: the first step that is needed, in this order.
pub fn plan(context: &Context) -> WorkspacePlan {
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
        .or_else(|| settings::push(context))
        .or_else(|| power::plan(context))
        .or_else(|| settings::mirror(context))
        .unwrap_or_else(|| WorkspacePlan {
            next: Next::Rest(report::look_again(context)),
            outlook: report::outlook(context),
            notes: Vec::new(),
        });
    plan.outlook.running = report::running(context);
    plan
}

impl Context<'_> {
    /// Where the object stands.
    pub fn standing(&self) -> Standing<'_> {
        Standing::of_workspace(self.object, self.ownership)
    }

    /// The records as they are.
    pub fn records(&self) -> Records {
        let standing = self.standing();
        Records {
            binding: standing.binding.cloned(),
            sync: standing.records(),
        }
    }

    /// The twin, if it is there.
    pub fn present(&self) -> Option<&Workspace> {
        match self.twin {
            Twin::Present(workspace) => Some(workspace),
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

/// The first status says that nothing is known yet, before anything is asked of coderd: a waiting
/// client must never take an object without conditions for a finished one.
fn first_visit(context: &Context) -> Option<WorkspacePlan> {
    let conditions = context
        .object
        .status
        .as_ref()
        .map_or(0, |status| status.conditions.len());
    let is_new = conditions == 0 && !context.standing().is_terminating();
    let cause = Cause::new(Reason::Pending, "not looked at yet");
    is_new.then(|| WorkspacePlan::record(context.records(), Outlook::unknown(&cause)))
}

/// What coderd refused is written down before anything else is tried.
fn record_refusals(context: &Context) -> Option<WorkspacePlan> {
    let first = context.refused.first()?;
    let standing = context.standing();
    let mut records = context.records();
    for refusal in context.refused {
        records
            .sync
            .refused
            .retain(|known| known.field != refusal.field);
        records.sync.refused.push(refusal.clone());
        // What is made again on request carries the label, and would count as restored without.
        if refusal.field == FIELD_CREATE && standing.label(names::LABEL_ORIGIN).is_none() {
            records.sync.attempt = None;
            records.sync.run = None;
        }
    }
    Some(WorkspacePlan::record(
        records,
        Outlook::stalled(Reason::Refused, &first.message),
    ))
}

/// Nothing goes to coderd while the object is paused.
fn paused(context: &Context) -> Option<WorkspacePlan> {
    context
        .standing()
        .is_paused()
        .then(|| WorkspacePlan::rest(Outlook::paused()))
}

/// Nothing happens on either side while the twin cannot be seen.
fn unknown(context: &Context) -> Option<WorkspacePlan> {
    match context.twin {
        Twin::Unknown(cause) => Some(WorkspacePlan::rest(Outlook::unknown(cause))),
        Twin::Present(_) | Twin::Absent | Twin::Gone => None,
    }
}

/// The twin is gone for good. An imported object follows it; a declared one stays, for its disk is
/// lost and a new, empty twin would hide that.
fn lost(context: &Context) -> Option<WorkspacePlan> {
    if *context.twin != Twin::Gone {
        return None;
    }
    let standing = context.standing();
    let id = &standing.binding?.id;
    if !standing.is_declared {
        let outlook = Outlook::reconciling(Reason::Deleting, "its workspace was deleted in Coder");
        return Some(WorkspacePlan::act(
            Effect::Object(ObjectEffect::Delete),
            outlook,
        ));
    }
    if standing.annotation(names::ANNOTATION_RECREATE) == Some(id) {
        return Some(creation::begin(context));
    }
    Some(WorkspacePlan::rest(Outlook::stalled(
        Reason::DeletedExternally,
        format!(
            "workspace {id} was deleted in Coder and its data with it; to make a new, empty one set \
             the annotation coder.com/recreate: {id}, else delete this object"
        ),
    )))
}

/// This coderd may only be read.
fn read_only(context: &Context) -> Option<WorkspacePlan> {
    let cause = context.read_only?;
    Some(WorkspacePlan::rest(Outlook::stalled(
        cause.reason,
        &cause.message,
    )))
}

/// An imported object whose twin has another name now goes; the new name is imported again.
fn renamed(context: &Context) -> Option<WorkspacePlan> {
    let now_named = report::new_name(context)?;
    (!context.standing().is_declared).then(|| {
        let message = format!("its workspace was renamed in Coder: it is {now_named} now");
        let outlook = Outlook::reconciling(Reason::RenamedInCoder, message);
        WorkspacePlan::act(Effect::Object(ObjectEffect::Delete), outlook)
    })
}

/// The origin label follows the binding.
fn origin(context: &Context) -> Option<WorkspacePlan> {
    let standing = context.standing();
    let origin = standing.binding?.origin;
    let is_there = standing.label(names::LABEL_ORIGIN) == Some(origin.as_str());
    (!is_there).then(|| label(origin))
}

fn label(origin: Origin) -> WorkspacePlan {
    let outlook = Outlook::reconciling(Reason::Creating, "the object is being labelled");
    WorkspacePlan::act(Effect::Object(ObjectEffect::ApplyOrigin(origin)), outlook)
}

/// Our finalizer is on exactly while deleting the object also deletes the twin.
fn finalizer(context: &Context) -> Option<WorkspacePlan> {
    let effect = super::lifecycle::finalizer(&context.standing())?;
    let outlook = Outlook::reconciling(Reason::Creating, "the finalizer follows deletionPolicy");
    Some(WorkspacePlan::act(Effect::Object(effect), outlook))
}

#[cfg(test)]
mod tests;
