//! From watch events to keys in the queue.

use std::sync::Arc;

use futures::{Stream, StreamExt, pin_mut};
use kube::core::ObjectMeta;
use serde_json::Value;
use tokio::sync::watch::Receiver;

use super::{
    key::Key, progress::Watching, queue::Lane, router::belonging::Belonging, shared::Shared,
};
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

/// Watches the workspaces of `namespace`, or of all.
pub(super) async fn workspaces(shared: Arc<Shared>, namespace: Option<String>) {
    run::<CoderWorkspace>(&shared, namespace, "CoderWorkspace", Key::Workspace).await;
}

/// Watches the templates of `namespace`, or of all.
pub(super) async fn templates(shared: Arc<Shared>, namespace: Option<String>) {
    run::<CoderTemplate>(&shared, namespace, "CoderTemplate", Key::Template).await;
}

async fn run<K: Watched>(
    shared: &Shared,
    namespace: Option<String>,
    kind: &'static str,
    key: fn(object::Key) -> Key,
) {
    let settings = &shared.settings;
    let metrics = settings.metrics.clone();
    // Each watch jitters by itself.
    let seed = settings.seed_of(&format!("{namespace:?} {kind}"));
    let watched = (kind, namespace.clone());
    let options = Options {
        namespace,
        labels: None,
        fields: None,
        seed,
    };
    let (events, health) = watch::watch::<K, _>(settings.kube.clone(), &options, move |_| {
        metrics.watch_failed();
    });
    let take_in = take_in(shared, &watched, key, events);
    let follow = follow(shared, &watched, health);
    futures::join!(take_in, follow);
}

/// How the watch is doing counts for readiness.
async fn follow(shared: &Shared, watched: &Watching, mut health: Receiver<Health>) {
    while health.changed().await.is_ok() {
        let now = *health.borrow_and_update();
        shared.progressed(|progress| progress.watch(watched).health = now);
    }
}

/// What the watch tells becomes work.
async fn take_in<K: Watched>(
    shared: &Shared,
    watched: &Watching,
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
                let Some(home) = shared.router.meet(&key) else {
                    continue;
                };
                home.inventory.object_seen(&key);
                let is_ours = shared.memory.takes_import(&key);
                if !is_own_write(shared, &key, metadata) {
                    let lane = if is_ours { Lane::Bulk } else { Lane::Edit };
                    home.queue.add(key, lane);
                }
            }
            WatchEvent::Listed(object) => {
                let (metadata, status) = (&object.metadata, &object.status);
                let Some(key) = object::Key::of(metadata).map(key) else {
                    continue;
                };
                let belonging = Belonging::listed(status);
                let external = belonging.external;
                let Some(home) = shared.router.learn(&key, belonging) else {
                    continue;
                };
                home.look_at(home.inventory.object_listed(&key, external));
                if !is_own_write(shared, &key, metadata) {
                    home.expect_build(&key, status);
                    home.queue.add(key, lane(metadata, status));
                }
            }
            WatchEvent::Deleted { key: gone, .. } => {
                let key = key(gone);
                let home = shared.object_gone(&key);
                if let Some(home) = home {
                    home.leave(&key);
                    // A worker that has it in hand takes it for present once more; a last look mends that.
                    home.queue.add(key, Lane::Bulk);
                }
            }
            WatchEvent::Synced => {
                shared.progressed(|progress| progress.watch(watched).is_synced = true);
            }
        }
    }
}

fn is_own_write(shared: &Shared, key: &Key, metadata: &ObjectMeta) -> bool {
    let version = metadata.resource_version.as_deref().unwrap_or_default();
    shared.memory.is_own_write(key, version)
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
}
