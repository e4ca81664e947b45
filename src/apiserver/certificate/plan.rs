//! What to do next, decided without any I/O.
//!
//! Guarantees, as long as replicas look at the Secret every few seconds and their clocks agree to
//! well within [`TRUST_WAIT`]:
//! - a certificate of another authority is issued only when the `APIService` has shown that authority
//!   for [`TRUST_WAIT`], and an authority is given up only [`DROP_WAIT`] after the last certificate
//!   of it was replaced. So kube-apiserver trusts each replica at every moment of a rotation;
//! - each step is one write, and every replica that sees the same comes to the same step;
//! - where all is well there is no step.
//!
//! The exception is what nobody trusts any more: an expired certificate is replaced at once.

use std::{collections::BTreeSet, fmt};

use jiff::{SignedDuration, Timestamp};

/// How long the `APIService` must have shown an authority: each kube-apiserver has heard of it by
/// then.
pub(super) const TRUST_WAIT: SignedDuration = SignedDuration::from_secs(60);

/// How long an authority stays trusted after its last certificate: each replica serves the new one
/// by then.
pub(super) const DROP_WAIT: SignedDuration = SignedDuration::from_mins(10);

/// How far certificates begin in the past: a client's clock may be late. A time of trust that lies
/// further ahead than this is no time that a clock has shown.
pub(super) const BACKDATE: SignedDuration = SignedDuration::from_mins(5);

/// The SHA-256 of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Fingerprint(pub(super) [u8; 32]);

/// From when to when something is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// A certificate authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) id: Fingerprint,
    pub(super) validity: Validity,
}

/// The serving certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    /// The authority that signed it: one of the holding's.
    pub(super) issuer: Fingerprint,
    /// Ends no later than its authority's.
    pub(super) validity: Validity,
    pub(super) names: BTreeSet<String>,
}

/// When an authority was first seen in the `APIService`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TrustRecord {
    pub(super) authority: Fingerprint,
    pub(super) since: Timestamp,
}

/// What a good Secret holds, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holding {
    /// The authority that signs.
    pub(super) newest: Authority,
    /// Whether its key is one that we can sign with.
    pub(super) can_sign: bool,
    /// Those that are still to be trusted.
    pub(super) older: Vec<Authority>,
    pub(super) leaf: Leaf,
    pub(super) trusted: Option<TrustRecord>,
}

/// The Secret.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stored<'a> {
    /// Missing, or a placeholder that is to be filled.
    Nothing,
    /// Not to be touched: whoever damaged it may still need what is left.
    Damaged,
    Good(&'a Holding),
}

/// The `APIService`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// It does not exist, or cannot be read.
    Unknown,
    /// It sends requests to another Service: what it trusts is not our business.
    OtherService,
    Ours(Trust),
}

/// Whom kube-apiserver trusts for our Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trust {
    /// The certificates in `caBundle`.
    pub(super) authorities: BTreeSet<Fingerprint>,
    /// `insecureSkipTLSVerify`: everybody.
    pub(super) anybody: bool,
    /// Whether it is ours to keep right.
    pub(super) managed: bool,
}

/// All that is known at one look.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) stored: Stored<'a>,
    pub(super) shown: &'a Shown,
    /// What this replica serves, from the last good look.
    pub(super) held: Option<&'a Holding>,
    /// The names that the serving certificate must have.
    pub(super) names: &'a BTreeSet<String>,
    pub(super) now: Timestamp,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Wait(Wait),
    /// Store a new authority and a certificate of it.
    Establish,
    /// Store what this replica holds, with a new authority in front. The Secret was deleted, so its
    /// keys shall go; but what is served stays trusted until then.
    Restore,
    /// Put a new authority in front of the others. The serving certificate stays.
    AddAuthority,
    /// Store a certificate of the newest authority.
    Issue,
    /// Keep only the newest authority and these.
    KeepAuthorities(BTreeSet<Fingerprint>),
    /// Record that the newest authority is shown now.
    RecordTrust,
    /// Take that record back.
    ForgetTrust,
    /// Make the `APIService` trust the authorities of the Secret and nobody else.
    ShowAuthorities,
}

/// Why nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// All is well.
    Rest,
    /// The Secret is damaged.
    Damaged,
    /// There is no `APIService` to look at.
    NoApiService,
    /// The `APIService` is for another Service.
    OtherService,
    /// The `APIService` does not trust the newest authority, and is not ours to change.
    Unmanaged,
    /// The new authority has not been shown for long enough.
    Trust,
}

/// The next step.
pub(super) fn plan(view: View<'_>) -> Step {
    match (view.stored, view.held) {
        (Stored::Damaged, _) => Step::Wait(Wait::Damaged),
        (Stored::Nothing, Some(held)) if !held.leaf.validity.is_over(view.now) => Step::Restore,
        (Stored::Nothing, _) => Step::Establish,
        (Stored::Good(holding), _) => holding.next(view),
    }
}

impl Holding {
    fn next(&self, view: View<'_>) -> Step {
        let View { shown, now, .. } = view;
        let is_due = self.leaf.is_due(view);
        let has_no_use = self.newest.validity.is_over(now) || !self.can_sign && is_due;
        if has_no_use || !self.can_sign && self.is_rotating() {
            return Step::AddAuthority;
        }
        if let Shown::Ours(trust) = shown {
            let is_lost = self.recorded(now).is_some() && !trust.includes(self.newest.id);
            if self.is_rotating() && is_lost {
                // First, so that nobody takes the time in between for trust.
                return Step::ForgetTrust;
            }
            if trust.managed && !trust.is_exactly(self) {
                return Step::ShowAuthorities;
            }
        }
        if self.is_rotating() {
            self.towards_newest(shown, now)
        } else if is_due {
            Step::Issue
        } else if self.newest.validity.is_due(now) {
            Step::AddAuthority
        } else {
            self.without_older(now)
                .unwrap_or_else(|| Step::Wait(shown.waiting(self.newest.id)))
        }
    }

    /// Whether the serving certificate is still one of an older authority.
    fn is_rotating(&self) -> bool {
        self.leaf.issuer != self.newest.id
    }

    fn towards_newest(&self, shown: &Shown, now: Timestamp) -> Step {
        let is_shown = matches!(shown, Shown::Ours(trust) if trust.includes(self.newest.id));
        if self.leaf.validity.is_over(now) {
            return Step::Issue;
        }
        match self.recorded(now) {
            _ if !is_shown => Step::Wait(shown.waiting(self.newest.id)),
            None => Step::RecordTrust,
            Some(since) if now.duration_since(since) >= TRUST_WAIT => Step::Issue,
            Some(_) => Step::Wait(Wait::Trust),
        }
    }

    /// Since when the newest authority is known to be shown.
    fn recorded(&self, now: Timestamp) -> Option<Timestamp> {
        let record = self.trusted.as_ref()?;
        let is_meant =
            record.authority == self.newest.id && record.since.duration_since(now) <= BACKDATE;
        is_meant.then_some(record.since)
    }

    fn without_older(&self, now: Timestamp) -> Option<Step> {
        let is_settled = now.duration_since(self.leaf.validity.from) >= BACKDATE + DROP_WAIT;
        let keep: BTreeSet<_> = self
            .older
            .iter()
            .filter(|authority| !is_settled && !authority.validity.is_over(now))
            .map(|authority| authority.id)
            .collect();
        (keep.len() < self.older.len()).then_some(Step::KeepAuthorities(keep))
    }

    fn authorities(&self) -> impl Iterator<Item = Fingerprint> {
        let all = std::iter::once(&self.newest).chain(&self.older);
        all.map(|authority| authority.id)
    }
}

impl Wait {
    /// The reason, for the log.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Rest => "all is well",
            Self::Damaged => "the Secret is damaged",
            Self::NoApiService => "there is no APIService yet",
            Self::OtherService => "the APIService is for another Service",
            Self::Unmanaged => "the APIService, which is not ours to change, does not trust us",
            Self::Trust => "the new authority is not trusted everywhere yet",
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

impl Leaf {
    fn is_due(&self, view: View<'_>) -> bool {
        self.validity.is_due(view.now) || !self.names.is_superset(view.names)
    }
}

impl Shown {
    fn waiting(&self, newest: Fingerprint) -> Wait {
        match self {
            Self::Unknown => Wait::NoApiService,
            Self::OtherService => Wait::OtherService,
            Self::Ours(trust) if trust.includes(newest) => Wait::Rest,
            Self::Ours(_) => Wait::Unmanaged,
        }
    }
}

impl Trust {
    fn includes(&self, authority: Fingerprint) -> bool {
        self.anybody || self.authorities.contains(&authority)
    }

    fn is_exactly(&self, holding: &Holding) -> bool {
        !self.anybody && self.authorities == holding.authorities().collect()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests;
