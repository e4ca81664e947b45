//! The reconcile of one object: observe → plan → act → report, one effect at a time.

use std::time::Duration;

use kube::Resource;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    Controller, Key,
    cause::Outcome,
    kind::{Kind, Look},
};
use crate::{
    api::{
        names::{FINALIZER, MANAGER_CODERD},
        status::Refusal,
    },
    k8s::{
        error::Error,
        event::{Event, Severity},
        finalizer,
        object::{self, Deletion, Force, Known},
    },
    sync::{
        note::{self, Note},
        outlook::Outlook,
        ownership::Ownership,
        plan::{Next, ObjectEffect},
        twin::Cause,
    },
};

/// More steps than any object needs; what is not at rest by then is looked at again later.
const STEPS: usize = 32;

/// How a look at an object ended.
#[derive(Debug)]
pub(super) enum Verdict {
    /// There is no such object.
    Gone,
    /// Nothing is left to do; look again after the time, or when something changes.
    Rest(Option<Duration>),
    /// The process is to end.
    Stopped,
    /// The object changed meanwhile, or the steps did not come to an end.
    Again,
    /// coderd could not be seen.
    Unknown(Cause),
    /// The API server did not do its part.
    Failed(Error),
}

/// What a step leaves behind.
enum After<K: Kind> {
    /// The object as it is now.
    Object(K::Object),
    /// Nothing more is to be done.
    End(Verdict),
}

/// Looks at one object until nothing is left to do.
pub(super) async fn reconcile<K: Kind>(
    controller: &Controller,
    key: &Key,
    name: &str,
    stop: &CancellationToken,
) -> Verdict {
    match steps::<K>(controller, key, name, stop).await {
        Ok(verdict) => verdict,
        Err(error) if error.is_gone() || error.is_conflict_of_version() => Verdict::Again,
        Err(error) => Verdict::Failed(error),
    }
}

async fn steps<K: Kind>(
    controller: &Controller,
    key: &Key,
    name: &str,
    stop: &CancellationToken,
) -> Result<Verdict, Error> {
    let place = object::Key::new(&controller.settings.namespace, name);
    let Some(mut object) = K::objects(controller).get(&place).await? else {
        return Ok(Verdict::Gone);
    };
    let mut refused: Vec<Refusal> = Vec::new();
    let mut done: Option<K::Effect> = None;
    for _ in 0..STEPS {
        if stop.is_cancelled() {
            return Ok(Verdict::Stopped);
        }
        let managed_fields = object.meta().managed_fields.as_deref().unwrap_or_default();
        let ownership = Ownership::of(managed_fields, &K::spec(&object));
        if let Some(note) = note::reset(&ownership).filter(|_| controller.memory.is_news(key)) {
            tell::<K>(controller, &object, &[note]).await;
        }
        let seen = K::observe(controller, key, &object, &ownership).await;
        controller.visited::<K>(key, &object, K::is_present(&seen));
        let look = Look::<K> {
            controller,
            key,
            object: &object,
            ownership: &ownership,
            seen: &seen,
            refused: &refused,
        };
        let plan = K::judge(&look);
        let after = match plan.next {
            Next::Record(records) => {
                let after = record(&look, records, &plan.outlook).await?;
                refused.clear();
                After::Object(after)
            }
            Next::Do(effect) if done.as_ref() == Some(&effect) => {
                // It was accepted, and yet the very same is needed again.
                let text = "coderd accepted it, but it shows no effect: a licence, or a policy of \
                            the template, may forbid it";
                refused.push(K::refused(&effect, text));
                continue;
            }
            Next::Do(effect) => match K::object_effect(&effect) {
                Some(on_object) => write::<K>(&look, on_object).await?,
                None => match K::act(&look, &effect).await {
                    Outcome::Done => {
                        done = Some(effect);
                        After::Object(object.clone())
                    }
                    Outcome::LookAgain => continue,
                    Outcome::Refused(message) => {
                        refused.push(K::refused(&effect, &message));
                        continue;
                    }
                    Outcome::Failed(cause) => {
                        let outlook = Outlook::unknown(&cause);
                        rest(&look, &outlook).await?;
                        return Ok(Verdict::Unknown(cause));
                    }
                },
            },
            Next::Rest(delay) => {
                rest(&look, &plan.outlook).await?;
                let unknown = K::unknown(&seen).cloned();
                After::End(unknown.map_or(Verdict::Rest(delay), Verdict::Unknown))
            }
        };
        tell::<K>(controller, &object, &plan.notes).await;
        match after {
            After::Object(next) => object = next,
            After::End(verdict) => return Ok(verdict),
        }
    }
    Ok(Verdict::Again)
}

/// Writes records into `status`, so that the next step can rely on them.
async fn record<K: Kind>(
    look: &Look<'_, K>,
    records: K::Records,
    outlook: &Outlook,
) -> Result<K::Object, Error> {
    let status = K::report(look, Some(records), outlook);
    apply_status(look, status).await
}

/// Writes `status` if it says something new.
async fn rest<K: Kind>(look: &Look<'_, K>, outlook: &Outlook) -> Result<(), Error> {
    let status = K::report(look, None, outlook);
    if status != K::status(look.object) {
        apply_status(look, status).await?;
        if let Some(note) = note::stalled(outlook) {
            tell::<K>(look.controller, look.object, &[note]).await;
        }
    }
    Ok(())
}

async fn apply_status<K: Kind>(look: &Look<'_, K>, status: K::Status) -> Result<K::Object, Error> {
    let objects = K::objects(look.controller);
    let Some(known) = Known::of(look.object.meta()) else {
        return Ok(look.object.clone());
    };
    let written = objects.apply_status(&known, &status).await?;
    look.controller
        .memory
        .wrote(look.key, &written.resource_version);
    let mut object = look.object.clone();
    object.meta_mut().resource_version = Some(written.resource_version);
    K::set_status(&mut object, status);
    look.controller
        .visited::<K>(look.key, &object, K::is_present(look.seen));
    Ok(object)
}

/// Brings about an effect on the object itself.
async fn write<K: Kind>(look: &Look<'_, K>, effect: &ObjectEffect) -> Result<After<K>, Error> {
    let objects = K::objects(look.controller);
    let Some(known) = Known::of(look.object.meta()) else {
        return Ok(After::End(Verdict::Again));
    };
    match effect {
        ObjectEffect::AddFinalizer => {
            let outcome = finalizer::add(objects.client(), look.object, FINALIZER).await?;
            reread(look, &known, &outcome).await
        }
        ObjectEffect::RemoveFinalizer => {
            let outcome = finalizer::remove(objects.client(), look.object, FINALIZER).await?;
            if look.object.meta().deletion_timestamp.is_some()
                && matches!(outcome, finalizer::Outcome::Done(_))
            {
                return Ok(After::End(Verdict::Rest(None)));
            }
            reread(look, &known, &outcome).await
        }
        ObjectEffect::ApplySpec { fields, force } => {
            let force = if *force { Force::Yes } else { Force::No };
            let set = json!({ "spec": fields });
            let mut object = objects.apply(&known, MANAGER_CODERD, force, set).await?;
            K::keep_up(&mut object, look.object.meta().generation);
            wrote(look, &object);
            Ok(After::Object(object))
        }
        ObjectEffect::ApplyOrigin(origin) => {
            objects
                .apply_origin_label(&known, *origin, Force::Yes)
                .await?;
            reread_object(look, &known).await
        }
        ObjectEffect::Delete => match objects.delete(&known).await? {
            Deletion::Done => Ok(After::End(Verdict::Gone)),
            Deletion::Pending => reread_object(look, &known).await,
        },
    }
}

async fn reread<K: Kind>(
    look: &Look<'_, K>,
    known: &Known,
    outcome: &finalizer::Outcome,
) -> Result<After<K>, Error> {
    match outcome {
        finalizer::Outcome::Done(_) => reread_object(look, known).await,
        finalizer::Outcome::Stale | finalizer::Outcome::Terminating => {
            Ok(After::End(Verdict::Again))
        }
    }
}

/// The object after a write whose answer held only its metadata.
async fn reread_object<K: Kind>(look: &Look<'_, K>, known: &Known) -> Result<After<K>, Error> {
    let object = K::objects(look.controller).get(&known.key).await?;
    Ok(object.map_or(After::End(Verdict::Gone), |object| {
        wrote(look, &object);
        After::Object(object)
    }))
}

/// The watch event of this version tells nothing new.
fn wrote<K: Kind>(look: &Look<'_, K>, object: &K::Object) {
    if let Some(version) = &object.meta().resource_version {
        look.controller.memory.wrote(look.key, version);
    }
}

/// Tells people what was done.
async fn tell<K: Kind>(controller: &Controller, object: &K::Object, notes: &[Note]) {
    for note in notes {
        let event = Event {
            severity: if note.warning {
                Severity::Warning
            } else {
                Severity::Normal
            },
            reason: note.reason.as_str().to_owned(),
            action: "Sync".to_owned(),
            note: note.message.clone(),
        };
        let now = controller.settings.clock.now();
        controller
            .events
            .publish(&K::reference(object), &event, now)
            .await;
    }
}

impl Controller {
    /// The inventory learns what the object is bound to.
    fn visited<K: Kind>(&self, key: &Key, object: &K::Object, is_present: bool) {
        let binding = K::binding(object).and_then(|binding| binding.id.parse().ok());
        self.inventory.object_visited(key, binding, is_present);
    }
}
