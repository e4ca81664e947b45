//! What an object says of its workspace's builds.

use super::kind::Context;
use crate::{
    api::{condition::Reason, names},
    sync::{
        build::{Build, Job, Transition},
        conditions::{ConditionSet, ConditionState, condition_state},
        external::External,
        payload,
    },
};

/// A build is running.
pub fn waiting(context: &Context, build: &Build, ours: bool) -> ConditionSet {
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
        return ConditionSet::reconciling(Reason::WaitingForBuild, message);
    }
    let (reason, verb) = match build.transition {
        Transition::Start => (Reason::Starting, "starts"),
        Transition::Stop => (Reason::Stopping, "stops"),
        Transition::Delete => (Reason::Deleting, "deletes"),
        Transition::Other => (Reason::Building, "changes"),
    };
    ConditionSet::reconciling(reason, format!("build {number} {verb} the workspace"))
}

/// What failed, and what makes it be tried again: our order, or a state that somebody declares.
pub fn failure(build: &Build, is_retried: bool) -> String {
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
        .map(|text| format!(": {}", payload::explained(text)))
        .unwrap_or_default();
    let again = if is_retried {
        format!(
            "it is not tried again until spec changes, the annotation {} is set, or somebody builds \
             in Coder",
            names::ANNOTATION_RECONCILE_REQUESTED_AT
        )
    } else {
        "build it in Coder, or set spec.running".to_owned()
    };
    format!(
        "{what} build {} by {} {ended}{error}; {again}",
        build.number,
        build.author()
    )
}

/// `Running`: known only after a start or stop that succeeded.
pub fn running(context: &Context) -> Option<ConditionState> {
    let build = match context.external {
        External::Present(workspace) => &workspace.build,
        External::Absent | External::Gone => {
            return Some(condition_state(
                Some(false),
                Reason::Stopped,
                "there is no workspace",
            ));
        }
        External::Unknown(_) => return None,
    };
    let number = build.number;
    Some(match (build.run_state(), build.job, build.transition) {
        (Some(true), ..) => condition_state(
            Some(true),
            Reason::Running,
            &format!("since build {number}"),
        ),
        (Some(false), ..) => condition_state(
            Some(false),
            Reason::Stopped,
            &format!("since build {number}"),
        ),
        (None, Job::Active, Transition::Start) => {
            condition_state(None, Reason::Starting, &format!("build {number}"))
        }
        (None, Job::Active, Transition::Stop) => {
            condition_state(None, Reason::Stopping, &format!("build {number}"))
        }
        (None, Job::Active, Transition::Delete | Transition::Other) => {
            condition_state(None, Reason::Building, &format!("build {number}"))
        }
        (None, Job::Succeeded | Job::Failed | Job::Canceled, _) => condition_state(
            None,
            Reason::BuildFailed,
            &format!("build {number} did not succeed"),
        ),
    })
}
