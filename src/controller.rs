//! The loop around the core: watch Kubernetes, sweep coderd, and for each object that changed on
//! either side observe → plan → act → report.
//!
//! Nothing here decides; `sync` does. What this module guarantees: one object is in one worker at a
//! time, both sides are read live before each effect, each effect is a step of its own, and a record
//! that an effect relies on is in `status` before the effect is sent.

mod admission;
mod attempt;
mod backoff;
mod cache;
mod control_plane;
mod crds;
mod deployment;
mod directory;
mod discovery;
mod external_client;
mod failure;
mod following;
mod home;
mod import;
mod inventory;
mod job;
mod key;
mod kinds;
mod memory;
pub mod metrics;
mod observation;
mod observe;
mod outcome;
mod parts;
mod places;
mod progress;
mod queue;
mod recall;
mod reconcile;
mod references;
mod router;
mod running;
mod scope;
mod secret_value;
mod settings;
mod shared;
#[cfg(test)]
mod stage;
mod sweep;
mod template;
mod variables_key;
mod watching;
mod work;
mod workspace;
mod write;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use self::{control_plane::ControlPlane, parts::Parts, shared::Shared};
pub use self::{
    progress::Readiness,
    settings::{Connect, FixedControlPlane, Imports, Settings},
};
use crate::coderd::UrlError;

/// How often the controller gives a sign of life.
pub const BEAT: Duration = Duration::from_secs(5);

/// Runs until `stop`; then each worker ends the step that it is at.
pub async fn run(
    settings: Settings,
    readiness: watch::Sender<Readiness>,
    alive: watch::Sender<Instant>,
    stop: CancellationToken,
) -> Result<(), UrlError> {
    let shared = Arc::new(Shared::new(settings, readiness));
    let mut planes = vec![ControlPlane::nowhere(Arc::clone(&shared))?];
    if let Some(fixed) = &shared.settings.fixed {
        let (place, client) = (fixed.place(), fixed.client.clone());
        let plane = ControlPlane::new(Arc::clone(&shared), place, client);
        plane.found();
        planes.push(plane);
    }

    let mut parts = Parts::new(stop.clone(), shared.settings.seed_of("controller"));
    for namespace in shared.settings.watched() {
        let (shared, of) = (Arc::clone(&shared), namespace.clone());
        parts.droppable("watch of workspaces", move || {
            watching::workspaces(Arc::clone(&shared), of.clone())
        });
    }
    for namespace in shared.settings.watched() {
        let shared = Arc::clone(&shared);
        parts.droppable("watch of templates", move || {
            watching::templates(Arc::clone(&shared), namespace.clone())
        });
    }
    if shared.settings.discovers {
        let shared = Arc::clone(&shared);
        parts.orderly("discovery", move |stop| {
            discovery::run(Arc::clone(&shared), stop)
        });
    } else {
        let _count = shared.router.all_are_known();
    }
    let followed = Arc::clone(&shared);
    parts.droppable("watch of what is referred to", move || {
        following::run(Arc::clone(&followed))
    });
    let beating = Arc::clone(&shared);
    parts.droppable("beat", move || beat(Arc::clone(&beating), alive.clone()));
    // Before anything is written: a CRD that lacks fields refuses it.
    stop.run_until_cancelled(crds::compare(&shared)).await;
    parts.droppable("comparison of CRDs", move || crds::run(Arc::clone(&shared)));
    for plane in planes.into_iter().map(Arc::new) {
        parts.orderly("control plane", move |stop| {
            running::run(Arc::clone(&plane), stop)
        });
    }
    parts.run().await;
    Ok(())
}

/// Gives a sign of life for as long as tasks get their turn and every lock is let go.
async fn beat(shared: Arc<Shared>, alive: watch::Sender<Instant>) {
    loop {
        for home in shared.router.homes() {
            let _objects = home.inventory.count();
            let _depth = home.queue.depth(queue::Lane::Bulk);
        }
        let _ready = shared.is_watching("any", "any");
        alive.send_replace(Instant::now());
        sleep(BEAT).await;
    }
}
