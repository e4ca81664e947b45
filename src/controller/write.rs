//! Writes of one object: its status, its finalizer, its mirrored fields, its end.

use kube::core::object::HasStatus;
use serde_json::json;

use super::{
    driven::Driven,
    look::Look,
    reconcile::{After, Verdict},
};
use crate::{
    api::names::{FINALIZER, MANAGER_CODERD, MANAGER_SHIM},
    k8s::{
        error::Error,
        finalizer,
        object::{Deletion, Force, Known},
    },
    sync::{context::Records, note, outlook::Outlook, plan::Write, report, standing::Standing},
};

/// Writes records into `status`, so that the next step can rely on them; none if they are there already.
pub(super) async fn record<K: Driven>(
    look: &Look<'_, K>,
    records: Records<K>,
    outlook: &Outlook,
) -> Result<Option<K>, Error> {
    let status = report::status(&look.context(), records, outlook);
    if report::repeats(&look.object.status(), &Some(&status)) {
        return Ok(None);
    }
    apply_status(look, status).await.map(Some)
}

/// Writes `status` if it says something new.
pub(super) async fn rest<K: Driven>(look: &Look<'_, K>, outlook: &Outlook) -> Result<(), Error> {
    let context = look.context();
    let status = report::status(&context, context.records_at_rest(), outlook);
    if Some(&status) != look.object.status() {
        apply_status(look, status).await?;
        if let Some(note) = note::stalled(outlook) {
            look.controller.tell(look.object, &[note]).await;
        }
    }
    Ok(())
}

async fn apply_status<K: Driven>(
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
    look.controller.inventory.object_changed(look.key);
    Ok(object)
}

/// Changes the object itself.
pub(super) async fn write<K: Driven>(
    look: &Look<'_, K>,
    change: &Write,
) -> Result<After<K>, Error> {
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
        Write::DropClaim => {
            // An apply of nothing: what nobody else owns goes.
            let nothing = json!({});
            let object = objects
                .apply(&known, MANAGER_SHIM, Force::No, nothing)
                .await?;
            wrote(look, &object);
            Ok(After::Object(object))
        }
        Write::Delete(_) => match objects.delete(&known).await? {
            Deletion::Done => Ok(After::End(Verdict::Gone)),
            Deletion::Pending => reread_object(look, &known).await,
        },
    }
}

async fn reread<K: Driven>(
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
async fn reread_object<K: Driven>(look: &Look<'_, K>, known: &Known) -> Result<After<K>, Error> {
    let object = K::objects(look.controller).get(&known.key).await?;
    Ok(object.map_or(After::End(Verdict::Gone), |object| {
        wrote(look, &object);
        After::Object(object)
    }))
}

/// The watch event of this version tells nothing new.
fn wrote<K: Driven>(look: &Look<'_, K>, object: &K) {
    if let Some(version) = &object.meta().resource_version {
        look.controller.memory.wrote(look.key, version);
    }
}
