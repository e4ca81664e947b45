//! From a terminating object to one that is gone: delete the workspace if that is in effect, with
//! proof, and let the object go.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Context, Effect, NewBuild, Workspace, WorkspacePlan, creation, report};
use crate::{
    api::{condition::Reason, status::DeletionRecord},
    sync::{
        build::Transition,
        lifecycle::{self, Departure},
        note::{Note, NoteReason},
        outlook::Outlook,
        plan::ObjectEffect,
        twin::Twin,
    },
};

/// After a delete build failed, the next one is ordered this many minutes later; then never.
const RETRY_MINUTES: [i64; 3] = [1, 5, 30];

/// What people can do about a workspace that coderd does not delete.
const EXIT: &str = "mend it in Coder and set the annotation coder.com/reconcile-requested-at, or set \
                    spec.deletionPolicy: Retain to let the object go and leave the workspace in Coder";

/// What to do about an object that is being deleted; none if it is not.
pub fn plan(context: &Context) -> Option<WorkspacePlan> {
    let standing = context.standing();
    let departure = lifecycle::departure(&standing, context.crd_is_going)?;
    let released = || release("its workspace stays in Coder", NoteReason::Released);
    Some(match departure {
        Departure::NotHeld => WorkspacePlan::rest(deleting("waiting for other finalizers")),
        Departure::Release => released(),
        _ if standing.is_paused() => WorkspacePlan::rest(Outlook::paused()),
        Departure::DeleteTwin | Departure::SettleAttempt => match (context.twin, context.read_only)
        {
            (Twin::Gone, _) => release("its workspace is deleted in Coder", NoteReason::Deleted),
            (Twin::Unknown(cause), _) => WorkspacePlan::rest(Outlook::unknown(cause)),
            (_, Some(cause)) => WorkspacePlan::rest(Outlook::stalled(cause.reason, &cause.message)),
            (Twin::Absent, _) => settle_absent(context),
            (Twin::Present(workspace), _) if departure == Departure::SettleAttempt => {
                if creation::is_ours(context, workspace) {
                    creation::bind(context, workspace)
                } else {
                    released()
                }
            }
            (Twin::Present(workspace), _) => delete(context, workspace),
        },
    })
}

/// A creation whose reply was lost may still arrive for as long as a request may be under way.
fn settle_absent(context: &Context) -> WorkspacePlan {
    let begun = context
        .standing()
        .sync
        .and_then(|sync| sync.attempt.as_ref());
    let until = begun.map(|attempt| {
        let timeout = SignedDuration::try_from(context.request_timeout).unwrap_or_default();
        attempt
            .requested_at
            .0
            .saturating_add(timeout)
            .unwrap_or(Timestamp::MAX)
    });
    match until {
        Some(until) if context.coderd_now < until => {
            let wait = until.duration_since(context.coderd_now).unsigned_abs();
            let outlook = deleting("waiting to see whether its creation still arrives in Coder");
            WorkspacePlan::look_again(wait, outlook)
        }
        _ => release("no workspace was created", NoteReason::Released),
    }
}

/// Orders a delete build: recorded, then requested, then proved.
fn delete(context: &Context, workspace: &Workspace) -> WorkspacePlan {
    let build = &workspace.build;
    if build.is_active() || build.has_deleted() {
        let outlook = deleting(&format!("build {} is running in Coder", build.number));
        return WorkspacePlan::look_again(report::build_poll(context), outlook);
    }
    let record = context
        .standing()
        .sync
        .and_then(|sync| sync.deletion.as_ref());
    let Some(record) = record else {
        return order(context, workspace, 1);
    };
    if build.number < record.build_number {
        let new = NewBuild {
            transition: Transition::Delete,
            version_id: None,
            parameters: std::collections::BTreeMap::new(),
        };
        let effect = Effect::Build(new);
        if let Some(refusal) = context.refusal(&effect) {
            let message = format!("a delete build was refused: {}; {EXIT}", refusal.message);
            return WorkspacePlan::rest(Outlook::stalled(Reason::DeleteFailed, message));
        }
        let note = Note::normal(NoteReason::BuildOrdered, "ordered a delete build");
        return WorkspacePlan::act(effect, deleting("a delete build is ordered"))
            .noting(Some(note));
    }
    if build.transition != Transition::Delete {
        // Somebody else's build took the number: the order stands.
        return order(context, workspace, record.attempts);
    }
    retry(context, workspace, record)
}

/// The last delete build failed.
fn retry(context: &Context, workspace: &Workspace, record: &DeletionRecord) -> WorkspacePlan {
    if context.standing().may_retry() {
        return order(context, workspace, 1);
    }
    let error = workspace
        .build
        .error
        .as_deref()
        .unwrap_or("no error was given");
    let failures = usize::try_from(record.attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(minutes) = RETRY_MINUTES.get(failures) else {
        return WorkspacePlan::rest(Outlook::stalled(
            Reason::DeleteFailed,
            format!(
                "delete build {} failed, after {} tries: {error}; {EXIT}",
                workspace.build.number, record.attempts
            ),
        ));
    };
    let due = record
        .ordered_at
        .0
        .saturating_add(SignedDuration::from_mins(*minutes));
    let wait = due.unwrap_or(Timestamp::MAX).duration_since(context.now);
    if wait.is_positive() {
        let message = format!(
            "delete build {} failed: {error}; the next try comes {minutes} min after it was ordered; \
             spec.deletionPolicy: Retain lets the object go at once",
            workspace.build.number
        );
        let outlook = Outlook::reconciling(Reason::DeleteFailed, message);
        return WorkspacePlan::look_again(wait.unsigned_abs(), outlook);
    }
    order(context, workspace, record.attempts.saturating_add(1))
}

fn order(context: &Context, workspace: &Workspace, attempts: i64) -> WorkspacePlan {
    let mut records = context.records();
    records.sync.deletion = Some(DeletionRecord {
        attempts,
        build_number: workspace.build.number.saturating_add(1),
        ordered_at: Time(context.now),
    });
    WorkspacePlan::record(records, deleting("a delete build is ordered"))
}

fn release(message: &str, reason: NoteReason) -> WorkspacePlan {
    WorkspacePlan::act(
        Effect::Object(ObjectEffect::RemoveFinalizer),
        deleting(message),
    )
    .noting(Some(Note::normal(
        reason,
        format!("the object is let go: {message}"),
    )))
}

fn deleting(message: &str) -> Outlook {
    Outlook::reconciling(Reason::Deleting, message)
}
