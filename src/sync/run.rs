//! The run lever: `spec.running` is shared, like `replicas` under an autoscaler.
//!
//! The latest change on either side wins, and if both changed, Kubernetes. Which side changed is told
//! by one record, `status.sync.run`: the run state last agreed on, or ordered, and its build. The
//! record is written *before* a build is requested, so that a crash in between finds either its own
//! build or an order that was never sent.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use uuid::Uuid;

use super::build::{Build, Transition};
use crate::api::status::RunRecord;

/// coderd's reads are no snapshot, and a restart is a stop followed by a start: a state counts only
/// when two looks this far apart agree.
pub const SETTLING: Duration = Duration::from_secs(5);

/// What the lever is decided from.
#[derive(Clone, Copy, Debug)]
pub struct RunInput<'a> {
    /// `spec.running`.
    pub wanted: Option<bool>,
    /// Whether `wanted` is what our own apply put there, and nobody else says so: then it orders
    /// nothing.
    pub is_mirrored: bool,
    /// `status.sync.run`.
    pub record: Option<&'a RunRecord>,
    /// The latest build of the workspace.
    pub build: &'a Build,
    /// For how long the latest build has been seen as it is.
    pub stable_for: Duration,
    /// The id of the controller's own user.
    pub us: Uuid,
    /// Whether a failed order may be tried again: the spec is new, or it was asked for.
    pub retry: bool,
    /// Whether it was asked for.
    pub requested: bool,
    /// Now.
    pub now: Timestamp,
}

/// What to do about the run state.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Both sides agree and the record says so.
    Rest,
    /// Write the record: both sides agree already.
    Agree(RunRecord),
    /// Write the record: a build is to be requested next.
    Order {
        /// The order.
        record: RunRecord,
        /// A foreign build that the order overrules.
        overruled: Option<String>,
    },
    /// The order is recorded and its build is not there: request it.
    Send(Transition),
    /// A build is running; or the workspace was deleted, and coderd proves it in a moment.
    Wait {
        /// Whether it is the one that was ordered.
        ours: bool,
    },
    /// The state is not settled yet: look again after this time.
    LookAgain(Duration),
    /// Apply this run state of coderd to `spec` by force. `spec` goes before the record: after a
    /// crash in between, both sides are found equal; the other way round, it would look like an order.
    Mirror(bool),
    /// The latest build failed, and nothing new asks for another.
    Failed {
        /// Whether it is the one that was ordered.
        ours: bool,
    },
}

/// Decides what to do about the run state.
pub fn decide(lever: &RunInput) -> Decision {
    let ordered = lever.record.filter(|record| record.ordered_at.is_some());
    let ours = ordered.is_some_and(|record| is_order(lever, record));
    if lever.build.is_active() || lever.build.has_deleted() {
        return Decision::Wait { ours };
    }
    let declared = lever.wanted.filter(|_| !lever.is_mirrored);
    match (declared, lever.record) {
        (Some(wanted), record) if record.is_none_or(|record| record.wanted != wanted) => {
            order(lever, wanted)
        }
        (_, None) => follow(lever, None),
        (_, Some(record)) if ours && agrees(lever, record) => {
            match (lever.build.run_state(), declared) {
                (Some(_), _) => Decision::Rest,
                (None, Some(wanted)) if lever.retry => order(lever, wanted),
                // Nobody declares a state: only the creation asks for one, and who asks expressly.
                (None, None) if lever.requested || lever.retry && record.build_number == 1 => {
                    order(lever, record.wanted)
                }
                (None, _) => Decision::Failed { ours: true },
            }
        }
        (Some(wanted), Some(record)) if is_unsent(lever, record) => {
            if lever.build.run_state() == Some(wanted) {
                Decision::Agree(seen(lever, wanted))
            } else {
                Decision::Send(Transition::towards(wanted))
            }
        }
        (None, Some(record)) if is_repeated(lever, record) && agrees(lever, record) => {
            Decision::Send(Transition::towards(record.wanted))
        }
        (_, Some(record)) => follow(lever, Some(record)),
    }
}

/// Whether the end of the active build has to be noticed at once: it is ours, or one of ours is to
/// follow it. The end of any other one is seen soon enough by the sweep.
pub fn is_awaited(lever: &RunInput) -> bool {
    let declared = lever.wanted.filter(|_| !lever.is_mirrored);
    let is_to_come = |wanted| lever.record.is_none_or(|record| record.wanted != wanted);
    let ordered = lever.record.filter(|record| record.ordered_at.is_some());
    let is_ordered = ordered
        .is_some_and(|record| is_order(lever, record) || lever.build.number < record.build_number);
    is_ordered || declared.is_some_and(is_to_come) || lever.build.has_deleted()
}

/// The build that the record orders, by number, transition, initiator and reason.
fn is_order(lever: &RunInput, record: &RunRecord) -> bool {
    let transition = Transition::towards(record.wanted);
    lever
        .build
        .is_order(record.build_number, transition, lever.us)
}

/// Whether `spec.running` does not contradict `record`.
fn agrees(lever: &RunInput, record: &RunRecord) -> bool {
    lever.wanted.is_none_or(|wanted| wanted == record.wanted)
}

/// An order whose number is the next one. Numbers have no gaps: where builds before it are missing,
/// this is an older copy of the database, and nothing is started or stopped because of that.
fn is_unsent(lever: &RunInput, record: &RunRecord) -> bool {
    record.ordered_at.is_some() && lever.build.number + 1 == record.build_number
}

/// An order that repeats a build of ours which failed.
fn is_repeated(lever: &RunInput, record: &RunRecord) -> bool {
    let transition = Transition::towards(record.wanted);
    is_unsent(lever, record)
        && lever.build.run_state().is_none()
        && lever
            .build
            .is_order(lever.build.number, transition, lever.us)
}

/// `spec.running` asks for another state than the one agreed on.
fn order(lever: &RunInput, wanted: bool) -> Decision {
    if lever.build.run_state() == Some(wanted) {
        return Decision::Agree(seen(lever, wanted));
    }
    let overruled = lever
        .record
        .filter(|record| lever.build.number > record.build_number)
        .map(|_| lever.build.author());
    let record = RunRecord {
        wanted,
        build_number: lever.build.number + 1,
        ordered_at: Some(Time(lever.now)),
        ttl_millis: None,
    };
    Decision::Order { record, overruled }
}

/// coderd decides: its settled state is agreed on, or mirrored.
fn follow(lever: &RunInput, record: Option<&RunRecord>) -> Decision {
    let agreed = record.map(|record| record.wanted);
    // A restored object has agreed on nothing yet.
    let is_first = record.is_some_and(|record| record.build_number == 0);
    let Some(running) = lever.build.run_state() else {
        return match lever.wanted {
            Some(wanted) if lever.retry && !lever.is_mirrored && !is_first => order(lever, wanted),
            _ => Decision::Failed { ours: false },
        };
    };
    let is_recorded = record.is_some_and(|record| {
        record.ordered_at.is_none() && record.build_number == lever.build.number
    });
    let is_shown = lever.wanted.is_none_or(|wanted| wanted == running);
    if is_recorded && agreed == Some(running) && is_shown {
        return Decision::Rest;
    }
    if lever.stable_for < SETTLING {
        return Decision::LookAgain(SETTLING.saturating_sub(lever.stable_for));
    }
    match lever.wanted {
        Some(wanted) if wanted != running => Decision::Mirror(running),
        _ => Decision::Agree(seen(lever, running)),
    }
}

/// The record of a state that was seen, not ordered.
fn seen(lever: &RunInput, wanted: bool) -> RunRecord {
    RunRecord {
        wanted,
        build_number: lever.build.number,
        ordered_at: None,
        ttl_millis: None,
    }
}

#[cfg(test)]
mod tests;
