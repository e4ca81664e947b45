//! From an object without a binding to one that is bound: adopt the twin that is there, or have one
//! created.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    context::Context,
    guard,
    kind::{Kind, TwinFacts},
    note::{Note, NoteReason},
    outlook::Outlook,
    plan::{Next, Plan},
    spelling::{Spelled, Spelling},
    upkeep,
};
use crate::api::{
    condition::Reason,
    names,
    object_name::ObjectName,
    status::{Attempt, Binding, Origin},
};

/// What is awaited in coderd is looked for this often, should nothing tell of it before.
pub const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// What stands in the way in coderd may go without anybody being told.
const LOOK_AT_LEAST: Duration = Duration::from_secs(300);

/// What to do about an object that is not bound; none if it is.
pub fn plan<K: Kind>(context: &Context<K>) -> Option<Plan<K>> {
    if context.standing().binding.is_some() {
        return None;
    }
    let name = match parsed_name::<K>(context.name()) {
        Ok(name) => name,
        Err(message) => return Some(stalled(Reason::InvalidName, message)),
    };
    let mut plan = misspelled(&K::spelled(&name, &context.sight)?)
        .or_else(|| adopt(context, &name))
        .or_else(|| guard::read_only(context))
        .or_else(|| restored(context))
        .or_else(|| imported_too_late(context))
        .unwrap_or_else(|| K::create(context, &name));
    if plan.next == Next::Rest(None) {
        plan.next = Next::Rest(Some(LOOK_AT_LEAST));
    }
    Some(plan)
}

fn stalled<K: Kind>(reason: Reason, message: impl Into<String>) -> Plan<K> {
    Plan::rest(Outlook::stalled(reason, message))
}

/// The identity that the object's name spells.
fn parsed_name<K: Kind>(name: &str) -> Result<K::Name, String> {
    let parsed = K::Name::parse(name).ok_or_else(|| format!("{name} is not {}", K::Name::FORM))?;
    match parsed.control_plane() {
        None | Some(names::STATIC_CONTROL_PLANE) => Ok(parsed),
        Some(other) => Err(format!(
            "there is no control plane {other} in this namespace; the one there is called {}",
            names::STATIC_CONTROL_PLANE
        )),
    }
}

/// What the name names must exist, and be spelled as coderd spells it.
fn misspelled<K: Kind>(spelled: &Spelled) -> Option<Plan<K>> {
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
            let outlook = Outlook::reconciling(part.missing, message);
            Some(Plan::look_again(LOOK_AGAIN, outlook))
        }
    })
}

/// Binds the object to a twin that is there.
fn adopt<K: Kind>(context: &Context<K>, name: &K::Name) -> Option<Plan<K>> {
    let twin = context.present()?;
    if let Some(other) = context.bound_elsewhere {
        let message = format!(
            "{} {} is bound to the object {other}; delete one of the two, with deletionPolicy Retain",
            K::NOUN,
            twin.id()
        );
        let outlook = Outlook::stalled(Reason::Duplicate, message);
        return Some(Plan::look_again(LOOK_AGAIN, outlook));
    }
    let taken = K::taken(name, twin).map(|message| stalled(Reason::NameTaken, message));
    Some(taken.unwrap_or_else(|| bind(context, twin)))
}

/// Binds the object to `twin`. It counts as created here only where a recorded attempt of ours made it.
pub fn bind<K: Kind>(context: &Context<K>, twin: &K::Twin) -> Plan<K> {
    let standing = context.standing();
    let mut records = context.records();
    let (noun, id) = (K::NOUN, twin.id());
    let (origin, note) = if is_ours(context, twin) {
        let note = Note::normal(NoteReason::Created, format!("created {noun} {id}"));
        (standing.origin(), note)
    } else {
        records.sync.run = standing
            .is_restored()
            .then(|| context.object.restored_run())
            .flatten();
        let note = if standing.is_declared {
            let message = format!("bound to {noun} {id}, which existed in Coder");
            Note::normal(NoteReason::Adopted, message)
        } else {
            Note::normal(NoteReason::Imported, format!("made for {noun} {id}"))
        };
        (Origin::Coderd, note)
    };
    records.binding = Some(Binding {
        deployment_id: context.session.deployment_id.clone(),
        id: id.to_string(),
        origin,
        bound_at: Time(context.now),
    });
    records.sync.attempt = None;
    let outlook = Outlook::reconciling(Reason::Creating, format!("bound to its {noun}"));
    Plan::record(records, outlook).noting(Some(note))
}

/// Whether our recorded attempt made `twin`: we created it, no earlier than the attempt by coderd's own
/// clock.
pub fn is_ours<K: Kind>(context: &Context<K>, twin: &K::Twin) -> bool {
    let standing = context.standing();
    let attempt = standing.sync.and_then(|sync| sync.attempt.as_ref());
    attempt.is_some_and(|attempt| {
        twin.creator() == Some(context.session.us) && twin.created_at() >= attempt.requested_at.0
    })
}

/// Nothing is made for a restored object.
fn restored<K: Kind>(context: &Context<K>) -> Option<Plan<K>> {
    let noun = K::NOUN;
    context.standing().is_restored().then(|| {
        let message = format!(
            "this object was restored or copied (it carries the label {} but has no binding), and \
             coderd has no such {noun}; nothing is created in its place: remove the label to create a \
             new {noun}",
            names::LABEL_ORIGIN,
        );
        let outlook = Outlook::stalled(Reason::LostAfterRestore, message);
        Plan::look_again(LOOK_AGAIN, outlook)
    })
}

/// An import whose twin is gone before it was bound takes its object back.
fn imported_too_late<K: Kind>(context: &Context<K>) -> Option<Plan<K>> {
    let message = format!("its {} was deleted in Coder while it was imported", K::NOUN);
    upkeep::remove(context, Outlook::reconciling(Reason::Deleting, message))
}

/// Whether an attempt is recorded. One of the future was taken by our clock, which is ahead of coderd's:
/// what is created now would count as older.
pub fn is_attempted<K: Kind>(context: &Context<K>) -> bool {
    let attempt = context.records().sync.attempt;
    attempt.is_some_and(|attempt| attempt.requested_at.0 <= context.coderd_now)
}

/// The attempt that is recorded before a creation is requested.
pub fn attempt<K: Kind>(context: &Context<K>) -> Attempt {
    Attempt {
        requested_at: Time(context.coderd_now),
    }
}
