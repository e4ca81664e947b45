//! The reconcile of one object: observe → plan → act → report, one effect at a time.

use std::time::Duration;

use kube::core::object::HasStatus;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    Controller, Key,
    cause::Outcome,
    kind::Kind,
    look::{Look, Seen, observe},
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
        context::{self, Records},
        note::{self, Note},
        outlook::Outlook,
        ownership::Ownership,
        plan::{Next, Write, plan},
        report,
        standing::Standing,
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
    Object(K),
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
        let ownership = Ownership::of(managed_fields, &json!(object.spec()));
        if let Some(note) = note::reset(&ownership).filter(|_| controller.memory.is_news(key)) {
            tell(controller, &object, &[note]).await;
        }
        let seen = observe(controller, key, &object, &ownership).await;
        controller.visited(key, &object, &seen);
        let look = Look::<K> {
            controller,
            key,
            object: &object,
            ownership: &ownership,
            seen: &seen,
            refused: &refused,
        };
        let plan = plan(&look.context());
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
                refused.push(context::refused::<K>(&effect, text));
                continue;
            }
            Next::Do(effect) => match K::act(&look, &effect).await {
                Outcome::Done => {
                    done = Some(effect);
                    After::Object(object.clone())
                }
                Outcome::LookAgain => continue,
                Outcome::Refused(message) => {
                    refused.push(context::refused::<K>(&effect, &message));
                    continue;
                }
                Outcome::Failed(cause) => {
                    rest(&look, &Outlook::unknown(&cause)).await?;
                    return Ok(Verdict::Unknown(cause));
                }
            },
            Next::Write(change) => write(&look, &change).await?,
            Next::Rest(delay) => {
                rest(&look, &plan.outlook).await?;
                let unknown = seen.unknown().cloned();
                After::End(unknown.map_or(Verdict::Rest(delay), Verdict::Unknown))
            }
        };
        tell(controller, &object, &plan.notes).await;
        if let Some(correction) = plan.corrects {
            let now = controller.settings.clock.now();
            controller.memory.corrected(key, correction, now);
        }
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
    records: Records<K>,
    outlook: &Outlook,
) -> Result<K, Error> {
    let status = report::status(&look.context(), records, outlook);
    apply_status(look, status).await
}

/// Writes `status` if it says something new.
async fn rest<K: Kind>(look: &Look<'_, K>, outlook: &Outlook) -> Result<(), Error> {
    let context = look.context();
    let status = report::status(&context, context.records_at_rest(), outlook);
    if Some(&status) != look.object.status() {
        apply_status(look, status).await?;
        if let Some(note) = note::stalled(outlook) {
            tell(look.controller, look.object, &[note]).await;
        }
    }
    Ok(())
}

async fn apply_status<K: Kind>(
    look: &Look<'_, K>,
    status: <K as HasStatus>::Status,
) -> Result<K, Error> {
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
    *object.status_mut() = Some(status);
    look.controller.visited(look.key, &object, look.seen);
    Ok(object)
}

/// Changes the object itself.
async fn write<K: Kind>(look: &Look<'_, K>, change: &Write) -> Result<After<K>, Error> {
    let objects = K::objects(look.controller);
    let Some(known) = Known::of(look.object.meta()) else {
        return Ok(After::End(Verdict::Again));
    };
    match change {
        Write::AddFinalizer => {
            let outcome = finalizer::add(objects.client(), look.object, FINALIZER).await?;
            reread(look, &known, &outcome).await
        }
        Write::RemoveFinalizer => {
            let outcome = finalizer::remove(objects.client(), look.object, FINALIZER).await?;
            if look.object.meta().deletion_timestamp.is_some()
                && matches!(outcome, finalizer::Outcome::Done(_))
            {
                return Ok(After::End(Verdict::Rest(None)));
            }
            reread(look, &known, &outcome).await
        }
        Write::ApplySpec { fields, force } => {
            let force = if *force { Force::Yes } else { Force::No };
            let set = json!({ "spec": fields });
            let mut object = objects.apply(&known, MANAGER_CODERD, force, set).await?;
            // Our own write to `spec` asks for nothing, and must not make what failed or was refused
            // be tried again.
            if !Standing::of(look.object, look.ownership).has_new_spec() {
                let generation = object.meta().generation;
                object.set_observed_generation(generation);
            }
            wrote(look, &object);
            Ok(After::Object(object))
        }
        Write::ApplyOrigin(origin) => {
            objects
                .apply_origin_label(&known, *origin, Force::Yes)
                .await?;
            reread_object(look, &known).await
        }
        Write::Delete => match objects.delete(&known).await? {
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
fn wrote<K: Kind>(look: &Look<'_, K>, object: &K) {
    if let Some(version) = &object.meta().resource_version {
        look.controller.memory.wrote(look.key, version);
    }
}

/// Tells people what was done.
async fn tell<K: Kind>(controller: &Controller, object: &K, notes: &[Note]) {
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
            .publish(&object.object_ref(&()), &event, now)
            .await;
    }
}

impl Controller {
    /// The inventory learns what the object is bound to.
    fn visited<K: Kind>(&self, key: &Key, object: &K, seen: &Seen<K>) {
        let binding = object.shared_status().binding;
        let id = binding.and_then(|binding| binding.id.parse().ok());
        let woken = self.inventory.object_visited(key, id, seen.is_present());
        self.look_at(woken);
    }
}
