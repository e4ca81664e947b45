//! Orders of builds that are recorded and whose build is still to be requested.

use super::kind::{Context, Step};
use crate::{
    api::workspace::WorkspaceStatus,
    sync::rules::build_limit::{BuildOrder, Queued},
};

/// The order that `status` records, as far as it tells alone whether its build was requested.
pub fn unsent(status: &WorkspaceStatus) -> Option<BuildOrder> {
    let sync = status.sync.as_ref()?;
    let latest = status.latest_build_number.unwrap_or(0);
    let (ordered_at, deletes) = match (&sync.deletion, &sync.attempt, &sync.run) {
        (Some(deletion), ..) if latest < deletion.build_number => (&deletion.ordered_at, true),
        (None, Some(attempt), _) => (&attempt.requested_at, false),
        (None, None, Some(run)) if latest < run.build_number => (run.ordered_at.as_ref()?, false),
        _ => return None,
    };
    Some(BuildOrder {
        ordered_at: ordered_at.0,
        deletes,
    })
}

/// The wait for a place. What was asked for once more is not refused any more when the place comes.
fn waiting(context: &Context, queued: Queued) -> Step {
    let step = Step::pass(queued.conditions());
    if !context.standing().may_retry() {
        return step;
    }
    let mut records = context.records();
    records.sync.refused.clear();
    step.recording(records)
}

/// `step`, which requests the build of the order that is recorded; or the wait for a place.
pub fn placed(context: &Context, step: Step) -> Step {
    if let Some(queued) = context.queued {
        return waiting(context, queued);
    }
    let recorded = context.object.status.as_ref().and_then(unsent);
    let begins_build = recorded.or(Some(BuildOrder {
        ordered_at: context.now,
        deletes: false,
    }));
    Step {
        begins_build,
        ..step
    }
}
