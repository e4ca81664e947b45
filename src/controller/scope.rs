//! One look at both sides: an object, and what is seen of coderd for it.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{
    attempt::Attempt,
    control_plane::ControlPlane,
    key::Key,
    observation::{Observable, Observation},
    outcome::StepResult,
};
use crate::sync::{
    conditions::ConditionSet,
    context::{Context, Records},
    external::External,
    fields::ownership::Ownership,
    kind::ExternalObject,
    rules::guard::{self, Patience},
};

/// One look at both sides.
pub(super) struct Scope<'a, K: Observable> {
    pub(super) plane: &'a ControlPlane,
    pub(super) key: &'a Key,
    pub(super) object: &'a K,
    pub(super) ownership: &'a Ownership,
    pub(super) seen: &'a Observation<K>,
    /// Our clock, coderd's and the API server's: of one moment, for all that this look leads to.
    now: Timestamp,
    coderd_now: Timestamp,
    kube_now: Timestamp,
}

impl<'a, K: Observable> Scope<'a, K> {
    /// What is seen now; the API server's clock is `kube_ahead` of ours.
    pub(super) fn new(
        plane: &'a ControlPlane,
        key: &'a Key,
        object: &'a K,
        ownership: &'a Ownership,
        seen: &'a Observation<K>,
        kube_ahead: SignedDuration,
    ) -> Self {
        let settings = &plane.shared.settings;
        let now = settings.clock.now();
        let coderd_now = seen.coderd_now.or_else(|| plane.client.server_time());
        Self {
            plane,
            key,
            object,
            ownership,
            seen,
            now,
            coderd_now: coderd_now.unwrap_or(now),
            kube_now: now.saturating_add(kube_ahead).unwrap_or(now),
        }
    }

    /// Everything that deciding rests on, after what was learnt so far.
    pub(super) fn context<'b>(&self, attempt: &'b Attempt<K>) -> Context<'b, K>
    where
        'a: 'b,
    {
        let (seen, settings) = (self.seen, &self.plane.shared.settings);
        Context {
            object: self.object,
            ownership: self.ownership,
            external: &seen.external,
            observed: K::observed(&seen.own, settings),
            bound_elsewhere: seen.bound_elsewhere.as_deref(),
            deployment: &seen.deployment,
            control_plane: self.plane.name(),
            released: seen.released.as_ref(),
            refused: &attempt.refused,
            withheld: &attempt.withheld,
            one_by_one: attempt.one_by_one,
            damper: &seen.damper,
            suspension: attempt.suspension.as_ref(),
            queued: attempt.queued,
            request_timeout: settings.request_timeout,
            coderd_now: self.coderd_now,
            kube_now: self.kube_now,
            now: self.now,
        }
    }

    /// Whether `conditions`, which says that coderd cannot be seen or does not do its part, is not told
    /// yet: it may be so for a moment only.
    pub(super) fn keeps_quiet(&self, context: &Context<K>, conditions: &ConditionSet) -> bool {
        let unseen_for = || self.plane.home.backoff.unseen_for(self.key);
        guard::keeps_quiet(context, conditions, self.seen.patience, unseen_for)
    }

    /// Whether coderd was not asked at all since the start: whoever waits for that is looked at then.
    pub(super) fn awaits_coderd(&self) -> bool {
        self.seen.patience == Patience::Endless
    }

    /// Claims the external object that `records` newly bind the object to; false where another object
    /// holds it.
    pub(super) fn claims(&self, records: &Records<K>) -> bool {
        let is_new = self.object.shared_status().binding.is_none();
        let binding = records.binding.as_ref().filter(|_| is_new);
        let id = binding.map(|binding| binding.id.parse());
        match id {
            Some(Ok(id)) => self.plane.home.inventory.claim(self.key, id),
            Some(Err(_)) | None => true,
        }
    }

    /// The id of the external object that was seen.
    pub(super) fn external_id(&self) -> Result<Uuid, StepResult> {
        match &self.seen.external {
            External::Present(external) => Ok(external.id()),
            External::Absent | External::Gone | External::Unknown(_) => Err(StepResult::Stale),
        }
    }
}
