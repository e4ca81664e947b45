//! From an object without a binding to one that is bound: adopt the external object that is there, or have
//! one created.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{bound, guard};
use crate::{
    api::{
        condition::Reason,
        names,
        object_name::ObjectName,
        status::{Attempt, Binding, Origin, RunRecord},
    },
    sync::{
        conditions::ConditionSet,
        context::Context,
        events::{Event, EventReason},
        kind::{ExternalObject, SyncedKind},
        spelling::{Spelled, Spelling},
        step::{Action, Step},
    },
};

/// What is awaited in coderd is looked for this often, should nothing tell of it before.
pub const REQUEUE_AFTER: Duration = Duration::from_secs(15);

/// What stands in the way in coderd may go without anybody being told.
const LOOK_AT_LEAST: Duration = Duration::from_secs(300);

/// What a kind says of objects that are not bound.
#[derive(Debug)]
pub struct Rules<K: SyncedKind> {
    /// Why the external object, which has the natural key of the name, is not the one that is meant.
    pub name_conflict: fn(&K::Name, &K::External) -> Option<String>,
    /// The next step of creating an external object that is absent.
    pub create: fn(&Context<K>, &K::Name) -> Step<K>,
}

/// What to do about an object that is not bound; none if it is.
pub fn plan<K: SyncedKind>(context: &Context<K>, rules: &Rules<K>) -> Option<Step<K>> {
    if context.standing().binding.is_some() {
        return None;
    }
    let name = match parsed_name::<K>(context.name()) {
        Ok(name) => name,
        Err(message) => return Some(stalled(Reason::InvalidName, message)),
    };
    let mut step = misspelled(&K::spelled(&name, &context.observed)?)
        .or_else(|| adopt(context, &name, rules.name_conflict))
        .or_else(|| guard::read_only(context))
        .or_else(|| restored(context))
        .or_else(|| imported_too_late(context))
        .unwrap_or_else(|| (rules.create)(context, &name));
    if step.action == Action::Rest(None) {
        step.action = Action::Rest(Some(LOOK_AT_LEAST));
    }
    Some(step)
}

fn stalled<K: SyncedKind>(reason: Reason, message: impl Into<String>) -> Step<K> {
    Step::rest(ConditionSet::stalled(reason, message))
}

/// The identity that the object's name spells.
fn parsed_name<K: SyncedKind>(name: &str) -> Result<K::Name, String> {
    K::Name::parse(name).ok_or_else(|| format!("{name} is not {}", K::Name::FORM))
}

/// What the name names must exist, and be spelled as coderd spells it.
fn misspelled<K: SyncedKind>(spelled: &Spelled) -> Option<Step<K>> {
    spelled.parts.iter().find_map(|part| match &part.spelling {
        Spelling::Canonical => None,
        Spelling::Alias(right) => Some(stalled(
            Reason::NotCanonical,
            format!(
                "{} is an alias of {right} in coderd; name the object {}",
                part.given, spelled.canonical
            ),
        )),
        Spelling::NotFound => {
            let message = format!(
                "coderd shows the controller no {} {}; create it or give access",
                part.noun, part.given
            );
            let conditions = ConditionSet::reconciling(part.missing, message);
            Some(Step::requeue_after(REQUEUE_AFTER, conditions))
        }
    })
}

/// Binds the object to an external object that is there.
fn adopt<K: SyncedKind>(
    context: &Context<K>,
    name: &K::Name,
    name_conflict: fn(&K::Name, &K::External) -> Option<String>,
) -> Option<Step<K>> {
    let external = context.present()?;
    if let Some(other) = context.bound_elsewhere {
        let message = format!(
            "{} {} is bound to the object {other}; delete one of the two, with deletionPolicy Retain",
            K::NOUN,
            external.id()
        );
        let conditions = ConditionSet::stalled(Reason::Duplicate, message);
        return Some(Step::requeue_after(REQUEUE_AFTER, conditions));
    }
    let taken = name_conflict(name, external).map(|message| stalled(Reason::NameTaken, message));
    Some(taken.unwrap_or_else(|| bind(context, external)))
}

/// Binds the object to `external`. It counts as created here only where a recorded attempt of ours made it.
pub fn bind<K: SyncedKind>(context: &Context<K>, external: &K::External) -> Step<K> {
    let standing = context.standing();
    let mut records = context.records();
    let (noun, id) = (K::NOUN, external.id());
    let (origin, event) = if is_ours(context, external) {
        let event = Event::normal(EventReason::Created, format!("created {noun} {id}"));
        (standing.origin(), event)
    } else {
        let running = context.object.shared_spec().running;
        let restored = running.filter(|_| standing.is_restored());
        records.sync.run = restored.map(restored_run);
        let event = if standing.is_declared {
            let message = format!("bound to {noun} {id}, which existed in Coder");
            Event::normal(EventReason::Adopted, message)
        } else {
            Event::normal(EventReason::Imported, format!("made for {noun} {id}"))
        };
        (Origin::Coderd, event)
    };
    records.binding = Some(Binding {
        deployment_id: context.deployment.deployment_id.clone(),
        id: id.to_string(),
        origin,
        bound_at: Time(context.now),
    });
    records.sync.attempt = None;
    let conditions = ConditionSet::reconciling(Reason::Creating, format!("bound to its {noun}"));
    Step::record(records, conditions).telling(Some(event))
}

/// What the run lever of a restored object starts from: what it asks for counts as agreed, so that the first
/// look mirrors.
fn restored_run(wanted: bool) -> RunRecord {
    RunRecord {
        wanted,
        build_number: 0,
        ordered_at: None,
        ttl_millis: None,
    }
}

/// Whether our recorded attempt made `external`: we created it, no earlier than the attempt by coderd's own
/// clock.
pub fn is_ours<K: SyncedKind>(context: &Context<K>, external: &K::External) -> bool {
    let standing = context.standing();
    let attempt = standing.sync.and_then(|sync| sync.attempt.as_ref());
    attempt.is_some_and(|attempt| {
        external.creator() == Some(context.deployment.us)
            && external.created_at() >= attempt.requested_at.0
    })
}

/// Nothing is made for a restored object.
fn restored<K: SyncedKind>(context: &Context<K>) -> Option<Step<K>> {
    let noun = K::NOUN;
    context.standing().is_restored().then(|| {
        let message = format!(
            "this object was restored or copied (it carries the label {} but has no binding), and \
             coderd has no such {noun}; nothing is created in its place: remove the label to create a \
             new {noun}",
            names::LABEL_ORIGIN,
        );
        let conditions = ConditionSet::stalled(Reason::LostAfterRestore, message);
        Step::requeue_after(REQUEUE_AFTER, conditions)
    })
}

/// An import whose external object is gone before it was bound takes its object back.
fn imported_too_late<K: SyncedKind>(context: &Context<K>) -> Option<Step<K>> {
    let message = format!("its {} was deleted in Coder while it was imported", K::NOUN);
    bound::remove(
        context,
        ConditionSet::reconciling(Reason::Deleting, message),
    )
}

/// Whether an attempt is recorded. One of the future was taken by our clock, which is ahead of coderd's:
/// what is created now would count as older.
pub fn is_attempted<K: SyncedKind>(context: &Context<K>) -> bool {
    let attempt = context.records().sync.attempt;
    attempt.is_some_and(|attempt| attempt.requested_at.0 <= context.coderd_now)
}

/// The attempt that is recorded before a creation is requested.
pub fn attempt<K: SyncedKind>(context: &Context<K>) -> Attempt {
    Attempt {
        requested_at: Time(context.coderd_now),
    }
}
