//! Writes of one object: its status, its finalizer, its mirrored fields, its end.

use std::time::Duration;

use kube::core::object::HasStatus;
use serde_json::json;

use super::{
    external_client::ExternalClient,
    outcome::{Outcome, StepResult},
    scope::Scope,
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
        events,
        standing::Standing,
        status,
        step::{Step, Write},
    },
};

/// How long an object waits whose next step changes nothing.
const WHEN_STUCK: Duration = Duration::from_secs(60);

/// Writes records into `status`, so that the next step can rely on them.
pub(super) async fn record<K: ExternalClient>(
    scope: &Scope<'_, K>,
    context: &Context<'_, K>,
    records: &Records<K>,
    step: &Step<K>,
) -> Result<StepResult<K>, Error> {
    let report = status::report(context, records.clone(), &step.conditions);
    let status = K::complete_status(context, report);
    if status::repeats(&scope.object.status(), &Some(&status)) {
        // It would be planned again at once and for ever: a defect of the controller.
        let (reason, why) = &step.conditions.because;
        tracing::error!(%reason, why, "the same would be recorded again: this object waits");
        return Ok(StepResult::Ended(Outcome::Rest(Some(WHEN_STUCK))));
    }
    apply_status(scope, status).await.map(StepResult::Done)
}

/// Writes `status` if it says something new.
pub(super) async fn rest<K: ExternalClient>(
    scope: &Scope<'_, K>,
    context: &Context<'_, K>,
    records: Records<K>,
    conditions: &ConditionSet,
) -> Result<(), Error> {
    let status = K::complete_status(context, status::report(context, records, conditions));
    if Some(&status) != scope.object.status() {
        apply_status(scope, status).await?;
        if let Some(event) = events::stalled(conditions) {
            scope.plane.tell(scope.object, &[event]).await;
        }
    }
    Ok(())
}

async fn apply_status<K: ExternalClient>(
    scope: &Scope<'_, K>,
    status: <K as HasStatus>::Status,
) -> Result<K, Error> {
    let objects = K::objects(&scope.plane.shared);
    let Some(known) = Known::of(scope.object.meta()) else {
        return Ok(scope.object.clone());
    };
    let written = objects.apply_status(&known, &status).await?;
    scope
        .plane
        .shared
        .memory
        .wrote(scope.key, &written.resource_version);
    let mut object = scope.object.clone();
    object.meta_mut().resource_version = Some(written.resource_version);
    *object.status_mut() = Some(status);
    scope.plane.visited(scope.key, &object, scope.seen);
    scope.plane.home.inventory.object_changed(scope.key);
    Ok(object)
}

/// Changes the object itself.
pub(super) async fn write<K: ExternalClient>(
    scope: &Scope<'_, K>,
    change: &Write,
) -> Result<StepResult<K>, Error> {
    let objects = K::objects(&scope.plane.shared);
    let Some(known) = Known::of(scope.object.meta()) else {
        return Ok(StepResult::Ended(Outcome::Again));
    };
    match change {
        Write::AddFinalizer => {
            let outcome = finalizer::add(objects.client(), scope.object, FINALIZER).await?;
            reread(scope, &known, &outcome).await
        }
        Write::RemoveFinalizer => {
            let outcome = finalizer::remove(objects.client(), scope.object, FINALIZER).await?;
            if scope.object.meta().deletion_timestamp.is_some()
                && matches!(outcome, finalizer::Outcome::Done(_))
            {
                return Ok(StepResult::Ended(Outcome::Rest(None)));
            }
            reread(scope, &known, &outcome).await
        }
        Write::ApplySpec { fields, force } => {
            let force = if *force { Force::Yes } else { Force::No };
            let set = json!({ "spec": fields });
            let mut object = objects.apply(&known, MANAGER_CODERD, force, set).await?;
            // Our own write to `spec` asks for nothing, and must not make what failed or was refused
            // be tried again.
            if !Standing::of(scope.object, scope.ownership).has_new_spec() {
                let generation = object.meta().generation;
                object.set_observed_generation(generation);
            }
            wrote(scope, &object);
            Ok(StepResult::Done(object))
        }
        Write::ApplyOrigin(origin) => {
            objects
                .apply_origin_label(&known, *origin, Force::Yes)
                .await?;
            reread_object(scope, &known).await
        }
        Write::DropClaim => {
            // An apply of nothing: what nobody else owns goes.
            let nothing = json!({});
            let object = objects
                .apply(&known, MANAGER_SHIM, Force::No, nothing)
                .await?;
            wrote(scope, &object);
            Ok(StepResult::Done(object))
        }
        Write::Delete(_) => match objects.delete(&known).await? {
            Deletion::Done => Ok(StepResult::Ended(Outcome::Gone)),
            Deletion::Pending => reread_object(scope, &known).await,
        },
    }
}

async fn reread<K: ExternalClient>(
    scope: &Scope<'_, K>,
    known: &Known,
    outcome: &finalizer::Outcome,
) -> Result<StepResult<K>, Error> {
    match outcome {
        finalizer::Outcome::Done(_) => reread_object(scope, known).await,
        finalizer::Outcome::Stale | finalizer::Outcome::Terminating => {
            Ok(StepResult::Ended(Outcome::Again))
        }
    }
}

/// The object after a write whose answer held only its metadata.
async fn reread_object<K: ExternalClient>(
    scope: &Scope<'_, K>,
    known: &Known,
) -> Result<StepResult<K>, Error> {
    let object = K::objects(&scope.plane.shared).get(&known.key).await?;
    Ok(object.map_or(StepResult::Ended(Outcome::Gone), |object| {
        wrote(scope, &object);
        StepResult::Done(object)
    }))
}

/// The watch event of this version tells nothing new.
fn wrote<K: ExternalClient>(scope: &Scope<'_, K>, object: &K) {
    if let Some(version) = &object.meta().resource_version {
        scope.plane.shared.memory.wrote(scope.key, version);
    }
}
