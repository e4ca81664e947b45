//! What a Lease says, as far as it matters here.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};

/// Who holds a Lease, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Empty where it was given back.
    pub(super) holder: String,
    /// How long it lasts after a change of it.
    pub(super) duration: Duration,
    /// How often it has changed hands.
    pub(super) transitions: i32,
    /// Whether this is a new holder, who has just acquired it.
    pub(super) is_new: bool,
}

impl Record {
    /// What `lease` says.
    pub(super) fn of(lease: &Lease) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let seconds = spec.lease_duration_seconds.unwrap_or_default();
        Self {
            holder: spec.holder_identity.unwrap_or_default(),
            duration: Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
            transitions: spec.lease_transitions.unwrap_or_default(),
            is_new: false,
        }
    }

    /// `lease` with what this says; the times are for people.
    pub(super) fn write(&self, mut lease: Lease, now: Timestamp) -> Lease {
        let before = lease.spec.take().unwrap_or_default();
        let acquired = before.acquire_time.clone().filter(|_| !self.is_new);
        let seconds = i32::try_from(self.duration.as_secs()).unwrap_or(i32::MAX);
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.holder.clone()),
            // Zero is refused.
            lease_duration_seconds: Some(seconds.max(1)),
            acquire_time: Some(acquired.unwrap_or(MicroTime(now))),
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(self.transitions),
            ..before
        });
        lease
    }
}
