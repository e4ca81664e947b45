//! From a terminating object to one that is gone: delete the external if that is in effect, with proof, and
//! let the object go.

use jiff::{SignedDuration, Timestamp};

use super::{adoption, guard, mass_deletion};
use crate::{
    api::{condition::Reason, status::DeletionPolicy},
    sync::{
        conditions::{ConditionSet, Progress},
        context::Context,
        events::{Event, EventReason},
        external::External,
        kind::SyncedKind,
        released::Released,
        standing::Standing,
        step::{Step, Write},
    },
};

/// What becomes of an object that is being deleted, as far as that can be told without coderd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It does not carry our finalizer: nothing is left to do.
    NotHeld,
    /// Let it go; its external object, if there is one, stays.
    Release,
    /// Let it go once its external object is proved to be gone.
    DeleteExternal,
    /// A creation was begun and never settled: find out first whether it made an external object.
    SettleAttempt,
}

/// How a terminating object departs; none while it is not being deleted. What was never begun has nothing to
/// delete.
pub fn departure(standing: &Standing, released: Option<&Released>) -> Option<Departure> {
    if !standing.is_terminating() {
        return None;
    }
    Some(if !standing.has_finalizer() {
        Departure::NotHeld
    } else if released.is_some() || standing.deletion_policy() == DeletionPolicy::Retain {
        Departure::Release
    } else if standing.binding.is_some() {
        Departure::DeleteExternal
    } else if standing.sync.is_some_and(|sync| sync.attempt.is_some()) {
        Departure::SettleAttempt
    } else {
        Departure::Release
    })
}

/// What to do about an object that is being deleted; none if it is not.
/// `delete` gives the next step of deleting the external object.
pub fn plan<K: SyncedKind>(
    context: &Context<K>,
    delete: fn(&Context<K>, &K::External) -> Step<K>,
) -> Option<Step<K>> {
    let standing = context.standing();
    let departure = departure(&standing, context.released)?;
    Some(match departure {
        Departure::NotHeld => Step::rest(deleting("waiting for other finalizers")),
        Departure::Release => retain(context.released),
        Departure::DeleteExternal | Departure::SettleAttempt => guard::paused(context)
            .map(with_exit)
            .or_else(|| proved(context))
            .or_else(|| guard::unknown(context).map(with_exit))
            .or_else(|| guard::read_only(context).map(with_exit))
            .unwrap_or_else(|| match context.present() {
                None => settle_absent(context),
                Some(external) if departure == Departure::DeleteExternal => {
                    mass_deletion::suspended(context).unwrap_or_else(|| {
                        mass_deletion::counted(context, delete(context, external))
                    })
                }
                Some(external) if adoption::is_ours(context, external) => {
                    adoption::bind(context, external)
                }
                Some(_) => retain(None),
            }),
    })
}

/// An object that cannot be deleted now is still being deleted, and says how it could go without.
fn with_exit<K: SyncedKind>(mut step: Step<K>) -> Step<K> {
    let exit = format!(
        "; spec.deletionPolicy: Retain lets the object go and leaves the {} in Coder",
        K::NOUN
    );
    step.conditions.because.1.push_str(&exit);
    step.conditions.synced.message.push_str(&exit);
    if step.conditions.progress == Progress::Done {
        step.conditions.progress = Progress::Reconciling;
    }
    step
}

/// The external object is gone for good.
fn proved<K: SyncedKind>(context: &Context<K>) -> Option<Step<K>> {
    let message = format!("its {} is deleted in Coder", K::NOUN);
    (*context.external == External::Gone).then(|| release(&message, EventReason::Deleted))
}

fn retain<K: SyncedKind>(released: Option<&Released>) -> Step<K> {
    let message = match released {
        Some(Released::ControlPlaneIsGone { name, others }) => format!(
            "its control plane {name} is gone, and nothing is deleted in Coder; {others} more objects \
             belong to it"
        ),
        Some(Released::KindIsGoing) | None => format!("its {} stays in Coder", K::NOUN),
    };
    release(&message, EventReason::Released)
}

/// A creation whose reply was lost may still arrive for as long as a request may be under way.
fn settle_absent<K: SyncedKind>(context: &Context<K>) -> Step<K> {
    let standing = context.standing();
    let attempt = standing.sync.and_then(|sync| sync.attempt.as_ref());
    let timeout = SignedDuration::try_from(context.request_timeout).unwrap_or_default();
    let until = attempt.map(|attempt| attempt.requested_at.0.saturating_add(timeout));
    match until.map(|until| until.unwrap_or(Timestamp::MAX)) {
        Some(until) if context.coderd_now < until => {
            let wait = until.duration_since(context.coderd_now).unsigned_abs();
            let conditions = deleting("waiting to see whether its creation still arrives in Coder");
            Step::requeue_after(wait, conditions)
        }
        _ => {
            let message = format!("no {} was created", K::NOUN);
            release(&message, EventReason::Released)
        }
    }
}

fn release<K: SyncedKind>(message: &str, reason: EventReason) -> Step<K> {
    let event = Event::normal(reason, format!("the object is let go: {message}"));
    Step::write(Write::RemoveFinalizer, deleting(message)).telling(Some(event))
}

/// The object says that it is being deleted, and what is awaited.
pub fn deleting(message: &str) -> ConditionSet {
    ConditionSet::reconciling(Reason::Deleting, message)
}
