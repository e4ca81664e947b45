//! Everything that deciding about one object rests on.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::{
    external::{External, Failure},
    fields::{ownership::Ownership, rule::canonical},
    kind::SyncedKind,
    refusal::{DigestKey, Refusals},
    released::Released,
    rules::{
        build_limit::Queued,
        damper::{Correction, Damper, Fight},
    },
    standing::Standing,
};
use crate::api::status::{Binding, Refusal, Suspension, Sync};

/// What coderd accepted and shows all the same as if it had not.
pub const NO_EFFECT: &str = "coderd accepted it, but it shows no effect: a licence, or a policy of the \
                             template, may forbid it";

/// A coderd that answers, and our own user there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployment {
    /// Which deployment it is.
    pub deployment_id: String,
    /// The id of the token's user.
    pub us: Uuid,
    /// Set where this coderd may only be read.
    pub read_only: Option<Failure>,
    /// A digest of what it is able to do: its version, and the features that its licence enables.
    pub capabilities: String,
    /// The key of the digests of what it refuses.
    pub digest_key: DigestKey,
}

impl Deployment {
    /// The record that coderd refused `effect`, saying `message`. It is of what was asked for, so that
    /// asking for something else is tried again.
    pub fn refused_effect<K: SyncedKind>(&self, effect: &K::Effect, message: &str) -> Refusal {
        let (what, asked) = K::refusal_key(effect);
        self.refused(what, canonical(asked).as_ref(), message)
    }

    /// The record that coderd refused to set `field` to the canonical `value`, likewise.
    pub fn refused(&self, field: &str, value: Option<&Value>, message: &str) -> Refusal {
        self.digest_key.refusal(field, value, message)
    }

    /// The record that coderd accepted the canonical `value` for `field`, and shows all the same as if it had
    /// not.
    pub fn ineffective(&self, field: &str, value: Option<&Value>) -> Refusal {
        Refusal {
            ineffective_with: Some(self.capabilities.clone()),
            ..self.refused(field, value, NO_EFFECT)
        }
    }
}

/// Everything that deciding about one object rests on.
#[derive(Clone, Debug)]
pub struct Context<'a, K: SyncedKind> {
    /// The object, read live.
    pub object: &'a K,
    /// Who owns its fields.
    pub ownership: &'a Ownership,
    /// Its external object, read live.
    pub external: &'a External<K::External>,
    /// What else was looked at for this kind.
    pub observed: K::Observed<'a>,
    /// The name of another object that is bound to the same external object.
    pub bound_elsewhere: Option<&'a str>,
    /// The name of the control plane that it belongs to; none where none is known.
    pub control_plane: Option<&'a str>,
    /// The coderd that was asked.
    pub deployment: &'a Deployment,
    /// Why the object is let go whatever its deletion policy says.
    pub released: Option<&'a Released>,
    /// What coderd refused since the last look, still to be recorded.
    pub refused: &'a [Refusal],
    /// The settings that coderd forbade us to set in this look; the next one tries again.
    pub withheld: &'a [Refusal],
    /// How often values were put back of late.
    pub damper: &'a Damper,
    /// Whether fields go to coderd one by one: it refused several without saying which of them.
    pub one_by_one: bool,
    /// Why the deletion in coderd that was about to begin is held back.
    pub suspension: Option<&'a Suspension>,
    /// Why the build that was about to be requested waits.
    pub queued: Option<Queued>,
    /// How long a request may be under way.
    pub request_timeout: Duration,
    /// Now, by coderd's clock: for what coderd dates.
    pub coderd_now: Timestamp,
    /// Now, by the API server's clock: for what it dates.
    pub kube_now: Timestamp,
    /// Now, by ours.
    pub now: Timestamp,
}

/// The records that deciding rests on, as they are to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Records<K: SyncedKind> {
    /// `status.binding`.
    pub binding: Option<Binding>,
    /// `status.sync`.
    pub sync: Sync,
    /// Those that only this kind has.
    pub own: K::OwnRecords,
}

impl<K: SyncedKind> Context<'_, K> {
    /// Where the object stands.
    pub fn standing(&self) -> Standing<'_> {
        Standing::of(self.object, self.ownership)
    }

    /// The object's name, as it is written.
    pub fn name(&self) -> &str {
        self.object.metadata().name.as_deref().unwrap_or_default()
    }

    /// The records as they are.
    pub fn records(&self) -> Records<K> {
        let standing = self.standing();
        Records {
            binding: standing.binding.cloned(),
            sync: standing.records(),
            own: self.object.own_records(),
        }
    }

    /// The external object, if it is there.
    pub fn present(&self) -> Option<&K::External> {
        match self.external {
            External::Present(external) => Some(external),
            External::Absent | External::Gone | External::Unknown(_) => None,
        }
    }

    /// What was refused before and is not to be sent again: nothing, once something asks to try.
    pub fn refusals(&self) -> Refusals<'_> {
        let known = match self.object.shared_status().sync {
            Some(sync) if !self.standing().may_retry() => &sync.refused[..],
            _ => &[],
        };
        Refusals::new(
            known,
            &self.deployment.digest_key,
            &self.deployment.capabilities,
        )
    }

    /// The fight that keeps a value from being put back; none, once something asks to try.
    pub fn fight(&self, correction: &Correction) -> Option<Fight> {
        let fight = self.damper.fight(correction, self.now)?;
        (!self.standing().may_retry()).then_some(fight)
    }

    /// The record that this very effect was refused.
    pub fn refusal(&self, effect: &K::Effect) -> Option<&Refusal> {
        let (what, asked) = K::refusal_key(effect);
        self.refusals().of(what, canonical(asked).as_ref())
    }
}

impl<K: SyncedKind> Default for Records<K> {
    fn default() -> Self {
        Self {
            binding: None,
            sync: Sync::default(),
            own: K::OwnRecords::default(),
        }
    }
}
