//! What a bound workspace's object says of itself: an ordered chain of checks, and the status.

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Context, Effect, Records, Workspace, power, settings};
use crate::{
    api::{
        condition::{ConditionType, Reason},
        names,
        object_name::WorkspaceName,
        status::{Refusal, Sync},
        workspace::WorkspaceStatus,
    },
    sync::{
        build::{Build, Job, Transition},
        outlook::{Finding, Outlook, Progress, finding, kept},
        rounding::{to_the_hour, to_the_second},
        run::Decision,
        twin::Twin,
    },
};

/// What the object says once no step is left: the first check that objects, or that all is well.
pub fn outlook(context: &Context) -> Outlook {
    let Some(workspace) = context.present() else {
        return Outlook::settled("");
    };
    let mut outlook = not_supported(context)
        .or_else(|| unknown_parameter(context, workspace))
        .or_else(|| refused(context))
        .or_else(|| power(context, workspace))
        .or_else(|| renamed(context))
        .or_else(|| waiting_parameters(context, workspace))
        .unwrap_or_else(|| settled(workspace));
    drift(context, workspace, &mut outlook);
    outlook
}

/// When to look again once no step is left; none waits for a change.
pub fn look_again(context: &Context) -> Option<Duration> {
    match power::decide(context, context.present()?) {
        Decision::Wait { .. } => Some(build_poll(context)),
        Decision::LookAgain(delay) => Some(delay),
        Decision::Rest
        | Decision::Agree(_)
        | Decision::Order { .. }
        | Decision::Send(_)
        | Decision::Mirror(_)
        | Decision::Failed { .. } => None,
    }
}

/// How soon an active build is looked at again: often at first, then in proportion to its age.
pub fn build_poll(context: &Context) -> Duration {
    (context.stable_for / 5).clamp(Duration::from_secs(1), Duration::from_secs(10))
}

/// The records once no step is left: refusals of what is not asked for any more are dropped.
pub fn records_at_rest(context: &Context) -> Records {
    let mut records = context.records();
    records.sync.refused = standing_refusals(context);
    records
}

/// A declared field of this version's schema is never silently ignored.
fn not_supported(context: &Context) -> Option<Outlook> {
    settings::not_supported(context).map(|text| Outlook::stalled(Reason::NotSupportedYet, text))
}

/// A declared parameter that the version does not have would be lost without a word.
fn unknown_parameter(context: &Context, workspace: &Workspace) -> Option<Outlook> {
    settings::unknown_parameter(context, workspace.known_parameters.as_ref()?)
        .map(|text| Outlook::stalled(Reason::UnknownParameter, text))
}

/// What coderd refused, in its own words.
fn refused(context: &Context) -> Option<Outlook> {
    let refusals = standing_refusals(context);
    let texts: Vec<_> = refusals
        .iter()
        .map(|one| format!("{}: {}", one.field, one.message))
        .collect();
    (!texts.is_empty()).then(|| Outlook::stalled(Reason::Refused, texts.join("; ")))
}

/// The refusals that still stand in the way of what is asked for.
fn standing_refusals(context: &Context) -> Vec<Refusal> {
    let Some(workspace) = context.present() else {
        return context.records().sync.refused;
    };
    let mut refused = settings::refused(context, workspace);
    if let Decision::Send(transition) = power::decide(context, workspace) {
        let effect = Effect::Build(power::new_build(context, workspace, transition));
        refused.extend(context.refusal(&effect).cloned());
    }
    refused
}

/// The run state is changing, or its build failed.
fn power(context: &Context, workspace: &Workspace) -> Option<Outlook> {
    let build = &workspace.build;
    match power::decide(context, workspace) {
        Decision::Wait { ours } => Some(waiting(context, build, ours)),
        Decision::LookAgain(_) => {
            let (number, author) = (build.number, build.author());
            let message =
                format!("looking once more before spec follows build {number} by {author}");
            Some(Outlook::reconciling(Reason::Mirroring, message))
        }
        Decision::Failed { .. } => Some(Outlook::stalled(Reason::BuildFailed, failure(build))),
        Decision::Rest
        | Decision::Agree(_)
        | Decision::Order { .. }
        | Decision::Send(_)
        | Decision::Mirror(_) => None,
    }
}

fn waiting(context: &Context, build: &Build, ours: bool) -> Outlook {
    let number = build.number;
    let is_wanted = context
        .object
        .spec
        .running
        .is_none_or(|wanted| build.transition == Transition::towards(wanted));
    if !ours && !is_wanted {
        let message = format!(
            "waiting for the end of build {number} by {}",
            build.author()
        );
        return Outlook::reconciling(Reason::WaitingForBuild, message);
    }
    let (reason, verb) = match build.transition {
        Transition::Start => (Reason::Starting, "starts"),
        Transition::Stop => (Reason::Stopping, "stops"),
        Transition::Delete => (Reason::Deleting, "deletes"),
        Transition::Other => (Reason::Building, "changes"),
    };
    Outlook::reconciling(reason, format!("build {number} {verb} the workspace"))
}

fn failure(build: &Build) -> String {
    let what = match build.transition {
        Transition::Start => "start",
        Transition::Stop => "stop",
        Transition::Delete => "delete",
        Transition::Other => "build",
    };
    let ended = if build.job == Job::Canceled {
        "was canceled"
    } else {
        "failed"
    };
    let error = build
        .error
        .as_deref()
        .map(|text| format!(": {text}"))
        .unwrap_or_default();
    format!(
        "{what} build {} by {} {ended}{error}; it is not tried again until spec changes, the \
         annotation {} is set, or somebody builds in Coder",
        build.number,
        build.author(),
        names::ANNOTATION_RECONCILE_REQUESTED_AT
    )
}

/// A declared object whose twin has another name now keeps syncing by id.
fn renamed(context: &Context) -> Option<Outlook> {
    let name = new_name(context)?;
    let message = format!(
        "the workspace was renamed in Coder; to follow, set spec.deletionPolicy: Retain, delete this \
         object and apply it as {name}"
    );
    Some(Outlook::stalled(Reason::RenamedInCoder, message))
}

/// The name that an object for the twin would have now, where it is another one.
pub fn new_name(context: &Context) -> Option<WorkspaceName> {
    let own = WorkspaceName::parse(context.object.metadata.name.as_deref()?)?;
    let now = WorkspaceName {
        control_plane: own.control_plane.clone(),
        ..context.present()?.object_name()
    };
    (now != own).then_some(now)
}

/// Parameters travel with the next start; nothing is forced on a running workspace.
fn waiting_parameters(context: &Context, workspace: &Workspace) -> Option<Outlook> {
    let waiting = settings::waiting_parameters(context, workspace);
    if waiting.is_empty() || workspace.build.run_state() == Some(false) {
        return None;
    }
    let message = format!(
        "parameters {} take effect with the next start; stop and start the workspace",
        waiting.join(", ")
    );
    Some(Outlook::reconciling(Reason::WaitingForBuild, message))
}

fn settled(workspace: &Workspace) -> Outlook {
    let state = match workspace.build.run_state() {
        Some(true) => "running",
        Some(false) => "stopped",
        None => "present",
    };
    Outlook::settled(format!("{state} since build {}", workspace.build.number))
}

/// With `driftPolicy: Observe`, what differs is shown and `Ready` stays as it was.
fn drift(context: &Context, workspace: &Workspace, outlook: &mut Outlook) {
    let drifted = settings::drifted(context, workspace);
    if drifted.is_empty() {
        return;
    }
    let message = drifted.join("; ");
    if outlook.progress == Progress::Done {
        let before = context
            .object
            .status
            .as_ref()
            .map_or(&[][..], |status| &status.conditions);
        outlook.ready = kept(before, ConditionType::Ready, None);
        outlook.synced = finding(Some(false), Reason::FieldDrift, &message);
    }
    outlook.drifted = Some(message);
}

/// `Running`: known only after a start or stop that succeeded.
pub fn running(context: &Context) -> Option<Finding> {
    let build = match context.twin {
        Twin::Present(workspace) => &workspace.build,
        Twin::Absent | Twin::Gone => {
            return Some(finding(
                Some(false),
                Reason::Stopped,
                "there is no workspace",
            ));
        }
        Twin::Unknown(_) => return None,
    };
    let number = build.number;
    Some(match (build.run_state(), build.job, build.transition) {
        (Some(true), ..) => finding(
            Some(true),
            Reason::Running,
            &format!("since build {number}"),
        ),
        (Some(false), ..) => finding(
            Some(false),
            Reason::Stopped,
            &format!("since build {number}"),
        ),
        (None, Job::Active, Transition::Start) => {
            finding(None, Reason::Starting, &format!("build {number}"))
        }
        (None, Job::Active, Transition::Stop) => {
            finding(None, Reason::Stopping, &format!("build {number}"))
        }
        (None, Job::Active, Transition::Delete | Transition::Other) => {
            finding(None, Reason::Building, &format!("build {number}"))
        }
        (None, Job::Succeeded | Job::Failed | Job::Canceled, _) => finding(
            None,
            Reason::BuildFailed,
            &format!("build {number} did not succeed"),
        ),
    })
}

/// The complete status: what coderd says, the records, and the conditions.
pub fn status(context: &Context, records: Records, outlook: &Outlook) -> WorkspaceStatus {
    let standing = context.standing();
    let previous = context.object.status.clone().unwrap_or_default();
    let generation = context.object.metadata.generation;
    let conditions = outlook.conditions(&previous.conditions, generation, context.now);
    let (observed_generation, last_handled_reconcile_at) = standing.acted_on(outlook);
    let facts = match context.twin {
        Twin::Present(workspace) => facts(workspace, &previous),
        Twin::Absent => WorkspaceStatus::default(),
        Twin::Gone | Twin::Unknown(_) => previous,
    };
    let Records { binding, sync } = records;
    WorkspaceStatus {
        observed_generation,
        control_plane: Some(names::STATIC_CONTROL_PLANE.to_owned()),
        binding,
        sync: (sync != Sync::default()).then_some(sync),
        last_handled_reconcile_at,
        conditions,
        ..facts
    }
}

/// What coderd says of the workspace, rounded where exactness would cost a write each time.
fn facts(workspace: &Workspace, previous: &WorkspaceStatus) -> WorkspaceStatus {
    let build = &workspace.build;
    WorkspaceStatus {
        id: Some(workspace.id.clone()),
        owner_name: Some(workspace.owner.clone()),
        organization_name: Some(workspace.organization.clone()),
        template_name: Some(workspace.template.clone()),
        template_version_id: Some(workspace.version_id.clone()),
        latest_build_id: Some(build.id.clone()),
        latest_build_number: Some(build.number),
        latest_build_status: Some(build.status.clone()),
        auto_shutdown: auto_shutdown(workspace, previous),
        last_used_at: workspace.last_used_at.map(|at| Time(to_the_hour(at))),
        health: Some(workspace.health.clone()),
        agents: workspace.agents.clone(),
        dormant_at: workspace.dormant_at.map(|at| Time(to_the_second(at))),
        deleting_at: workspace.deleting_at.map(|at| Time(to_the_second(at))),
        outdated: Some(workspace.outdated),
        ..WorkspaceStatus::default()
    }
}

/// A deadline moves with every use of the workspace; only 5 minutes and more are worth a write.
fn auto_shutdown(workspace: &Workspace, previous: &WorkspaceStatus) -> Option<Time> {
    let deadline = workspace
        .deadline
        .filter(|_| workspace.build.run_state() == Some(true))?;
    let shown = previous
        .auto_shutdown
        .clone()
        .filter(|shown| shown.0.duration_since(deadline).abs() < SignedDuration::from_mins(5));
    Some(shown.unwrap_or(Time(to_the_second(deadline))))
}
