//! What keeps every other step from being taken.

use std::time::Duration;

use crate::{
    api::{condition::Reason, names},
    sync::{
        conditions::ConditionSet,
        context::Context,
        external::{External, Failure},
        fields::push,
        kind::SyncedKind,
        step::Step,
    },
};

/// How a refused creation is named in `status.sync.refused`.
pub const FIELD_CREATE: &str = "create";

/// The first status says that nothing is known yet, before anything is asked of coderd: a waiting
/// client must never take an object without conditions for a finished one.
pub fn first_visit<K: SyncedKind>(context: &Context<K>) -> Option<Step<K>> {
    let is_new = context.object.shared_status().conditions.is_empty()
        && !context.standing().is_terminating();
    let failure = Failure::new(Reason::Pending, "not looked at yet");
    is_new.then(|| Step::record(context.records(), ConditionSet::unknown(&failure)))
}

/// What coderd refused is written down before anything else is tried.
pub fn unrecorded_refusals<K: SyncedKind>(context: &Context<K>) -> Option<Step<K>> {
    let conditions = push::refused(context.refused)?;
    let mut records = context.records();
    for refusal in context.refused {
        records
            .sync
            .refused
            .retain(|known| known.field != refusal.field);
        records.sync.refused.push(refusal.clone());
        // What is made again on request carries the label, and would count as restored without.
        if refusal.field == FIELD_CREATE && context.standing().label(names::LABEL_ORIGIN).is_none()
        {
            records.sync.attempt = None;
            records.sync.run = None;
        }
    }
    Some(Step::record(records, conditions))
}

/// Nothing goes to coderd while the object is paused.
pub fn paused<K: SyncedKind>(context: &Context<K>) -> Option<Step<K>> {
    let is_paused = context.standing().is_paused();
    is_paused.then(|| Step::rest(ConditionSet::paused()))
}

/// Nothing happens on either side while the external object cannot be seen. Where nobody but a person can tell
/// which one is meant, to wait is useless.
pub fn unknown<K: SyncedKind>(context: &Context<K>) -> Option<Step<K>> {
    match context.external {
        External::Unknown(failure) if failure.reason == Reason::AmbiguousControlPlane => {
            let conditions = ConditionSet::stalled(failure.reason, &failure.message);
            Some(Step::rest(conditions))
        }
        External::Unknown(failure) => Some(Step::rest(ConditionSet::unknown(failure))),
        External::Present(_) | External::Absent | External::Gone => None,
    }
}

/// A declared field of this version's schema is never silently ignored.
pub fn not_supported<K: SyncedKind>(fields: &[String]) -> Option<Step<K>> {
    (!fields.is_empty()).then(|| {
        let message = format!(
            "{} is not synchronised by this version yet; leave it out",
            fields.join(", ")
        );
        Step::pass(ConditionSet::stalled(Reason::NotSupportedYet, message))
    })
}

/// How long it may go untold that coderd cannot be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// As long as coderd was not asked since the start: a restart must not change what objects say.
    Endless,
    /// So long, for an object that was in step with everything that was asked of it.
    Lasting(Duration),
    /// Not any more: coderd as a whole cannot be seen.
    None,
}

/// Whether what the object says still stands, although `conditions` is that coderd cannot be seen or does
/// not do its part, which it has not for `unseen_for`. Whoever asks for something is told at once.
pub fn keeps_quiet<K: SyncedKind>(
    context: &Context<K>,
    conditions: &ConditionSet,
    patience: Patience,
    unseen_for: impl FnOnce() -> Duration,
) -> bool {
    let is_blind = conditions.is_unknown() && conditions.because.0 != Reason::Paused;
    is_blind
        && match patience {
            Patience::Endless => true,
            Patience::Lasting(time) => !context.standing().may_retry() && unseen_for() < time,
            Patience::None => false,
        }
}

/// This coderd may only be read.
pub fn read_only<K: SyncedKind>(context: &Context<K>) -> Option<Step<K>> {
    let failure = context.deployment.read_only.as_ref()?;
    Some(Step::rest(ConditionSet::stalled(
        failure.reason,
        &failure.message,
    )))
}
