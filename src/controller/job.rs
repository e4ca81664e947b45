//! How far a job of coderd has come, as far as deciding needs it.

use crate::{coderd::JobStatus, sync::build::Job};

/// A state that is not known counts as not ended.
pub(super) fn job(status: &JobStatus) -> Job {
    match status {
        JobStatus::Succeeded => Job::Succeeded,
        JobStatus::Failed => Job::Failed,
        JobStatus::Canceled => Job::Canceled,
        JobStatus::Pending | JobStatus::Running | JobStatus::Canceling | JobStatus::Unknown(_) => {
            Job::Active
        }
    }
}
