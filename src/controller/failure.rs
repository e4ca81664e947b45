//! Failed calls as causes: the border between errors and conditions.

use crate::{
    api::{condition::Reason, text::chain},
    coderd,
    sync::external::Failure,
};

/// What a failed call to coderd means for the object that it was about.
pub(super) fn of(error: &coderd::Error) -> Failure {
    let reason = if error.lacks_token() {
        Reason::ControlPlaneNotReady
    } else if error.is_unauthorized() {
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
    Failure {
        reason,
        message: chain(error),
        retry_after: error.retry_after(),
    }
}

impl From<coderd::Error> for Failure {
    fn from(error: coderd::Error) -> Self {
        of(&error)
    }
}

impl From<coderd::TokenError> for Failure {
    fn from(error: coderd::TokenError) -> Self {
        Self::new(Reason::ControlPlaneNotReady, chain(&error))
    }
}
