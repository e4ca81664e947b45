//! Failed calls as causes: the border between errors and conditions.

use crate::{
    api::{condition::Reason, text::chain},
    coderd,
    sync::external::Cause,
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
