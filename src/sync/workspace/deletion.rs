//! Deleting a workspace: a delete build, its proof, and what to do where it fails.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    build_order,
    effect::{Effect, NewBuild},
    external::Workspace,
    kind::{Context, Step},
    run_state,
    value::Values,
};
use crate::{
    api::{condition::Reason, status::DeletionRecord},
    sync::{
        build::Transition,
        conditions::ConditionSet,
        events::{Event, EventReason},
        payload,
        rules::deletion::deleting,
    },
};

/// After a delete build failed, the next one is ordered this many minutes later; then never.
const RETRY_MINUTES: [i64; 3] = [1, 5, 30];

/// What people can do about a workspace that coderd does not delete.
const EXIT: &str = "mend it in Coder and set the annotation coder.com/reconcile-requested-at, or set \
                    spec.deletionPolicy: Retain to let the object go and leave the workspace in Coder";

/// Orders a delete build: recorded, then requested, then proved.
pub fn delete(context: &Context, workspace: &Workspace) -> Step {
    let build = &workspace.build;
    if build.is_active() || build.has_deleted() {
        let conditions = deleting(&format!("build {} is running in Coder", build.number));
        return Step::requeue_after(run_state::build_poll(context), conditions);
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
            parameters: Values::new(),
        };
        let effect = Effect::Build(new);
        if let Some(refusal) = context.refusal(&effect) {
            let message = format!("a delete build was refused: {}; {EXIT}", refusal.message);
            return Step::rest(ConditionSet::stalled(Reason::DeleteFailed, message));
        }
        let event = Event::normal(EventReason::BuildOrdered, "ordered a delete build");
        let step = Step::act(effect, deleting("a delete build is ordered")).telling(Some(event));
        return build_order::placed(context, step).ended();
    }
    if build.transition != Transition::Delete {
        // Somebody else's build took the number: the order stands.
        return order(context, workspace, record.attempts);
    }
    retry(context, workspace, record)
}

/// The last delete build failed.
fn retry(context: &Context, workspace: &Workspace, record: &DeletionRecord) -> Step {
    if context.standing().may_retry() {
        return order(context, workspace, 1);
    }
    let error = workspace
        .build
        .error
        .as_deref()
        .unwrap_or("no error was given");
    let error = payload::explained(error);
    let failures = usize::try_from(record.attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(minutes) = RETRY_MINUTES.get(failures) else {
        return Step::rest(ConditionSet::stalled(
            Reason::DeleteFailed,
            format!(
                "delete build {} failed, after {} tries: {error}; {EXIT}",
                workspace.build.number, record.attempts
            ),
        ));
    };
    let failed_at = workspace.build.ended_at.unwrap_or(record.ordered_at.0);
    let due = failed_at.saturating_add(SignedDuration::from_mins(*minutes));
    let wait = due
        .unwrap_or(Timestamp::MAX)
        .duration_since(context.coderd_now);
    if wait.is_positive() {
        let message = format!(
            "delete build {} failed: {error}; the next try comes {minutes} min after it failed; \
             spec.deletionPolicy: Retain lets the object go at once",
            workspace.build.number
        );
        let conditions = ConditionSet::reconciling(Reason::DeleteFailed, message);
        return Step::requeue_after(wait.unsigned_abs(), conditions);
    }
    order(context, workspace, record.attempts.saturating_add(1))
}

fn order(context: &Context, workspace: &Workspace, attempts: i64) -> Step {
    let mut records = context.records();
    records.sync.deletion = Some(DeletionRecord {
        attempts,
        build_number: workspace.build.number.saturating_add(1),
        ordered_at: Time(context.coderd_now),
    });
    Step::record(records, deleting("a delete build is ordered"))
}
