//! The shape of a plan: the one next effect, what to say meanwhile, and what to tell as Events.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{note::Note, outlook::Outlook};
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
