//! What a call can fail with, and the verdicts that callers act on.
//!
//! Variants are the step that failed; the verdicts cut across them, since coderd says the same
//! thing in several ways.

use std::{sync::Arc, time::Duration};

use http::StatusCode;

use super::{
    refusal::Refusal,
    request::Call,
    token::TokenError,
    transport::{Delivery, TransportError},
};

/// Why a call gave no result. Never holds a secret, and no more of what coderd said than a few lines.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no token to send, so nothing was sent.
    #[error("{call} has no session token")]
    Token {
        /// Which call.
        call: Arc<Call>,
        /// Why there is none.
        #[source]
        source: TokenError,
    },
    /// No complete reply came.
    #[error("{call} got no reply")]
    Transport {
        /// Which call.
        call: Arc<Call>,
        /// Why not.
        #[source]
        source: TransportError,
    },
    /// The reply says no.
    #[error("{call} was refused: {refusal}")]
    Refused {
        /// Which call.
        call: Arc<Call>,
        /// What it says.
        refusal: Box<Refusal>,
    },
    /// The status is one of success, the body is not what coderd sends.
    #[error("{call} got an unreadable reply ({status}, {excerpt:?}): {problem}")]
    Unreadable {
        /// Which call.
        call: Arc<Call>,
        /// The status of success.
        status: StatusCode,
        /// The beginning of the body, on one line.
        excerpt: String,
        /// Where reading ended, and why.
        problem: String,
    },
}

impl Error {
    /// Which call failed.
    #[must_use]
    pub fn call(&self) -> &Call {
        match self {
            Self::Token { call, .. }
            | Self::Transport { call, .. }
            | Self::Refused { call, .. }
            | Self::Unreadable { call, .. } => call,
        }
    }

    /// The reply that says no, with coderd's words; none for all other failures.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            Self::Token { .. } | Self::Transport { .. } | Self::Unreadable { .. } => None,
        }
    }

    /// The status of the reply, if one came.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal.status),
            Self::Unreadable { status, .. } => Some(*status),
            Self::Token { .. } | Self::Transport { .. } => None,
        }
    }

    /// 404 in coderd's own words: no such object, or none that the token may read. Never proof
    /// that something is gone. An unknown route and a proxy's 404 do not count.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_not_found)
    }

    /// This coderd does not have the route or the method (older version, AGPL build).
    #[must_use]
    pub fn is_route_unknown(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_route_unknown)
    }

    /// 410 in coderd's own words: the workspace was deleted. This is proof.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.refusal()
            .is_some_and(|it| it.status == StatusCode::GONE && it.by_coderd)
    }

    /// Whether there is no token to send.
    #[must_use]
    pub fn lacks_token(&self) -> bool {
        matches!(self, Self::Token { .. })
    }

    /// 401: the token is unknown, expired, or its user is suspended.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        self.status() == Some(StatusCode::UNAUTHORIZED)
    }

    /// 403, or a 500 that says `rbac: forbidden`: the token lacks a right (403 is also coderd's
    /// answer to a missing licence and to the promotion of a version that did not succeed).
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_forbidden)
    }

    /// 409, or a 500 from a unique index: the name is taken or a build is active. Look again.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_conflict)
    }

    /// 400, 413 or 422 in coderd's own words, a 500 that says `value too long`, and a name that
    /// cannot be part of a path: the same request will fail again. The fields, if coderd names
    /// any, are in [`Refusal::validations`].
    #[must_use]
    pub fn is_validation(&self) -> bool {
        matches!(
            self,
            Self::Transport {
                source: TransportError::Unsendable(_),
                ..
            }
        ) || self.refusal().is_some_and(Refusal::is_validation)
    }

    /// The reply is larger than was asked for at most.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(
            self,
            Self::Transport {
                source: TransportError::TooLarge { .. },
                ..
            }
        )
    }

    /// 406 or 425: the template version is still being imported.
    #[must_use]
    pub fn is_importing(&self) -> bool {
        matches!(
            self.status(),
            Some(StatusCode::NOT_ACCEPTABLE | StatusCode::TOO_EARLY)
        )
    }

    /// 429: see [`Error::retry_after`].
    #[must_use]
    pub fn is_rate_limited(&self) -> bool {
        self.status() == Some(StatusCode::TOO_MANY_REQUESTS)
    }

    /// How long the server asks to wait, at most an hour.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal()?.retry_after
    }

    /// Nothing is wrong with the request: coderd, its database, a proxy or the network is out of
    /// order, or what answered is not coderd. Says nothing about any object.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Token { .. } => false,
            Self::Transport { source, .. } => !matches!(source, TransportError::Unsendable(_)),
            Self::Refused { refusal, .. } => refusal.is_unavailable(),
            Self::Unreadable { .. } => true,
        }
    }

    /// For writes: coderd may have carried it out all the same. Find out by reading; never send
    /// it again blindly.
    #[must_use]
    pub fn may_have_arrived(&self) -> bool {
        match self {
            Self::Token { .. } => false,
            Self::Transport { source, .. } => source.delivery() == Delivery::Possible,
            Self::Refused { refusal, .. } => {
                refusal.status.is_server_error() && refusal.is_unavailable()
            }
            Self::Unreadable { .. } => true,
        }
    }

    /// A read that failed so may do better in a moment.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Token { .. } | Self::Unreadable { .. } => false,
            Self::Transport { source, .. } => match source {
                TransportError::Connect(_)
                | TransportError::Interrupted(_)
                | TransportError::Truncated { .. } => true,
                TransportError::Unsendable(_)
                | TransportError::TooLarge { .. }
                | TransportError::Deadline { .. } => false,
            },
            Self::Refused { .. } => self.is_rate_limited() || self.is_unavailable(),
        }
    }
}
