//! The shape of a plan: the one next effect, what to say meanwhile, and what to tell as Events.

use std::time::Duration;

use serde_json::{Map, Value};

use super::outlook::Outlook;
use crate::api::status::Origin;

/// What to do next about one object. After each effect both sides are looked at again.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan<Effect, Records> {
    /// The next step.
    pub next: Next<Effect, Records>,
    /// What the object says of itself until then.
    pub outlook: Outlook,
    /// What people are told once the step is done.
    pub notes: Vec<Note>,
}

/// The next step.
#[derive(Clone, Debug, PartialEq)]
pub enum Next<Effect, Records> {
    /// One effect, on either side.
    Do(Effect),
    /// Write these records into `status`: the effect that follows relies on them.
    Record(Records),
    /// Nothing; look again after the time, or only when something changes.
    Rest(Option<Duration>),
}

impl<Effect, Records> Plan<Effect, Records> {
    /// A plan of one effect.
    pub fn act(effect: Effect, outlook: Outlook) -> Self {
        Self {
            next: Next::Do(effect),
            outlook,
            notes: Vec::new(),
        }
    }

    /// A plan to write records.
    pub fn record(records: Records, outlook: Outlook) -> Self {
        Self {
            next: Next::Record(records),
            outlook,
            notes: Vec::new(),
        }
    }

    /// A plan to do nothing until something changes.
    pub fn rest(outlook: Outlook) -> Self {
        Self {
            next: Next::Rest(None),
            outlook,
            notes: Vec::new(),
        }
    }

    /// A plan to look again after `delay`.
    pub fn look_again(delay: Duration, outlook: Outlook) -> Self {
        Self {
            next: Next::Rest(Some(delay)),
            outlook,
            notes: Vec::new(),
        }
    }

    /// The plan, with something to tell.
    #[must_use]
    pub fn noting(mut self, note: Option<Note>) -> Self {
        self.notes.extend(note);
        self
    }
}

/// An effect on the object itself, the same for both kinds.
#[derive(Clone, Debug, PartialEq)]
pub enum ObjectEffect {
    /// Put our finalizer on.
    AddFinalizer,
    /// Take our finalizer off.
    RemoveFinalizer,
    /// Apply this complete set of mirrored `spec` fields as manager `coderd`.
    ApplySpec {
        /// The fields; `organization` is added where it is needed.
        fields: Map<String, Value>,
        /// Only for the run lever: overrule the other owners of these fields.
        force: bool,
    },
    /// Apply the origin label.
    ApplyOrigin(Origin),
    /// Delete the object; its twin is gone or has another name.
    Delete,
}

/// Something worth an Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whether people should look.
    pub warning: bool,
    /// The stable word.
    pub reason: NoteReason,
    /// For people.
    pub message: String,
}

impl Note {
    /// A normal event.
    pub fn normal(reason: NoteReason, message: impl Into<String>) -> Self {
        Self {
            warning: false,
            reason,
            message: message.into(),
        }
    }

    /// An event that people should look at.
    pub fn warning(reason: NoteReason, message: impl Into<String>) -> Self {
        Self {
            warning: true,
            reason,
            message: message.into(),
        }
    }
}

/// The reasons of Events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoteReason {
    /// The twin was created in coderd.
    Created,
    /// The object was bound to a twin that existed.
    Adopted,
    /// The object was made for a twin that existed.
    Imported,
    /// The twin was deleted in coderd.
    Deleted,
    /// The object was let go; its twin stays in coderd.
    Released,
    /// A declared value was put back in coderd.
    DriftCorrected,
    /// A start, stop or delete was ordered.
    BuildOrdered,
    /// The run state was changed in coderd and is mirrored.
    RunStateMirrored,
    /// An order overruled a build of somebody else.
    OrderWins,
    /// A build of somebody else came in place of an order.
    OrderReplaced,
    /// A version was built from the declared source.
    VersionCreated,
    /// A version was made active.
    VersionPromoted,
    /// A declared source leaves out files of the active version.
    FilesDropped,
    /// Field ownership was reset: everything counts as declared.
    OwnershipReset,
    /// Waiting is useless without a change.
    Stalled,
}

impl NoteReason {
    /// The word in the Event.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Adopted => "Adopted",
            Self::Imported => "Imported",
            Self::Deleted => "Deleted",
            Self::Released => "Released",
            Self::DriftCorrected => "DriftCorrected",
            Self::BuildOrdered => "BuildOrdered",
            Self::RunStateMirrored => "RunStateMirrored",
            Self::OrderWins => "OrderWins",
            Self::OrderReplaced => "OrderReplaced",
            Self::VersionCreated => "VersionCreated",
            Self::VersionPromoted => "VersionPromoted",
            Self::FilesDropped => "FilesDropped",
            Self::OwnershipReset => "OwnershipReset",
            Self::Stalled => "Stalled",
        }
    }
}
