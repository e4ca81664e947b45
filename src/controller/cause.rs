//! Failed calls as causes: the border between errors and conditions.

use crate::{
    api::{condition::Reason, text::chain},
    coderd,
    sync::twin::Cause,
};

/// What a failed call to coderd means for the object that it was about.
pub(super) fn of(error: &coderd::Error) -> Cause {
    let reason = if error.is_unauthorized() {
        Reason::Unauthorized
    } else if error.is_forbidden() {
        Reason::Forbidden
    } else if error.is_rate_limited() {
        Reason::RateLimited
    } else if error.is_importing() {
        Reason::Building
    } else if error.is_not_found() || error.is_route_unknown() {
        Reason::NotProved
    } else {
        Reason::CoderdUnavailable
    };
    Cause {
        reason,
        message: chain(error),
        retry_after: error.retry_after(),
    }
}

impl From<coderd::Error> for Cause {
    fn from(error: coderd::Error) -> Self {
        of(&error)
    }
}

impl From<coderd::TokenError> for Cause {
    fn from(error: coderd::TokenError) -> Self {
        Self::new(Reason::CoderdUnavailable, chain(&error))
    }
}

/// What became of an effect on coderd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It happened.
    Done,
    /// What was planned for is not what is there: look again.
    LookAgain,
    /// coderd says that it conflicts with what is there: look again.
    Conflict(Cause),
    /// coderd refused it, and will refuse it again.
    Refused(String),
    /// It did not happen, or nobody knows; it may work later.
    Failed(Cause),
}

/// What the result of a write to coderd means.
pub(super) fn outcome<T>(result: Result<T, coderd::Error>) -> Outcome {
    let Err(error) = result else {
        return Outcome::Done;
    };
    if error.is_conflict() {
        return Outcome::Conflict(Cause::new(Reason::Conflict, chain(&error)));
    }
    if error.is_validation() || error.is_route_unknown() || is_lasting(&error) {
        Outcome::Refused(refusal(&error))
    } else {
        Outcome::Failed(of(&error))
    }
}

/// A refusal in coderd's own words that the same request will meet again. A proxy's says nothing of
/// what coderd did, or will do.
fn is_lasting(error: &coderd::Error) -> bool {
    let passing = [401, 403, 404, 406, 408, 425, 429];
    error.refusal().is_some_and(|refusal| {
        let status = refusal.status;
        refusal.by_coderd && status.is_client_error() && !passing.contains(&status.as_u16())
    })
}

/// coderd's own words.
fn refusal(error: &coderd::Error) -> String {
    error
        .refusal()
        .map_or_else(|| chain(error), ToString::to_string)
}

impl From<coderd::Error> for Outcome {
    fn from(error: coderd::Error) -> Self {
        outcome::<()>(Err(error))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::{Method, StatusCode};

    use super::*;
    use crate::coderd::{Call, Refusal};

    fn answered(status: u16, message: &str, by_coderd: bool) -> Outcome {
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
        outcome::<()>(Err(coderd::Error::Refused {
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
                matches!(outcome, Outcome::Refused(_)),
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
                matches!(outcome, Outcome::Failed(_)),
                "{status} {outcome:?}"
            );
        }
    }

    #[test]
    fn a_conflict_keeps_what_coderd_says() {
        let Outcome::Conflict(cause) = answered(409, "Workspace \"dev\" already exists.", true)
        else {
            panic!("a conflict");
        };
        assert_eq!(cause.reason, Reason::Conflict);
        assert!(
            cause.message.contains("already exists"),
            "{}",
            cause.message
        );
    }
}
