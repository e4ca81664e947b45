//! From watch events to keys in the queue.

use std::sync::Arc;

use futures::{StreamExt, pin_mut};

use super::{Controller, Key, queue::Lane};
use crate::{
    api::{template::CoderTemplate, workspace::CoderWorkspace},
    k8s::watch::{self, Options, WatchEvent, Watched},
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
    let (events, _) = watch::watch::<K, _>(settings.kube.clone(), &options, move |_| {
        metrics.watch_failed();
    });
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
                    progress.synced.insert(kind);
                });
            }
        }
    }
}
