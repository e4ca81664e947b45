//! How a step went, and how a reconcile ended.

use std::time::Duration;

use crate::{
    api::condition::Reason, api::text::chain, coderd, controller::failure, k8s::error::Error,
    sync::external::Failure,
};

/// How a reconcile of one object ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// There is no such object.
    Gone,
    /// Nothing is left to do; look again after the time, or when something changes.
    Rest(Option<Duration>),
    /// The object belongs to another control plane.
    Elsewhere,
    /// The look panicked.
    Panicked,
    /// The process is to end.
    Stopped,
    /// The kind's CRD will not do.
    Held,
    /// The object changed meanwhile, or the steps did not come to an end.
    Again,
    /// coderd could not be seen.
    Unknown(Failure),
    /// The API server did not do its part.
    Failed(Error),
}

/// How a step went. One that was done leaves a `T` behind.
#[derive(Debug)]
pub(super) enum StepResult<T = ()> {
    /// It happened.
    Done(T),
    /// It happened, or nothing was to be done, and so the reconcile ends.
    Ended(Outcome),
    /// What was planned for is not what is there: look again.
    Stale,
    /// coderd says that it conflicts with what is there: look again.
    Conflict(Failure),
    /// coderd refused it, and will refuse it again.
    Refused(Refused),
    /// It did not happen, or nobody knows; it may work later.
    Failed(Failure),
}

/// A refusal in coderd's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// What it said.
    pub(super) message: String,
    /// What it said of each field that it named, by its own names.
    pub(super) fields: Vec<(String, String)>,
}

impl<T> StepResult<T> {
    /// The same, leaving something else behind.
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> StepResult<U> {
        match self {
            Self::Done(left) => StepResult::Done(change(left)),
            Self::Ended(outcome) => StepResult::Ended(outcome),
            Self::Stale => StepResult::Stale,
            Self::Conflict(failure) => StepResult::Conflict(failure),
            Self::Refused(refused) => StepResult::Refused(refused),
            Self::Failed(failure) => StepResult::Failed(failure),
        }
    }
}

/// What the answer to a write to coderd means.
pub(super) fn of<T>(answer: Result<T, coderd::Error>) -> StepResult {
    let Err(error) = answer else {
        return StepResult::Done(());
    };
    if error.is_conflict() {
        return StepResult::Conflict(Failure::new(Reason::Conflict, chain(&error)));
    }
    if error.is_validation() || error.is_route_unknown() || is_lasting(&error) {
        StepResult::Refused(refused(&error))
    } else {
        StepResult::Failed(failure::of(&error))
    }
}

impl From<coderd::Error> for StepResult {
    fn from(error: coderd::Error) -> Self {
        of::<()>(Err(error))
    }
}

/// A refusal that the same request will meet again. A proxy's says nothing of what coderd did, or will do.
fn is_lasting(error: &coderd::Error) -> bool {
    let passing = [401, 403, 404, 406, 408, 425, 429];
    error.refusal().is_some_and(|refusal| {
        let status = refusal.status;
        refusal.by_coderd && status.is_client_error() && !passing.contains(&status.as_u16())
    })
}

fn refused(error: &coderd::Error) -> Refused {
    let Some(refusal) = error.refusal() else {
        return Refused {
            message: chain(error),
            fields: Vec::new(),
        };
    };
    let named = refusal.validations.iter();
    Refused {
        message: refusal.to_string(),
        fields: named
            .map(|it| (it.field.clone(), it.detail.clone()))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::{Method, StatusCode};

    use super::*;
    use crate::coderd::{Call, Refusal};

    fn answered(status: u16, message: &str, by_coderd: bool) -> StepResult {
        let call = Call {
            method: Method::POST,
            route: "/users/{user}/workspaces",
            path: "/users/ann/workspaces".to_owned(),
        };
        let refusal = Refusal {
            status: StatusCode::from_u16(status).unwrap(),
            message: message.to_owned(),
            detail: None,
            validations: Vec::new(),
            more_validations: 0,
            by_coderd,
            retry_after: None,
            at: None,
        };
        of::<()>(Err(coderd::Error::Refused {
            call: Arc::new(call),
            refusal: Box::new(refusal),
        }))
    }

    #[test]
    fn only_coderds_own_lasting_no_is_a_refusal() {
        for (status, message, by_coderd) in [
            (400, "Template does not exist.", true),
            (405, "Workspace is deleted and cannot be updated.", true),
            (422, "no", true),
            (404, "Route not found.", true),
        ] {
            let outcome = answered(status, message, by_coderd);
            assert!(
                matches!(outcome, StepResult::Refused(_)),
                "{status} {outcome:?}"
            );
        }
        for (status, message, by_coderd) in [
            (400, "<html>", false),
            (403, "Forbidden.", true),
            (404, "Resource not found", true),
            (407, "", false),
            (408, "", false),
            (413, "<html>", false),
            (421, "", false),
            (429, "slow down", true),
            (500, "dial tcp", true),
            (503, "", false),
        ] {
            let outcome = answered(status, message, by_coderd);
            assert!(
                matches!(outcome, StepResult::Failed(_)),
                "{status} {outcome:?}"
            );
        }
    }

    #[test]
    fn a_conflict_keeps_what_coderd_says() {
        let StepResult::Conflict(failure) =
            answered(409, "Workspace \"dev\" already exists.", true)
        else {
            panic!("a conflict");
        };
        assert_eq!(failure.reason, Reason::Conflict);
        assert!(
            failure.message.contains("already exists"),
            "{}",
            failure.message
        );
    }
}
