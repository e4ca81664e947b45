//! A template in coderd, and its versions.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{api::object_name::TemplateName, sync::kind::ExternalObject};

/// A template in coderd, as far as deciding and reporting need it.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// coderd's id.
    pub id: Uuid,
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
    /// Autostop of new workspaces; 0 for none.
    pub default_ttl_millis: i64,
    /// By how much use puts autostop off; 0 for not at all.
    pub activity_bump_millis: i64,
    /// How long before autostop its owner is told; 0 for not at all.
    pub time_til_autostop_notify_millis: i64,
    /// Whether owners may cancel builds of their workspaces.
    pub allow_user_cancel_workspace_jobs: bool,
    /// The active version's id.
    pub active_version_id: Uuid,
    /// The active version's name.
    pub active_version_name: String,
    /// Who asked for the active version, by id; none where that was not looked at.
    pub active_version_creator: Option<Uuid>,
    /// Whether it is deprecated.
    pub is_deprecated: bool,
    /// When it was created, by coderd's clock.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who created it, by id.
    pub creator: Uuid,
}

impl ExternalObject<TemplateName> for Template {
    fn id(&self) -> Uuid {
        self.id
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }

    fn creator(&self) -> Option<Uuid> {
        Some(self.creator)
    }

    fn object_name(&self) -> TemplateName {
        TemplateName::new(&self.organization, &self.name)
    }
}

/// A version of a template in coderd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// coderd's id.
    pub id: Uuid,
    /// When it was created, by coderd's clock.
    pub created_at: Timestamp,
    /// Who asked for it, by id. A name says nothing: anybody may give it to a version of his own.
    pub creator: Option<Uuid>,
    /// The template it belongs to; none for one that is to create a template.
    pub template_id: Option<Uuid>,
    /// How far its import has come.
    pub job: VersionJob,
    /// The job's status in coderd's words.
    pub job_status: String,
    /// Whether it was archived.
    pub is_archived: bool,
    /// The variables for which another value is in effect than its source says; none where that was not
    /// asked.
    pub kept_variables: Option<Vec<KeptVariable>>,
}

/// A variable whose value coderd keeps from an earlier version, whatever the source says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptVariable {
    /// Its name.
    pub name: String,
    /// The default in the source.
    pub in_source: String,
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

/// Why the content of a version cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// What failed.
    pub message: String,
    /// Whether it may be read later without a change of the version: a right is missing. Size and
    /// content stay what they are.
    pub may_pass: bool,
}

/// What a look for the version of the declared source found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Find {
    /// It was not looked for.
    #[default]
    NotSought,
    /// There is none.
    Absent,
    /// It is there.
    Found(Version),
}
