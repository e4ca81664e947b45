//! What deleting an object means, the same for both kinds.

use super::{plan::ObjectEffect, standing::Standing};
use crate::api::status::DeletionPolicy;

/// What becomes of an object that is being deleted, as far as that can be told without coderd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It does not carry our finalizer: nothing is left to do.
    NotHeld,
    /// Let it go; its twin, if there is one, stays.
    Release,
    /// Let it go once its twin is proved to be gone.
    DeleteTwin,
    /// A creation was begun and never settled: find out first whether it made a twin.
    SettleAttempt,
}

/// How a terminating object departs; none while it is not being deleted. A removed CRD takes
/// nothing away in coderd, and what was never begun has nothing to delete.
pub fn departure(standing: &Standing, crd_is_going: bool) -> Option<Departure> {
    if !standing.is_terminating() {
        return None;
    }
    Some(if !standing.has_finalizer() {
        Departure::NotHeld
    } else if crd_is_going || standing.deletion_policy() == DeletionPolicy::Retain {
        Departure::Release
    } else if standing.binding.is_some() {
        Departure::DeleteTwin
    } else if standing.sync.is_some_and(|sync| sync.attempt.is_some()) {
        Departure::SettleAttempt
    } else {
        Departure::Release
    })
}

/// The change that brings our finalizer in line with the deletion policy, if one is needed.
pub fn finalizer(standing: &Standing) -> Option<ObjectEffect> {
    match (standing.deletion_policy(), standing.has_finalizer()) {
        (DeletionPolicy::Delete, false) => Some(ObjectEffect::AddFinalizer),
        (DeletionPolicy::Retain, true) => Some(ObjectEffect::RemoveFinalizer),
        (DeletionPolicy::Delete, true) | (DeletionPolicy::Retain, false) => None,
    }
}
