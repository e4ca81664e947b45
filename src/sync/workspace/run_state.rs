//! The run lever of a workspace as steps: record, build, mirror.

use std::time::Duration;

use serde_json::Value;

use super::{
    build_order, builds,
    effect::{Effect, NewBuild, RUNNING},
    external::Workspace,
    fields,
    kind::{Context, Step},
    mirror, next_start, parameters, pin,
    value::Values,
};
use crate::{
    api::{condition::Reason, status::RunRecord},
    sync::{
        build::Transition,
        conditions::ConditionSet,
        events::{Event, EventReason},
        fields::{ownership::FieldPath, push},
        rules::damper::{Correction, Fight},
        run::{self, Decision, RunInput},
    },
};

/// The next step of the run lever, or what it waits for; none while both sides agree.
pub fn plan(context: &Context) -> Option<Step> {
    let workspace = context.present()?;
    let lever = lever(context, workspace);
    let build = &workspace.build;
    match run::decide(&lever) {
        Decision::Rest => None,
        Decision::Wait { ours } => {
            let due = run::is_awaited(&lever).then(|| build_poll(context));
            Some(Step::pass(builds::waiting(context, build, ours)).after(due))
        }
        Decision::LookAgain(delay) => {
            let (number, author) = (build.number, build.author());
            let message =
                format!("looking once more before spec follows build {number} by {author}");
            let conditions = ConditionSet::reconciling(Reason::Mirroring, message);
            Some(Step::pass(conditions).after(Some(delay)))
        }
        Decision::Failed { ours } => {
            let is_retried = ours || !is_mirrored(context);
            let message = builds::failure(build, is_retried);
            Some(Step::pass(ConditionSet::stalled(
                Reason::BuildFailed,
                message,
            )))
        }
        Decision::Agree(record) => {
            let mut records = context.records();
            records.sync.run = Some(record);
            Some(Step::pass(ConditionSet::settled("")).recording(records))
        }
        Decision::Order { record, overruled } => order(context, workspace, record, overruled),
        Decision::Send(transition) => send(context, workspace, transition),
        Decision::Mirror(running) => Some(mirror(context, workspace, running)),
    }
}

/// Records an order, unless the start would not be the one that is asked for, or somebody else keeps
/// ordering the opposite.
fn order(
    context: &Context,
    workspace: &Workspace,
    record: RunRecord,
    overruled: Option<String>,
) -> Option<Step> {
    let wanted = record.wanted;
    if let Some(fight) = fight(context) {
        let author = workspace.build.author();
        let difference = format!(
            "running: declared {wanted}, in Coder {} by {author}",
            !wanted
        );
        let conditions = fight.conditions(&difference);
        return Some(Step::pass(conditions).after(Some(fight.remaining(context.now))));
    }
    if wanted && is_misshapen(context) {
        return None;
    }
    let mut records = context.records();
    let corrects = answers_somebody_else(context).then(|| correction(context));
    records.sync.run = Some(record);
    let event = overruled.map(|author| {
        let message = format!("running: {wanted} overrules a later build of {author}");
        Event::normal(EventReason::OrderWins, message)
    });
    let step = Step::record(records, ordered(wanted)).telling(event);
    Some(step.correcting(corrects))
}

/// What the lever says now.
fn decide(context: &Context, workspace: &Workspace) -> Decision {
    run::decide(&lever(context, workspace))
}

fn lever<'a>(context: &'a Context, workspace: &'a Workspace) -> RunInput<'a> {
    RunInput {
        wanted: context.object.spec.running,
        is_mirrored: is_mirrored(context),
        record: context.standing().sync.and_then(|sync| sync.run.as_ref()),
        build: &workspace.build,
        stable_for: context.observed.stable_for,
        us: context.deployment.us,
        retry: context.standing().may_retry(),
        requested: context.standing().is_requested(),
        now: context.now,
    }
}

/// Whether nobody says whether the workspace is to run.
pub fn is_mirrored(context: &Context) -> bool {
    let nobody = context.object.spec.running.is_none();
    nobody || !context.ownership.declared(&FieldPath::spec(RUNNING))
}

/// The run state that belongs into `spec` where nobody declares it. While it is changing, what stands
/// there stays.
pub fn settled(context: &Context) -> Option<bool> {
    let workspace = context.present()?;
    let is_settled = matches!(
        decide(context, workspace),
        Decision::Rest | Decision::Agree(_)
    );
    let settled = workspace.build.run_state().filter(|_| is_settled);
    context.object.spec.running.or(settled)
}

/// The fight that keeps an order from being given. Unlike a setting, this one is fought by edits, so
/// that a new spec is no reason to try again.
fn fight(context: &Context) -> Option<Fight> {
    let fight = context.damper.fight(&correction(context), context.now)?;
    (!context.standing().is_requested()).then_some(fight)
}

fn correction(context: &Context) -> Correction {
    let wanted = context.object.spec.running.map(Value::from);
    Correction::of(RUNNING, wanted)
}

/// Whether the state that an order changes was brought about by somebody else.
fn answers_somebody_else(context: &Context) -> bool {
    let run = context.records().sync.run;
    run.is_some_and(|run| run.ordered_at.is_none())
}

/// How soon an active build is looked at again: often at first, then in proportion to its age.
pub fn build_poll(context: &Context) -> Duration {
    (context.observed.stable_for / 5).clamp(Duration::from_secs(1), Duration::from_secs(10))
}

/// Requests the recorded build, unless coderd refused this very request before.
fn send(context: &Context, workspace: &Workspace, transition: Transition) -> Option<Step> {
    let effect = Effect::Build(new_build(context, workspace, transition));
    if let Some(refusal) = context.refusal(&effect) {
        return Some(push::refused_before(refusal));
    }
    if is_blocked(context, transition) {
        return None;
    }
    let starts = transition == Transition::Start;
    let message = format!("ordered a {}", if starts { "start" } else { "stop" });
    let event = Event::normal(EventReason::BuildOrdered, message);
    let step = Step::act(effect, ordered(starts)).telling(Some(event));
    Some(build_order::placed(context, step))
}

/// The build to request. Only a start sends a version and parameters: a stop has to work whatever
/// became of the template.
fn new_build(context: &Context, workspace: &Workspace, transition: Transition) -> NewBuild {
    let starts = transition == Transition::Start;
    NewBuild {
        transition,
        version_id: pin::of_next_start(context, workspace).filter(|_| starts),
        parameters: if starts {
            next_start::values(context, workspace)
        } else {
            Values::new()
        },
    }
}

/// Whether a start would not be the one that is asked for: it would lose a declared parameter, or another
/// declared field that shapes it.
fn is_blocked(context: &Context, transition: Transition) -> bool {
    let is_refused = parameters::acceptable(context).is_some();
    transition == Transition::Start && (is_refused || is_misshapen(context))
}

/// Whether a declared field that shapes a start is not synchronised yet, or is a version that cannot be used.
fn is_misshapen(context: &Context) -> bool {
    !fields::unsupported(context).is_empty() || pin::usable(context).is_some()
}

fn mirror(context: &Context, workspace: &Workspace, running: bool) -> Step {
    if let Some(plan) = mirror::report_template_first(context, workspace) {
        return plan;
    }
    let author = workspace.build.author();
    let verb = if running { "started" } else { "stopped" };
    let records = context.records();
    let replaced = records
        .sync
        .run
        .is_some_and(|run| run.ordered_at.is_some() && run.build_number == workspace.build.number);
    let reason = if replaced {
        EventReason::OrderReplaced
    } else {
        EventReason::RunStateMirrored
    };
    let message = format!("{author} {verb} the workspace: spec.running is {running} now");
    let conditions =
        ConditionSet::reconciling(Reason::Mirroring, format!("{verb} in Coder by {author}"));
    Step::write(
        mirror::forced_running(context, workspace, running),
        conditions,
    )
    .telling(Some(Event::normal(reason, message)))
}

fn ordered(starts: bool) -> ConditionSet {
    if starts {
        ConditionSet::reconciling(Reason::Starting, "a start is ordered")
    } else {
        ConditionSet::reconciling(Reason::Stopping, "a stop is ordered")
    }
}
