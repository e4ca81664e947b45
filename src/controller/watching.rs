//! From watch events to keys in the queue.

use std::sync::Arc;

use futures::{Stream, StreamExt, pin_mut};
use kube::core::ObjectMeta;
use serde_json::Value;
use tokio::sync::watch::Receiver;
use uuid::Uuid;

use super::{control_plane::ControlPlane, key::Key, queue::Lane};
use crate::{
    api::{
        names::ANNOTATION_RECONCILE_REQUESTED_AT, template::CoderTemplate,
        workspace::CoderWorkspace,
    },
    k8s::{
        object,
        watch::{self, Health, Options, WatchEvent, Watched},
    },
};

/// Watches the workspaces of the namespace.
pub(super) async fn workspaces(plane: Arc<ControlPlane>) {
    run::<CoderWorkspace>(&plane, "CoderWorkspace", Key::Workspace).await;
}

/// Watches the templates of the namespace.
pub(super) async fn templates(plane: Arc<ControlPlane>) {
    run::<CoderTemplate>(&plane, "CoderTemplate", Key::Template).await;
}

async fn run<K: Watched>(plane: &ControlPlane, kind: &'static str, key: fn(object::Key) -> Key) {
    let settings = &plane.shared.settings;
    let metrics = settings.metrics.clone();
    let options = Options {
        namespace: Some(plane.place.namespace.clone()),
        labels: None,
        fields: None,
        // Each watch jitters by itself.
        seed: settings.seed_of(kind),
    };
    let (events, health) = watch::watch::<K, _>(settings.kube.clone(), &options, move |_| {
        metrics.watch_failed();
    });
    let take_in = take_in(plane, kind, key, events);
    let follow = follow(plane, kind, health);
    futures::join!(take_in, follow);
}

/// How the watch of `kind` is doing counts for readiness.
async fn follow(plane: &ControlPlane, kind: &'static str, mut health: Receiver<Health>) {
    while health.changed().await.is_ok() {
        let now = *health.borrow_and_update();
        plane
            .shared
            .progressed(|progress| progress.watches.entry(kind).or_default().health = now);
    }
}

/// What the watch tells becomes work.
async fn take_in<K: Watched>(
    plane: &ControlPlane,
    kind: &'static str,
    key: fn(object::Key) -> Key,
    events: impl Stream<Item = WatchEvent<K>>,
) {
    pin_mut!(events);
    while let Some(event) = events.next().await {
        match event {
            WatchEvent::Applied(object) => {
                let metadata = &object.metadata;
                let Some(key) = object::Key::of(metadata).map(key) else {
                    continue;
                };
                plane.inventory.object_seen(&key);
                let is_ours = plane.shared.memory.takes_import(&key);
                let lane = if is_ours { Lane::Bulk } else { Lane::Edit };
                look(plane, key, metadata, lane);
            }
            WatchEvent::Listed(object) => {
                let metadata = &object.metadata;
                let Some(key) = object::Key::of(metadata).map(key) else {
                    continue;
                };
                let binding = binding(&object.status);
                plane.look_at(plane.inventory.object_listed(&key, binding));
                if !is_own_write(plane, &key, metadata) {
                    plane.expect_build(&key, &object.status);
                }
                look(plane, key, metadata, lane(metadata, &object.status));
            }
            WatchEvent::Deleted { key: gone, .. } => {
                let key = key(gone);
                plane.look_at(plane.inventory.object_gone(&key));
                plane.shared.memory.forget(&key);
                plane.shared.references.forget(&key);
                plane.backoff.went_well(&key);
                // A worker that has it in hand takes it for present once more; a last look mends that.
                plane.queue.add(key, Lane::Bulk);
            }
            WatchEvent::Synced => {
                plane.shared.progressed(|progress| {
                    progress.watches.entry(kind).or_default().is_synced = true;
                });
            }
        }
    }
}

fn look(plane: &ControlPlane, key: Key, metadata: &ObjectMeta, lane: Lane) {
    if !is_own_write(plane, &key, metadata) {
        plane.queue.add(key, lane);
    }
}

fn is_own_write(plane: &ControlPlane, key: &Key, metadata: &ObjectMeta) -> bool {
    let version = metadata.resource_version.as_deref().unwrap_or_default();
    plane.shared.memory.is_own_write(key, version)
}

/// The external object that a listed object is bound to.
fn binding(status: &Value) -> Option<Uuid> {
    let id = status.pointer("/binding/id")?;
    id.as_str()?.parse().ok()
}

/// What a list shows comes in bulk, except where it was changed and nobody has acted on that.
fn lane(metadata: &ObjectMeta, status: &Value) -> Lane {
    let is_observed = status["observedGeneration"].as_i64() == metadata.generation;
    let has_conditions = status["conditions"]
        .as_array()
        .is_some_and(|it| !it.is_empty());
    let annotations = metadata.annotations.as_ref();
    let asked = annotations.and_then(|it| it.get(ANNOTATION_RECONCILE_REQUESTED_AT));
    let is_answered = status["lastHandledReconcileAt"].as_str() == asked.map(String::as_str);
    let is_settled = is_observed && has_conditions && (asked.is_none() || is_answered);
    if is_settled && metadata.deletion_timestamp.is_none() {
        Lane::Bulk
    } else {
        Lane::Edit
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use serde_json::json;

    use super::*;

    fn settled() -> (ObjectMeta, Value) {
        let metadata = ObjectMeta {
            generation: Some(3),
            ..ObjectMeta::default()
        };
        let status = json!({
            "observedGeneration": 3,
            "conditions": [{"type": "Ready"}],
            "lastHandledReconcileAt": "1",
            "binding": {"id": "00000000-0000-0000-0000-000000000001"},
        });
        (metadata, status)
    }

    #[test]
    fn what_a_list_shows_comes_in_bulk_except_where_somebody_waits() {
        let (metadata, status) = settled();
        assert_eq!(lane(&metadata, &status), Lane::Bulk);
        for (field, value) in [
            ("observedGeneration", json!(2)),
            ("observedGeneration", Value::Null),
            ("conditions", json!([])),
            ("conditions", json!("odd")),
        ] {
            let mut status = status.clone();
            status[field] = value;
            assert_eq!(lane(&metadata, &status), Lane::Edit, "{status}");
        }
        assert_eq!(lane(&metadata, &Value::Null), Lane::Edit);
        for (asked, expected) in [("1", Lane::Bulk), ("2", Lane::Edit)] {
            let annotation = (
                ANNOTATION_RECONCILE_REQUESTED_AT.to_owned(),
                asked.to_owned(),
            );
            let metadata = ObjectMeta {
                annotations: Some([annotation].into()),
                ..metadata.clone()
            };
            assert_eq!(lane(&metadata, &status), expected);
        }
        let leaving = ObjectMeta {
            deletion_timestamp: Some(Time(jiff::Timestamp::UNIX_EPOCH)),
            ..metadata
        };
        assert_eq!(lane(&leaving, &status), Lane::Edit);
    }

    #[test]
    fn a_binding_is_read_from_any_status() {
        assert_eq!(binding(&settled().1), Some(Uuid::from_u128(1)));
        for status in [
            Value::Null,
            json!({"binding": 3}),
            json!({"binding": {"id": "x"}}),
        ] {
            assert_eq!(binding(&status), None);
        }
    }
}
