//! Autostop and autostart that coderd has stored and that are not in effect: it says of neither that
//! anything is amiss.

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    external::Workspace,
    fields,
    kind::{Context, Step},
};
use crate::{
    api::{
        condition::Reason,
        status::{DriftPolicy, RunRecord},
    },
    sync::{
        conditions::ConditionSet,
        fields::{ownership::FieldPath, rule},
        rounding::to_the_second,
        run::SETTLING,
    },
};

/// How far from ttl after the end of the start the deadline may lie that was made from it.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(1);
/// coderd looks once a minute for what is to be started: what comes later than this does not come.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// What is told of a workspace where autostop or autostart is stored and not in effect.
pub fn notice(context: &Context, workspace: &Workspace) -> Option<String> {
    autostop(context, workspace).or_else(|| autostart(context, workspace))
}

/// A declared schedule that starts nothing is not in effect.
pub fn blocked(context: &Context) -> Option<Step> {
    let workspace = context.present()?;
    let is_enforced = context.standing().drift_policy == DriftPolicy::Enforce;
    let schedule = FieldPath::spec(fields::AUTOSTART);
    let is_declared = context.ownership.declared(&schedule);
    let message = autostart(context, workspace).filter(|_| is_declared && is_enforced)?;
    Some(Step::pass(ConditionSet::stalled(
        Reason::AutostartBlocked,
        message,
    )))
}

/// When it will be known whether autostop or autostart came to be in effect.
pub fn requeue_after(context: &Context) -> Option<Duration> {
    let workspace = context.present()?;
    if ttl(workspace).is_some() && workspace.deadline.is_none() {
        let is_fresh = context.observed.stable_for < SETTLING;
        return is_fresh.then(|| SETTLING.saturating_sub(context.observed.stable_for));
    }
    let due = workspace.next_start_at.filter(|_| is_to_start(workspace))?;
    let remaining = (due + LATE).duration_since(context.coderd_now);
    Duration::try_from(remaining)
        .ok()
        .filter(|time| !time.is_zero())
}

/// coderd counts a deadline from the end of a start, and a new ttl moves none that is there. What else
/// moves it (use, or a person) is no reason to speak: so it takes the record to tell.
fn autostop(context: &Context, workspace: &Workspace) -> Option<String> {
    let ttl = ttl(workspace)?;
    let until = match workspace.deadline {
        // coderd shows a start without its deadline for a moment.
        None if context.observed.stable_for < SETTLING => return None,
        None => "it is not stopped by itself".to_owned(),
        Some(_) => {
            let run = context.records().sync.run;
            let made_from = run.and_then(|run| made_from(&run, workspace))?;
            if made_from == ttl {
                return None;
            }
            let deadline = auto_shutdown(context, workspace)?;
            format!("it is stopped at {}", deadline.0)
        }
    };
    Some(format!(
        "ttlMillis {ttl} is effective with the next start; until then {until}"
    ))
}

/// The record of the run state, with the ttl that the present deadline was made from.
pub fn recorded(run: RunRecord, workspace: &Workspace) -> RunRecord {
    RunRecord {
        ttl_millis: made_from(&run, workspace),
        ..run
    }
}

/// The ttl that the present deadline was made from: what the record says of this very start, or what can
/// be seen to fit.
fn made_from(run: &RunRecord, workspace: &Workspace) -> Option<i64> {
    let of_this_build = run.build_number == workspace.build.number;
    let known = run.ttl_millis.filter(|_| of_this_build);
    known.or_else(|| {
        let ttl = ttl(workspace).filter(|_| of_this_build)?;
        let expected = workspace.build.ended_at? + SignedDuration::from_millis(ttl);
        let distance = workspace.deadline?.duration_since(expected).abs();
        (distance <= TOLERANCE).then_some(ttl)
    })
}

/// Autostop of a workspace that runs.
fn ttl(workspace: &Workspace) -> Option<i64> {
    let runs = workspace.build.run_state() == Some(true);
    let millis = workspace.ttl_millis.filter(|_| runs)?;
    rule::canonical_ttl(millis)
}

fn autostart(context: &Context, workspace: &Workspace) -> Option<String> {
    if !is_to_start(workspace) {
        return None;
    }
    if workspace.is_unfit_to_autostart {
        return Some(format!(
            "autostart does not work: a parameter has a value that the active version of template {} \
             does not take; start the workspace once with a value that fits, in Coder (Update) or by \
             spec.parameters and running: true",
            workspace.template
        ));
    }
    let due = workspace.next_start_at?;
    let is_missed = context.coderd_now.duration_since(due) >= LATE;
    is_missed.then(|| {
        format!(
            "autostart was due at {due} and did not come: start the workspace, and Coder says what \
             stands in the way"
        )
    })
}

/// Whether coderd is to start it by itself.
fn is_to_start(workspace: &Workspace) -> bool {
    let schedule = workspace.autostart_schedule.as_deref();
    schedule.is_some_and(|text| !text.is_empty())
        && workspace.build.run_state() == Some(false)
        && workspace.dormant_at.is_none()
}

/// When autostop is due, for people. A deadline moves with every use of the workspace; only 5 minutes and
/// more are worth a write.
pub fn auto_shutdown(context: &Context, workspace: &Workspace) -> Option<Time> {
    let deadline = workspace
        .deadline
        .filter(|_| workspace.build.run_state() == Some(true))?;
    let status = context.object.status.as_ref();
    let shown = status.and_then(|status| status.auto_shutdown.clone());
    let near = |shown: &Time| shown.0.duration_since(deadline).abs() < SignedDuration::from_mins(5);
    Some(shown.filter(near).unwrap_or(Time(to_the_second(deadline))))
}
