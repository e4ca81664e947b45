//! A build of a workspace, as far as deciding needs it.

use jiff::Timestamp;
use uuid::Uuid;

/// What a build is to bring about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transition {
    /// The workspace runs.
    Start,
    /// The workspace is stopped.
    Stop,
    /// The workspace is gone.
    Delete,
    /// A transition that this version does not know.
    Other,
}

impl Transition {
    /// The transition that brings run state `running`.
    pub fn towards(running: bool) -> Self {
        if running { Self::Start } else { Self::Stop }
    }
}

/// How far a build's job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Job {
    /// Pending, running, canceling, or in a state that this version does not know.
    Active,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Given up before it ran.
    Canceled,
}

/// The latest build of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// coderd's id.
    pub id: Uuid,
    /// From 1, without gaps.
    pub number: i64,
    /// What it is to bring about.
    pub transition: Transition,
    /// How far it has come.
    pub job: Job,
    /// Its status in coderd's words: `starting`, `running`, `failed`, …
    pub status: String,
    /// Why it was begun, in coderd's words: `initiator`, `autostop`, `dashboard`, …
    pub reason: String,
    /// The id of the user that coderd names; for autostop and autostart that is the owner.
    pub initiator: Uuid,
    /// The same user's name.
    pub initiator_name: String,
    /// What the job ended with, where it failed.
    pub error: Option<String>,
    /// When the job ended, by coderd's clock.
    pub ended_at: Option<Timestamp>,
}

/// The reason that coderd gives a build that was requested over its API without one.
const REASON_OF_API_BUILDS: &str = "initiator";

impl Build {
    /// Whether the workspace runs: known only after a start or stop that succeeded.
    pub fn run_state(&self) -> Option<bool> {
        match (self.job, self.transition) {
            (Job::Succeeded, Transition::Start) => Some(true),
            (Job::Succeeded, Transition::Stop) => Some(false),
            (Job::Succeeded, Transition::Delete | Transition::Other)
            | (Job::Active | Job::Failed | Job::Canceled, _) => None,
        }
    }

    /// Whether the build's job has not ended.
    pub fn is_active(&self) -> bool {
        self.job == Job::Active
    }

    /// Whether user `us` ordered it over the API and it has not ended.
    pub fn is_active_of(&self, us: Uuid) -> bool {
        self.is_active() && self.reason == REASON_OF_API_BUILDS && self.initiator == us
    }

    /// Whether the workspace is gone. coderd still shows it for a moment.
    pub fn has_deleted(&self) -> bool {
        self.job == Job::Succeeded && self.transition == Transition::Delete
    }

    /// Whether this is the build `number` with `transition` that user `us` ordered over the API. The
    /// reason comes first: builds that coderd begins by itself name the owner as initiator.
    pub fn is_order(&self, number: i64, transition: Transition, us: Uuid) -> bool {
        self.reason == REASON_OF_API_BUILDS
            && self.number == number
            && self.transition == transition
            && self.initiator == us
    }

    /// Who or what began the build, for people.
    pub fn author(&self) -> String {
        if self.reason == REASON_OF_API_BUILDS || self.reason.is_empty() {
            self.initiator_name.clone()
        } else {
            format!("{} ({})", self.initiator_name, self.reason)
        }
    }
}
