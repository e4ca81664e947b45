//! What a bound object needs before its settings matter: it follows its external object, carries the origin
//! label, and has our finalizer exactly while deleting it deletes the external object.

use super::mass_deletion;
use crate::{
    api::{condition::Reason, names, object_name::ObjectName, status::DeletionPolicy},
    sync::{
        conditions::ConditionSet,
        context::Context,
        events::{Event, EventReason},
        external::External,
        kind::{ExternalObject, SyncedKind},
        standing::Standing,
        step::{Step, Write},
    },
};

/// Deletes an imported object, whose external object stays; none where the object is not ours to delete. A
/// finalizer left over from an earlier policy goes first, for the deletion would wait for it; and so does
/// a person, where very many go.
pub fn remove<K: SyncedKind>(context: &Context<K>, conditions: ConditionSet) -> Option<Step<K>> {
    let standing = context.standing();
    if !standing.is_removable() {
        return None;
    }
    let suspended = mass_deletion::removal_suspended(context);
    Some(
        suspended.unwrap_or_else(|| match standing.external_stays() {
            Some(external_stays) => {
                let event = Event::normal(EventReason::Removed, &conditions.because.1);
                Step::write(Write::Delete(external_stays), conditions).telling(Some(event))
            }
            None => Step::write(Write::RemoveFinalizer, conditions),
        }),
    )
}

/// The external object is gone for good. An imported object follows it; of a declared one becomes what
/// `declared` says.
pub fn lost<K: SyncedKind>(
    context: &Context<K>,
    declared: fn(&Context<K>, &str) -> Step<K>,
) -> Option<Step<K>> {
    if *context.external != External::Gone {
        return None;
    }
    let id = &context.standing().binding?.id;
    let message = format!("its {} was deleted in Coder", K::NOUN);
    let conditions = ConditionSet::reconciling(Reason::Deleting, message);
    Some(remove(context, conditions).unwrap_or_else(|| declared(context, id)))
}

/// An imported object whose external object has another name now goes; the new name is imported again.
pub fn renamed<K: SyncedKind>(context: &Context<K>) -> Option<Step<K>> {
    let now_named = new_name(context)?;
    let noun = K::NOUN;
    let message = format!("its {noun} was renamed in Coder: it is {now_named} now");
    remove(
        context,
        ConditionSet::reconciling(Reason::RenamedInCoder, message),
    )
}

/// A declared object whose external object has another name now keeps syncing by id.
pub fn other_name<K: SyncedKind>(context: &Context<K>) -> Option<Step<K>> {
    let name = new_name(context)?;
    let message = format!(
        "the {} was renamed in Coder; to follow, set spec.deletionPolicy: Retain, delete this object \
         and apply it as {name}",
        K::NOUN
    );
    let conditions = ConditionSet::stalled(Reason::RenamedInCoder, message);
    Some(Step::pass(conditions))
}

/// The name that an object for the external would have now, where it is another one.
pub fn new_name<K: SyncedKind>(context: &Context<K>) -> Option<K::Name> {
    let own = K::Name::parse(context.name())?;
    let external = context.present()?;
    let now = external.object_name().of_control_plane(own.control_plane());
    (now != own).then_some(now)
}

/// The origin label follows the binding.
pub fn origin<K: SyncedKind>(context: &Context<K>) -> Option<Step<K>> {
    let standing = context.standing();
    let origin = standing.binding?.origin;
    let is_there = standing.label(names::LABEL_ORIGIN) == Some(origin.as_str());
    let conditions = ConditionSet::reconciling(Reason::Creating, "the object is being labelled");
    (!is_there).then(|| Step::write(Write::ApplyOrigin(origin), conditions))
}

/// Our finalizer is on exactly while deleting the object also deletes the external object.
pub fn finalizer<K: SyncedKind>(context: &Context<K>) -> Option<Step<K>> {
    let write = finalizer_change(&context.standing())?;
    let conditions =
        ConditionSet::reconciling(Reason::Creating, "the finalizer follows deletionPolicy");
    Some(Step::write(write, conditions))
}

/// The change that brings our finalizer in line with the deletion policy, if one is needed.
pub fn finalizer_change(standing: &Standing) -> Option<Write> {
    match (standing.deletion_policy(), standing.has_finalizer()) {
        (DeletionPolicy::Delete, false) => Some(Write::AddFinalizer),
        (DeletionPolicy::Retain, true) => Some(Write::RemoveFinalizer),
        (DeletionPolicy::Delete, true) | (DeletionPolicy::Retain, false) => None,
    }
}
