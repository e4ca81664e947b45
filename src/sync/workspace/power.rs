//! The run lever of a workspace as steps: record, build, mirror.

use super::{Context, Effect, NewBuild, Workspace, WorkspacePlan, report, settings};
use crate::{
    api::condition::Reason,
    sync::{
        build::Transition,
        note::{Note, NoteReason},
        outlook::Outlook,
        ownership::FieldPath,
        plan::ObjectEffect,
        run::{self, Decision, Lever},
    },
};

/// The field of the run lever.
pub const FIELD: &str = "running";

/// The next step of the run lever; none while both sides agree or nothing can be done.
pub fn plan(context: &Context) -> Option<WorkspacePlan> {
    let workspace = context.present()?;
    match decide(context, workspace) {
        Decision::Rest
        | Decision::Wait { .. }
        | Decision::LookAgain(_)
        | Decision::Failed { .. } => None,
        Decision::Agree(record) => {
            let mut records = context.records();
            records.sync.run = Some(record);
            Some(WorkspacePlan::record(records, report::outlook(context)))
        }
        Decision::Order { record, overruled } => {
            let mut records = context.records();
            let wanted = record.wanted;
            records.sync.run = Some(record);
            let note = overruled.map(|author| {
                let message = format!("running: {wanted} overrules a later build of {author}");
                Note::normal(NoteReason::OrderWins, message)
            });
            Some(WorkspacePlan::record(records, ordered(wanted)).noting(note))
        }
        Decision::Send(transition) => send(context, workspace, transition),
        Decision::Mirror(running) => Some(mirror(context, workspace, running)),
    }
}

/// What the lever says now.
pub fn decide(context: &Context, workspace: &Workspace) -> Decision {
    run::decide(&Lever {
        wanted: context.object.spec.running,
        is_mirrored: context.ownership.is_only_coderd(&FieldPath::spec(FIELD)),
        record: context.standing().sync.and_then(|sync| sync.run.as_ref()),
        build: &workspace.build,
        stable_for: context.stable_for,
        us: context.us,
        retry: context.standing().may_retry(),
        now: context.now,
    })
}

/// The run state that belongs into `spec` where nobody declares it. While it is changing, what stands
/// there stays.
pub fn mirrored(context: &Context, workspace: &Workspace) -> Option<bool> {
    let is_settled = matches!(
        decide(context, workspace),
        Decision::Rest | Decision::Agree(_)
    );
    let settled = workspace.build.run_state().filter(|_| is_settled);
    context.object.spec.running.or(settled)
}

/// Requests the recorded build, unless coderd refused this very request before.
fn send(context: &Context, workspace: &Workspace, transition: Transition) -> Option<WorkspacePlan> {
    let effect = Effect::Build(new_build(context, workspace, transition));
    if context.refusal(&effect).is_some() || blocked(context, workspace, transition).is_some() {
        return None;
    }
    let starts = transition == Transition::Start;
    let message = format!("ordered a {}", if starts { "start" } else { "stop" });
    let note = Note::normal(NoteReason::BuildOrdered, message);
    Some(WorkspacePlan::act(effect, ordered(starts)).noting(Some(note)))
}

/// The build to request. Only a start sends a version and parameters: a stop has to work whatever
/// became of the template.
pub fn new_build(context: &Context, workspace: &Workspace, transition: Transition) -> NewBuild {
    let starts = transition == Transition::Start;
    NewBuild {
        transition,
        version_id: workspace.version_of_next_start.clone().filter(|_| starts),
        parameters: if starts {
            settings::declared_parameters(context.object)
        } else {
            std::collections::BTreeMap::new()
        },
    }
}

/// What keeps a start from being requested.
pub fn blocked(context: &Context, workspace: &Workspace, transition: Transition) -> Option<String> {
    let starts = transition == Transition::Start;
    let known = workspace.known_parameters.as_ref().filter(|_| starts)?;
    settings::unknown_parameter(context, known)
}

fn mirror(context: &Context, workspace: &Workspace, running: bool) -> WorkspacePlan {
    if settings::must_report_template_first(context, workspace) {
        return WorkspacePlan::record(context.records(), report::outlook(context));
    }
    let fields = settings::forced_running(context, workspace, running);
    let author = workspace.build.author();
    let verb = if running { "started" } else { "stopped" };
    let replaced = context
        .standing()
        .sync
        .and_then(|sync| sync.run.as_ref())
        .is_some_and(|run| run.ordered_at.is_some() && run.build_number == workspace.build.number);
    let reason = if replaced {
        NoteReason::OrderReplaced
    } else {
        NoteReason::RunStateMirrored
    };
    let note = Note::normal(
        reason,
        format!("{author} {verb} the workspace: spec.running is {running} now"),
    );
    let outlook = Outlook::reconciling(Reason::Mirroring, format!("{verb} in Coder by {author}"));
    WorkspacePlan::act(
        Effect::Object(ObjectEffect::ApplySpec {
            fields,
            force: true,
        }),
        outlook,
    )
    .noting(Some(note))
}

fn ordered(starts: bool) -> Outlook {
    if starts {
        Outlook::reconciling(Reason::Starting, "a start is ordered")
    } else {
        Outlook::reconciling(Reason::Stopping, "a stop is ordered")
    }
}
