//! What to do next about one object: the first step that is needed, and what to say meanwhile.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{
    adoption, claim,
    context::{Context, Records},
    damper::Correction,
    deletion, guard,
    kind::Kind,
    note::Note,
    outlook::Outlook,
    report, setting,
    upkeep::{self, TwinStays},
};
use crate::api::status::Origin;

/// What to do next about one object. After each effect both sides are looked at again.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan<K: Kind> {
    /// The name of the check that found the step necessary.
    pub check: &'static str,
    /// The next step.
    pub next: Next<K>,
    /// What the object says of itself until then.
    pub outlook: Outlook,
    /// What people are told once the step is done.
    pub notes: Vec<Note>,
    /// The value of somebody else that the step overrules, for the damper.
    pub corrects: Option<Correction>,
    /// Whether the step begins a deletion in coderd, which has to be admitted first.
    pub begins_deletion: bool,
}

/// The next step.
#[derive(Clone, Debug, PartialEq)]
pub enum Next<K: Kind> {
    /// One change of coderd.
    Do(K::Effect),
    /// One change of the object.
    Write(Write),
    /// Write these records into `status`: the step that follows relies on them.
    Record(Box<Records<K>>),
    /// Nothing; look again after the time, or only when something changes.
    Rest(Option<Duration>),
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
    /// Delete the object; its twin is gone or has another name.
    Delete(TwinStays),
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

/// A check: the step that it finds necessary, if it does.
type Check<K> = fn(&Context<K>) -> Option<Plan<K>>;

/// The checks by their names, in the order in which they are asked; the first step is taken.
pub fn chain<K: Kind>() -> [(&'static str, Check<K>); 16] {
    [
        ("first_status", guard::first_visit),
        ("record_refusals", guard::unrecorded_refusals),
        ("delete", deletion::plan),
        ("stale_claim", claim::stale),
        ("paused", guard::paused),
        ("unknown", guard::unknown),
        ("adopt", adoption::plan),
        ("lost", upkeep::lost),
        ("read_only", guard::read_only),
        ("renamed", upkeep::renamed),
        ("origin_label", upkeep::origin),
        ("finalizer", upkeep::finalizer),
        ("fields", setting::push),
        ("advance", K::advance),
        ("mirror", K::mirror),
        ("settled", settled),
    ]
}

/// What to do next about the object: the first step that is needed.
pub fn plan<K: Kind>(context: &Context<K>) -> Plan<K> {
    let mut checks = chain().into_iter();
    let decided = checks.find_map(|(check, step)| {
        let plan = step(context)?;
        Some(Plan { check, ..plan })
    });
    let mut plan = decided.unwrap_or_else(|| Plan::rest(report::outlook(context)));
    K::add_findings(context, &mut plan.outlook);
    if let Next::Rest(delay) = &mut plan.next {
        *delay = [*delay, claim::due(context)].into_iter().flatten().min();
    }
    plan
}

/// No step is left.
fn settled<K: Kind>(context: &Context<K>) -> Option<Plan<K>> {
    let next = Next::Rest(report::look_again(context));
    Some(Plan::of(next, report::outlook(context)))
}

impl<K: Kind> Plan<K> {
    /// A plan of one change of coderd.
    pub fn act(effect: K::Effect, outlook: Outlook) -> Self {
        Self::of(Next::Do(effect), outlook)
    }

    /// A plan of one change of the object.
    pub fn write(write: Write, outlook: Outlook) -> Self {
        Self::of(Next::Write(write), outlook)
    }

    /// A plan to write records.
    pub fn record(records: Records<K>, outlook: Outlook) -> Self {
        Self::of(Next::Record(Box::new(records)), outlook)
    }

    /// A plan to do nothing until something changes.
    pub fn rest(outlook: Outlook) -> Self {
        Self::of(Next::Rest(None), outlook)
    }

    /// A plan to look again after `delay`.
    pub fn look_again(delay: Duration, outlook: Outlook) -> Self {
        Self::of(Next::Rest(Some(delay)), outlook)
    }

    fn of(next: Next<K>, outlook: Outlook) -> Self {
        Self {
            check: "",
            next,
            outlook,
            notes: Vec::new(),
            corrects: None,
            begins_deletion: false,
        }
    }

    /// The plan, with the value that it puts back.
    #[must_use]
    pub fn correcting(mut self, correction: Option<Correction>) -> Self {
        self.corrects = correction;
        self
    }

    /// The plan, with something to tell.
    #[must_use]
    pub fn noting(mut self, note: Option<Note>) -> Self {
        self.notes.extend(note);
        self
    }
}
