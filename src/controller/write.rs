//! Writes of one object: its status, its finalizer, its mirrored fields, its end.

use std::time::Duration;

use kube::core::object::HasStatus;
use serde_json::json;

use super::{
    external_client::ExternalClient,
    look::Look,
    outcome::{Outcome, StepResult},
};
use crate::{
    api::names::{FINALIZER, MANAGER_CODERD, MANAGER_SHIM},
    k8s::{
        error::Error,
        finalizer,
        object::{Deletion, Force, Known},
    },
    sync::{
        conditions::ConditionSet,
        context::{Context, Records},
        events, report,
        standing::Standing,
        step::{Step, Write},
    },
};

/// How long an object waits whose next step changes nothing.
const WHEN_STUCK: Duration = Duration::from_secs(60);

/// Writes records into `status`, so that the next step can rely on them.
pub(super) async fn record<K: ExternalClient>(
    look: &Look<'_, K>,
    context: &Context<'_, K>,
    records: &Records<K>,
    step: &Step<K>,
) -> Result<StepResult<K>, Error> {
    let report = report::report(context, records.clone(), &step.conditions);
    let status = K::complete_status(context, report);
    if report::repeats(&look.object.status(), &Some(&status)) {
        // It would be planned again at once and for ever: a defect of the controller.
        let (reason, why) = &step.conditions.because;
        tracing::error!(%reason, why, "the same would be recorded again: this object waits");
        return Ok(StepResult::Ended(Outcome::Rest(Some(WHEN_STUCK))));
    }
    apply_status(look, status).await.map(StepResult::Done)
}

/// Writes `status` if it says something new.
pub(super) async fn rest<K: ExternalClient>(
    look: &Look<'_, K>,
    context: &Context<'_, K>,
    records: Records<K>,
    conditions: &ConditionSet,
) -> Result<(), Error> {
    let status = K::complete_status(context, report::report(context, records, conditions));
    if Some(&status) != look.object.status() {
        apply_status(look, status).await?;
        if let Some(event) = events::stalled(conditions) {
            look.controller.tell(look.object, &[event]).await;
        }
    }
    Ok(())
}

async fn apply_status<K: ExternalClient>(
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
pub(super) async fn write<K: ExternalClient>(
    look: &Look<'_, K>,
    change: &Write,
) -> Result<StepResult<K>, Error> {
    let objects = K::objects(look.controller);
    let Some(known) = Known::of(look.object.meta()) else {
        return Ok(StepResult::Ended(Outcome::Again));
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
                return Ok(StepResult::Ended(Outcome::Rest(None)));
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
            Ok(StepResult::Done(object))
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
            Ok(StepResult::Done(object))
        }
        Write::Delete(_) => match objects.delete(&known).await? {
            Deletion::Done => Ok(StepResult::Ended(Outcome::Gone)),
            Deletion::Pending => reread_object(look, &known).await,
        },
    }
}

async fn reread<K: ExternalClient>(
    look: &Look<'_, K>,
    known: &Known,
    outcome: &finalizer::Outcome,
) -> Result<StepResult<K>, Error> {
    match outcome {
        finalizer::Outcome::Done(_) => reread_object(look, known).await,
        finalizer::Outcome::Stale | finalizer::Outcome::Terminating => {
            Ok(StepResult::Ended(Outcome::Again))
        }
    }
}

/// The object after a write whose answer held only its metadata.
async fn reread_object<K: ExternalClient>(
    look: &Look<'_, K>,
    known: &Known,
) -> Result<StepResult<K>, Error> {
    let object = K::objects(look.controller).get(&known.key).await?;
    Ok(object.map_or(StepResult::Ended(Outcome::Gone), |object| {
        wrote(look, &object);
        StepResult::Done(object)
    }))
}

/// The watch event of this version tells nothing new.
fn wrote<K: ExternalClient>(look: &Look<'_, K>, object: &K) {
    if let Some(version) = &object.meta().resource_version {
        look.controller.memory.wrote(look.key, version);
    }
}
