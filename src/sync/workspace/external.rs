//! A workspace in coderd, and the place where one belongs.

use jiff::Timestamp;
use uuid::Uuid;

use super::value::Values;
use crate::{
    api::{
        object_name::WorkspaceName,
        workspace::{Agent, Health},
    },
    sync::{
        build::{Build, Job},
        kind::ExternalObject,
        rounding,
        spelling::Spelling,
    },
};

/// A workspace in coderd, as far as deciding and reporting need it.
#[derive(Clone, Debug, PartialEq)]
pub struct Workspace {
    /// coderd's id.
    pub id: Uuid,
    /// The organization's name, as coderd spells it.
    pub organization: String,
    /// The owner's name, as coderd spells it.
    pub owner: String,
    /// The workspace's name, as coderd spells it.
    pub name: String,
    /// The template's name, as coderd spells it.
    pub template: String,
    /// The template's id.
    pub template_id: Uuid,
    /// The version of the template that the latest build used.
    pub version_id: Uuid,
    /// The active version, where a start has to use it: the template requires it, or the workspace
    /// updates itself.
    pub version_of_next_start: Option<Uuid>,
    /// When it was created, by coderd's clock.
    pub created_at: Timestamp,
    /// Who began its first build; looked up only for a workspace that is not bound yet.
    pub creator: Option<Uuid>,
    /// Autostop.
    pub ttl_millis: Option<i64>,
    /// Autostart.
    pub autostart_schedule: Option<String>,
    /// When autostart is due, while it is stopped. In the past if that start did not come about.
    pub next_start_at: Option<Timestamp>,
    /// Whether autostart would move it to a version that does not take its parameters' values; asked
    /// only where that may be so.
    pub is_unfit_to_autostart: bool,
    /// The latest build.
    pub build: Build,
    /// The values of the latest build; looked up only where parameters are declared.
    pub parameters: Values,
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
    /// The facts without what is not worth a write to `status`: it must not cause a look either.
    #[must_use]
    pub fn for_comparison(mut self) -> Self {
        let is_running = self.build.run_state() == Some(true);
        let deadline = self.deadline.filter(|_| is_running);
        self.deadline = deadline.map(rounding::to_five_minutes);
        self.last_used_at = self.last_used_at.map(rounding::to_the_hour);
        self
    }
}

impl ExternalObject<WorkspaceName> for Workspace {
    fn id(&self) -> Uuid {
        self.id
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn creator(&self) -> Option<Uuid> {
        self.creator
    }

    fn object_name(&self) -> WorkspaceName {
        WorkspaceName::new(&self.organization, &self.owner, &self.name)
    }
}

/// A declared version of a template, as coderd shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinnedVersion {
    /// Its id.
    pub id: Uuid,
    /// The template that it belongs to; none also where there is no such version.
    pub template_id: Option<Uuid>,
    /// How far its import has come.
    pub import: Job,
    /// Whether it is hidden: a workspace can be started with it, but not created from it.
    pub is_archived: bool,
}

impl PinnedVersion {
    /// Whether it is known which parameters it has.
    #[must_use]
    pub fn has_parameters(self) -> bool {
        self.template_id.is_some() && self.import == Job::Succeeded
    }
}

/// A parameter of a template's version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Whether its value lasts for one build only.
    pub is_ephemeral: bool,
    /// Whether it can be changed after the first build that had it.
    pub is_mutable: bool,
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
    pub id: Uuid,
    /// The version that a new workspace uses.
    pub active_version_id: Uuid,
    /// Its parameters; looked up only where parameters are declared.
    pub parameters: Vec<Parameter>,
}
