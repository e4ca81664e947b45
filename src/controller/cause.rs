//! Failed calls as causes: the border between errors and conditions.

use crate::{api::condition::Reason, coderd, sync::twin::Cause};

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
        message: text(error),
        retry_after: error.retry_after(),
    }
}

/// The whole chain of an error in one line.
pub(super) fn text(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
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
        return Outcome::Conflict(Cause::new(Reason::Conflict, text(&error)));
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
        .map_or_else(|| text(error), ToString::to_string)
}

impl From<coderd::Error> for Outcome {
    fn from(error: coderd::Error) -> Self {
        outcome::<()>(Err(error))
    }
}
