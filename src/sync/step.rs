//! One step: what is done and what is said of it, in one, so that the two cannot drift apart.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{
    conditions::ConditionSet,
    context::Records,
    events::Event,
    fields::table::Change,
    kind::SyncedKind,
    rules::{build_limit::BuildOrder, damper::Correction},
    standing::ExternalStays,
};
use crate::api::status::{Origin, Refusal};

/// What a check answers. After each effect both sides are looked at again.
#[derive(Clone, Debug, PartialEq)]
pub struct Step<K: SyncedKind> {
    /// The name of the check that decided.
    pub check: &'static str,
    /// What to do.
    pub action: Action<K>,
    /// What the object says of itself until then.
    pub conditions: ConditionSet,
    /// What people are told once it is done.
    pub events: Vec<Event>,
    /// The values of somebody else that it overrules, for the damper.
    pub corrects: Vec<Correction>,
    /// Whether it begins a deletion in coderd, which has to be admitted first.
    pub begins_deletion: bool,
    /// The recorded order whose build it requests, which has to get a place first.
    pub begins_build: Option<BuildOrder>,
    /// Of a step that passes: the refusals that are still in the way. Those that nobody names are forgotten
    /// once all checks were asked.
    pub refused: Vec<Refusal>,
    /// Of a step that passes or rests: the records as they are to be, where they differ. Nothing relies on
    /// them yet, so that they are written with what is said.
    pub records: Option<Records<K>>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action<K: SyncedKind> {
    /// Set these fields in coderd.
    Update(Vec<Change>),
    /// One other change of coderd.
    Do(K::Effect),
    /// One change of the object.
    Write(Write),
    /// Write these records into `status`: the step that follows relies on them.
    Record(Box<Records<K>>),
    /// Nothing, whatever later checks would do; look again after the time, or only when something changes.
    Rest(Option<Duration>),
    /// Nothing, and later checks are asked; look again after the time, should none of them act.
    Pass(Option<Duration>),
}

/// A change of the object itself, apart from `status`.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Put our finalizer on.
    AddFinalizer,
    /// Take our finalizer off.
    RemoveFinalizer,
    /// Apply this complete set of mirrored `spec` fields as manager `coderd`.
    ApplySpec {
        /// The fields, with `organization` unless somebody declares it.
        fields: Map<String, Value>,
        /// Only for the run lever: overrule the other owners of these fields.
        force: bool,
    },
    /// Apply the origin label.
    ApplyOrigin(Origin),
    /// Give up what the aggregated API claimed for a deletion that did not come.
    DropClaim,
    /// Delete the object; its external object is gone or has another name.
    Delete(ExternalStays),
}

impl Write {
    /// What it does, for logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AddFinalizer => "add the finalizer",
            Self::RemoveFinalizer => "remove the finalizer",
            Self::ApplySpec { .. } => "mirror into spec",
            Self::ApplyOrigin(_) => "label the origin",
            Self::DropClaim => "drop the claim to delete",
            Self::Delete(_) => "delete",
        }
    }
}

impl<K: SyncedKind> Step<K> {
    /// Sets fields in coderd.
    pub fn update(changes: Vec<Change>, conditions: ConditionSet) -> Self {
        Self::of(Action::Update(changes), conditions)
    }

    /// Changes coderd otherwise.
    pub fn act(effect: K::Effect, conditions: ConditionSet) -> Self {
        Self::of(Action::Do(effect), conditions)
    }

    /// Changes the object.
    pub fn write(write: Write, conditions: ConditionSet) -> Self {
        Self::of(Action::Write(write), conditions)
    }

    /// Writes records.
    pub fn record(records: Records<K>, conditions: ConditionSet) -> Self {
        Self::of(Action::Record(Box::new(records)), conditions)
    }

    /// Does nothing until something changes.
    pub fn rest(conditions: ConditionSet) -> Self {
        Self::of(Action::Rest(None), conditions)
    }

    /// Does nothing, and looks again after `delay`.
    pub fn requeue_after(delay: Duration, conditions: ConditionSet) -> Self {
        Self::of(Action::Rest(Some(delay)), conditions)
    }

    /// Leaves what to do to the later checks.
    pub fn pass(conditions: ConditionSet) -> Self {
        Self::of(Action::Pass(None), conditions)
    }

    fn of(action: Action<K>, conditions: ConditionSet) -> Self {
        Self {
            check: "",
            action,
            conditions,
            events: Vec::new(),
            corrects: Vec::new(),
            begins_deletion: false,
            begins_build: None,
            refused: Vec::new(),
            records: None,
        }
    }

    /// The step, with values that it puts back.
    #[must_use]
    pub fn correcting(mut self, corrections: impl IntoIterator<Item = Correction>) -> Self {
        self.corrects.extend(corrections);
        self
    }

    /// The step, with something to tell.
    #[must_use]
    pub fn telling(mut self, event: Option<Event>) -> Self {
        self.events.extend(event);
        self
    }

    /// The step that does nothing, with the time after which to look again.
    #[must_use]
    pub fn after(mut self, delay: Option<Duration>) -> Self {
        if let Action::Rest(due) | Action::Pass(due) = &mut self.action {
            *due = [*due, delay].into_iter().flatten().min();
        }
        self
    }

    /// The step that does nothing, with records to write along.
    #[must_use]
    pub fn recording(mut self, records: Records<K>) -> Self {
        self.records = Some(records);
        self
    }

    /// The step, after which no later check is asked.
    #[must_use]
    pub fn ended(mut self) -> Self {
        if let Action::Pass(due) = self.action {
            self.action = Action::Rest(due);
        }
        self
    }

    /// What two checks say, of which the first passes.
    #[must_use]
    pub(super) fn then(self, later: Self) -> Self {
        let due = match self.action {
            Action::Pass(due) => due,
            Action::Update(_)
            | Action::Do(_)
            | Action::Write(_)
            | Action::Record(_)
            | Action::Rest(_) => None,
        };
        let later = later.after(due);
        if !matches!(later.action, Action::Pass(_)) {
            return later;
        }
        let (check, conditions) = if self.conditions.objects() {
            (self.check, self.conditions.and(later.conditions))
        } else {
            (later.check, self.conditions.and(later.conditions))
        };
        let mut refused = self.refused;
        refused.extend(later.refused);
        Self {
            check,
            conditions,
            refused,
            records: later.records.or(self.records),
            ..later
        }
    }
}
