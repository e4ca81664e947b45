//! What a bound object needs before its settings matter: it follows its twin, carries the origin
//! label, and has our finalizer exactly while deleting it deletes the twin.

use super::{
    context::Context,
    kind::{Kind, TwinFacts},
    mass_deletion,
    note::{Note, NoteReason},
    outlook::Outlook,
    plan::{Plan, Write},
    standing::Standing,
    twin::Twin,
};
use crate::api::{condition::Reason, names, object_name::ObjectName, status::DeletionPolicy};

/// That deleting an object takes nothing away in coderd. Only [`remove`] gives it, so that no delete of
/// ours can be meant for the twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TwinStays(());

/// Deletes an imported object, whose twin stays; none where the object is not ours to delete: it was
/// made here, somebody declares something in it, or deleting it would delete its twin. A finalizer left
/// over from an earlier policy goes first, for the deletion would wait for it; and so does a person,
/// where very many go.
pub fn remove<K: Kind>(context: &Context<K>, outlook: Outlook) -> Option<Plan<K>> {
    let standing = context.standing();
    let is_ours = standing.is_imported() && standing.deletion_policy() == DeletionPolicy::Retain;
    let write = if standing.has_finalizer() {
        Write::RemoveFinalizer
    } else {
        Write::Delete(TwinStays(()))
    };
    is_ours.then(|| {
        mass_deletion::removal_suspended(context).unwrap_or_else(|| {
            let note = matches!(write, Write::Delete(_))
                .then(|| Note::normal(NoteReason::Removed, &outlook.because.1));
            Plan::write(write, outlook).noting(note)
        })
    })
}

/// The twin is gone for good. An imported object follows it.
pub fn lost<K: Kind>(context: &Context<K>) -> Option<Plan<K>> {
    if *context.twin != Twin::Gone {
        return None;
    }
    let id = &context.standing().binding?.id;
    let message = format!("its {} was deleted in Coder", K::NOUN);
    let outlook = Outlook::reconciling(Reason::Deleting, message);
    Some(remove(context, outlook).unwrap_or_else(|| K::lost(context, id)))
}

/// An imported object whose twin has another name now goes; the new name is imported again.
pub fn renamed<K: Kind>(context: &Context<K>) -> Option<Plan<K>> {
    let now_named = new_name(context)?;
    let noun = K::NOUN;
    let message = format!("its {noun} was renamed in Coder: it is {now_named} now");
    remove(
        context,
        Outlook::reconciling(Reason::RenamedInCoder, message),
    )
}

/// The name that an object for the twin would have now, where it is another one.
pub fn new_name<K: Kind>(context: &Context<K>) -> Option<K::Name> {
    let own = K::Name::parse(context.name())?;
    let twin = context.present()?;
    let now = twin.object_name().of_control_plane(own.control_plane());
    (now != own).then_some(now)
}

/// The origin label follows the binding.
pub fn origin<K: Kind>(context: &Context<K>) -> Option<Plan<K>> {
    let standing = context.standing();
    let origin = standing.binding?.origin;
    let is_there = standing.label(names::LABEL_ORIGIN) == Some(origin.as_str());
    let outlook = Outlook::reconciling(Reason::Creating, "the object is being labelled");
    (!is_there).then(|| Plan::write(Write::ApplyOrigin(origin), outlook))
}

/// Our finalizer is on exactly while deleting the object also deletes the twin.
pub fn finalizer<K: Kind>(context: &Context<K>) -> Option<Plan<K>> {
    let write = finalizer_change(&context.standing())?;
    let outlook = Outlook::reconciling(Reason::Creating, "the finalizer follows deletionPolicy");
    Some(Plan::write(write, outlook))
}

/// The change that brings our finalizer in line with the deletion policy, if one is needed.
pub fn finalizer_change(standing: &Standing) -> Option<Write> {
    match (standing.deletion_policy(), standing.has_finalizer()) {
        (DeletionPolicy::Delete, false) => Some(Write::AddFinalizer),
        (DeletionPolicy::Retain, true) => Some(Write::RemoveFinalizer),
        (DeletionPolicy::Delete, true) | (DeletionPolicy::Retain, false) => None,
    }
}
