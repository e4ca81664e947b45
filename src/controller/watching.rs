//! From watch events to keys in the queue.

use std::sync::Arc;

use futures::{Stream, StreamExt, pin_mut};

use tokio::sync::watch::Receiver;

use super::{Controller, Key, queue::Lane};
use crate::{
    api::{template::CoderTemplate, workspace::CoderWorkspace},
    k8s::watch::{self, Health, Options, WatchEvent, Watched},
};

/// Watches the workspaces of the namespace.
pub(super) async fn workspaces(controller: Arc<Controller>) {
    run::<CoderWorkspace>(&controller, "CoderWorkspace", Key::Workspace).await;
}

/// Watches the templates of the namespace.
pub(super) async fn templates(controller: Arc<Controller>) {
    run::<CoderTemplate>(&controller, "CoderTemplate", Key::Template).await;
}

async fn run<K: Watched>(controller: &Controller, kind: &'static str, key: fn(String) -> Key) {
    let settings = &controller.settings;
    let metrics = settings.metrics.clone();
    let options = Options {
        namespace: Some(settings.namespace.clone()),
        labels: None,
        fields: None,
        // Each watch jitters by itself.
        seed: kind.bytes().fold(settings.seed, |seed, byte| {
            seed.rotate_left(8) ^ u64::from(byte)
        }),
    };
    let (events, health) = watch::watch::<K, _>(settings.kube.clone(), &options, move |_| {
        metrics.watch_failed();
    });
    let take_in = take_in(controller, kind, key, events);
    let follow = follow(controller, kind, health);
    futures::join!(take_in, follow);
}

/// How the watch of `kind` is doing counts for readiness.
async fn follow(controller: &Controller, kind: &'static str, mut health: Receiver<Health>) {
    while health.changed().await.is_ok() {
        let now = *health.borrow_and_update();
        controller.progressed(|progress| progress.watches.entry(kind).or_default().health = now);
    }
}

/// What the watch tells becomes work.
async fn take_in<K: Watched>(
    controller: &Controller,
    kind: &'static str,
    key: fn(String) -> Key,
    events: impl Stream<Item = WatchEvent<K>>,
) {
    pin_mut!(events);
    while let Some(event) = events.next().await {
        match event {
            WatchEvent::Applied(object) => {
                let metadata = &object.metadata;
                let Some(name) = metadata.name.clone() else {
                    continue;
                };
                let key = key(name);
                controller.inventory.object_seen(&key);
                let version = metadata.resource_version.as_deref().unwrap_or_default();
                if !controller.memory.is_own_write(&key, version) {
                    controller.queue.add(key, Lane::Edit);
                }
            }
            WatchEvent::Deleted { key: gone, .. } => {
                let key = key(gone.name);
                controller.look_at(controller.inventory.object_gone(&key));
                controller.memory.forget(&key);
                // A worker that has it in hand takes it for present once more; a last look mends that.
                controller.queue.add(key, Lane::Sweep);
            }
            WatchEvent::Synced => {
                controller.progressed(|progress| {
                    progress.watches.entry(kind).or_default().is_synced = true;
                });
            }
        }
    }
}
