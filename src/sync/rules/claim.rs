//! What the aggregated API claims so that deleting an object there deletes its external object: it
//! declares the deletion policy and puts the finalizer on, then deletes. When it dies in between, the
//! claim must not stay: a later plain delete would take the external along.

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;

use crate::{
    api::{condition::Reason, names::MANAGER_SHIM},
    sync::{
        conditions::ConditionSet,
        context::Context,
        kind::SyncedKind,
        step::{Step, Write},
    },
};

/// How long a claim may wait for its deletion, which follows at once where nothing goes wrong.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// Drops a claim whose deletion did not come in time.
pub fn stale<K: SyncedKind>(context: &Context<K>) -> Option<Step<K>> {
    let due = due(context)?;
    if !due.is_zero() {
        return Some(Step::pass(ConditionSet::settled("")).after(Some(due)));
    }
    let message = "a deletion through the aggregated API was claimed and did not come";
    let conditions = ConditionSet::reconciling(Reason::Creating, message);
    Some(Step::write(Write::DropClaim, conditions))
}

/// How long until a claim is stale; none where there is no claim or its deletion has come.
fn due<K: SyncedKind>(context: &Context<K>) -> Option<Duration> {
    let metadata = context.object.metadata();
    if metadata.deletion_timestamp.is_some() {
        return None;
    }
    let claim = metadata
        .managed_fields
        .iter()
        .flatten()
        .find(|entry| is_claim(entry))?;
    let made = claim.time.as_ref().map(|time| time.0);
    let left = made.map(|made| PATIENCE.saturating_sub(context.kube_now.duration_since(made)));
    Some(
        left.and_then(|left| left.try_into().ok())
            .unwrap_or_default(),
    )
}

fn is_claim(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(MANAGER_SHIM) && entry.operation.as_deref() == Some("Apply")
}
