//! What is to be seen of coderd for one object.

use jiff::Timestamp;

use super::settings::Settings;
use crate::sync::{
    chain::Planned,
    context::Deployment,
    external::{External, Failure},
    fields::ownership::Ownership,
    kind::ExternalObject,
    released::Released,
    rules::{damper::Damper, guard::Patience},
};

/// A kind whose external objects are looked at.
pub(super) trait Observable: Planned {
    /// What is looked at for this kind only.
    type Own: Default + Send + Sync;

    /// What is to be seen of the object alone.
    fn seen_alone(&self, _ownership: &Ownership) -> Self::Own {
        Self::Own::default()
    }

    /// Whether finding the external asks coderd for no more after a change of the object than before.
    fn asks_the_same(_before: &Self, _after: &Self) -> bool {
        true
    }

    /// Takes over into `now`, which holds what is to be seen of the object alone, what was seen of
    /// coderd before.
    fn keep(before: Self::Own, now: &mut Self::Own);

    /// What was seen, for deciding.
    fn observed<'a>(seen: &'a Self::Own, settings: &'a Settings) -> Self::Observed<'a>;
}

/// What was seen of coderd for one object.
#[derive(Debug)]
pub(super) struct Observation<K: Observable> {
    pub(super) external: External<K::External>,
    /// What is looked at for this kind only.
    pub(super) own: K::Own,
    /// coderd's clock when the external object was looked for by its name, to the second.
    pub(super) coderd_now: Option<Timestamp>,
    /// Whether the object has to say that nothing could be seen.
    pub(super) patience: Patience,
    pub(super) bound_elsewhere: Option<String>,
    pub(super) deployment: Deployment,
    /// Why the object is let go whatever its deletion policy says.
    pub(super) released: Option<Released>,
    pub(super) damper: Damper,
}

impl<K: Observable> Observation<K> {
    /// Why nothing could be seen.
    pub(super) fn unknown(&self) -> Option<&Failure> {
        match &self.external {
            External::Unknown(failure) => Some(failure),
            External::Present(_) | External::Absent | External::Gone => None,
        }
    }

    /// What of this still holds for the object as it is `after` a step that wrote only to Kubernetes.
    /// Proof and what could not be seen are looked for each time, and so is everything for an object
    /// that is being deleted.
    pub(super) fn kept(self, before: &K, after: &K) -> Option<Self> {
        let is_same_external = match &self.external {
            External::Absent => bound_id(after).is_none(),
            External::Present(external) => match (bound_id(before), bound_id(after)) {
                (before, None) => before.is_none(),
                (Some(before), Some(after)) => before == after,
                (None, Some(after)) => after == external.id().to_string(),
            },
            External::Gone | External::Unknown(_) => false,
        };
        let is_leaving = after.metadata().deletion_timestamp.is_some();
        (is_same_external && !is_leaving && K::asks_the_same(before, after)).then_some(self)
    }

    /// Whether the external object is there.
    pub(super) fn is_present(&self) -> bool {
        matches!(self.external, External::Present(_))
    }
}

/// The id of the external object that the object is bound to.
fn bound_id<K: Observable>(object: &K) -> Option<&str> {
    let binding = object.shared_status().binding?;
    Some(&binding.id)
}
