//! A template in coderd, and its versions.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{api::object_name::TemplateName, coderd::types, sync::kind::ExternalObject};

/// A template in coderd, as far as deciding and reporting need it.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// What coderd says of it.
    pub live: types::Template,
    /// The active version's name.
    pub active_version_name: String,
    /// Who asked for the active version, by id; none where that was not looked at.
    pub active_version_creator: Option<Uuid>,
}

impl ExternalObject<TemplateName> for Template {
    fn id(&self) -> Uuid {
        self.live.id
    }

    fn created_at(&self) -> Timestamp {
        self.live.created_at
    }

    fn creator(&self) -> Option<Uuid> {
        Some(self.live.created_by_id)
    }

    fn object_name(&self) -> TemplateName {
        TemplateName::new(&self.live.organization_name, &self.live.name)
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
