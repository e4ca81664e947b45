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
mod external_client;
mod failure;
mod following;
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
mod places;
mod progress;
mod queue;
mod recall;
mod reconcile;
mod references;
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

use tokio::{sync::watch, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use self::{control_plane::ControlPlane, progress::KINDS, shared::Shared};
pub use self::{
    progress::Readiness,
    settings::{FixedControlPlane, Imports, Settings},
};

/// How often the controller gives a sign of life.
pub const BEAT: Duration = Duration::from_secs(5);

/// Runs until `stop`; then each worker ends the step that it is at.
pub async fn run(
    settings: Settings,
    readiness: watch::Sender<Readiness>,
    alive: watch::Sender<Instant>,
    stop: CancellationToken,
) -> Result<(), tokio::task::JoinError> {
    let workers = settings.workers;
    let shared = Arc::new(Shared::new(settings, readiness));
    let plane = Arc::new(ControlPlane::fixed(shared));
    let mut parts = JoinSet::new();
    parts.spawn(until(
        stop.clone(),
        watching::workspaces(Arc::clone(&plane)),
    ));
    parts.spawn(until(stop.clone(), watching::templates(Arc::clone(&plane))));
    parts.spawn(until(stop.clone(), sweep::run(Arc::clone(&plane))));
    parts.spawn(until(stop.clone(), following::run(Arc::clone(&plane))));
    parts.spawn(until(stop.clone(), beat(Arc::clone(&plane), alive)));
    // Before anything is written: a CRD that lacks fields refuses it.
    stop.run_until_cancelled(crds::compare(&plane)).await;
    parts.spawn(until(stop.clone(), crds::run(Arc::clone(&plane))));
    for _ in 0..workers {
        parts.spawn(work::run(Arc::clone(&plane), stop.clone()));
    }
    while let Some(ended) = parts.join_next().await {
        ended?;
    }
    Ok(())
}

/// Gives a sign of life for as long as tasks get their turn and every lock is let go.
async fn beat(plane: Arc<ControlPlane>, alive: watch::Sender<Instant>) {
    loop {
        let _objects = plane.inventory.count();
        let _depth = plane.queue.depth(queue::Lane::Bulk);
        let _session = plane.deployments.get();
        let _ready = plane.shared.is_watching(KINDS[0]);
        alive.send_replace(Instant::now());
        tokio::time::sleep(BEAT).await;
    }
}

/// Runs `part`, which may be dropped at any await, until `stop`.
async fn until(stop: CancellationToken, part: impl Future<Output = ()>) {
    stop.run_until_cancelled(part).await;
}
