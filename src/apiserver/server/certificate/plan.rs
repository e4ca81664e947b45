//! What to do next, decided without any I/O.
//!
//! - A certificate is renewed in time under the authority that is trusted already: no request fails.
//! - An authority that is lost or due is made anew together with a certificate. Until the
//!   `APIService` shows it and each replica has looked, requests fail: seconds, every few years.
//! - Each step is one write, and every replica that sees the same comes to the same step.
//! - Where all is well there is no step.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

/// How far certificates begin in the past: a client's clock may be late.
pub(super) const BACKDATE: SignedDuration = SignedDuration::from_mins(5);

/// From when to when something is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// What a good Secret holds, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holding {
    pub(super) authority: Validity,
    /// Whether its key is one that we can sign with.
    pub(super) can_sign: bool,
    /// Of the serving certificate. Ends no later than its authority's.
    pub(super) leaf: Validity,
    /// The serving certificate's.
    pub(super) names: BTreeSet<String>,
}

/// Whom kube-apiserver trusts by the `APIService`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// It does not exist, or cannot be read.
    Unknown,
    /// It sends requests to another Service: what it trusts is not our business.
    OtherService,
    /// As it should be.
    Right,
    /// Not the authority of the Secret, or not that alone.
    Wrong,
    /// Not the authority of the Secret, and it is not ours to change.
    Unmanaged,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: what is shown is right, or cannot be changed.
    Wait(Shown),
    /// Store a new authority and a certificate of it.
    Establish,
    /// Store a new certificate of the authority.
    Issue,
    /// Make the `APIService` trust the authority and nobody else.
    Show,
}

/// The next step where the Secret holds `stored`, or is yet to be filled, and the serving certificate must
/// have `names`.
pub(super) fn plan(
    stored: Option<&Holding>,
    shown: Shown,
    names: &BTreeSet<String>,
    now: Timestamp,
) -> Step {
    let Some(holding) = stored else {
        return Step::Establish;
    };
    if holding.leaf.is_due(now) || !holding.names.is_superset(names) {
        // An authority goes with its last certificate, so it is never over before it is due.
        let can_renew = holding.can_sign && !holding.authority.is_due(now);
        return if can_renew {
            Step::Issue
        } else {
            Step::Establish
        };
    }
    match shown {
        Shown::Wrong => Step::Show,
        Shown::Unknown | Shown::OtherService | Shown::Right | Shown::Unmanaged => Step::Wait(shown),
    }
}

impl Shown {
    /// What it is, for the log.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Unknown => "there is no APIService yet",
            Self::OtherService => "the APIService is for another Service",
            Self::Right => "all is well",
            Self::Wrong => "the APIService does not trust us",
            Self::Unmanaged => "the APIService, which is not ours to change, does not trust us",
        }
    }
}

impl Validity {
    pub(super) fn is_over(self, now: Timestamp) -> bool {
        self.until <= now
    }

    /// Two thirds of it are over: the time for a successor, with the rest to spare for trouble.
    fn is_due(self, now: Timestamp) -> bool {
        let life = self.until.duration_since(self.from);
        now.duration_since(self.from) >= life / 3 * 2
    }
}

#[cfg(test)]
mod tests;
