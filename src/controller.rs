//! The loop around the core: watch Kubernetes, sweep coderd, and for each object that changed on
//! either side observe → plan → act → report.
//!
//! Nothing here decides; `sync` does. What this module guarantees: one object is in one worker at a
//! time, both sides are read live before each effect, each effect is a step of its own, and a record
//! that an effect relies on is in `status` before the effect is sent.

mod attempt;
mod deployment;
mod directory;
mod external_client;
mod failure;
pub mod import;
mod inventory;
mod kinds;
mod memory;
pub mod metrics;
mod outcome;
mod progress;
mod queue;
mod recall;
mod reconcile;
mod scope;
#[cfg(test)]
mod stage;
mod sweep;
mod template;
mod watching;
mod work;
mod workspace;
mod write;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use self::{
    deployment::Deployments,
    directory::Directory,
    import::Imports,
    inventory::Inventory,
    kinds::Kinds,
    memory::Memory,
    metrics::Metrics,
    progress::{KINDS, Progress},
    queue::Queue,
};
use crate::{
    api::{template::CoderTemplate, workspace::CoderWorkspace},
    coderd,
    k8s::{clock::Clock, event::EventRecorder, object::Objects},
    sync::{build_wait::BuildWait, rules::mass_deletion::Deletions},
};

/// What the controller runs with.
pub struct Settings {
    /// The connection to the one coderd.
    pub coderd: coderd::Client,
    /// The connection to the API server.
    pub kube: kube::Client,
    /// The namespace whose objects belong to that coderd.
    pub namespace: String,
    /// How long a request to coderd may be under way.
    pub request_timeout: Duration,
    /// The shortest time between two sweeps.
    pub sweep_interval: Duration,
    /// What is imported.
    pub imports: Imports,
    /// How many objects are worked on at once.
    pub workers: usize,
    /// How long and how often a template build is waited for.
    pub build_wait: BuildWait,
    /// What time it is.
    pub clock: Clock,
    /// Where jitter comes from.
    pub seed: u64,
    /// The name of this instance, in Events.
    pub instance: String,
    /// What is measured.
    pub metrics: Metrics,
}

impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// coderd may be out of observed for so long before anybody is told: a restart takes less.
const PATIENCE: Duration = Duration::from_secs(60);
/// Or for so many sweeps, where they come often.
const PATIENCE_IN_SWEEPS: u32 = 4;

impl Settings {
    /// How long coderd may fail before an object says so that was in step with it.
    fn patience(&self) -> Duration {
        PATIENCE.min(self.sweep_interval.saturating_mul(PATIENCE_IN_SWEEPS))
    }
}

/// How often the controller gives a sign of life.
pub const BEAT: Duration = Duration::from_secs(5);

/// Whether the controller can do its work, or what it waits for.
pub type Readiness = Result<(), String>;

/// Everything that the parts of the controller share.
struct Controller {
    settings: Settings,
    workspaces: Objects<CoderWorkspace>,
    templates: Objects<CoderTemplate>,
    events: EventRecorder,
    queue: Queue<Key>,
    inventory: Inventory,
    directory: Directory,
    kinds: Kinds,
    deployments: Deployments,
    memory: Memory,
    /// Of external objects in coderd.
    deletions: Mutex<Deletions<Key>>,
    /// Of objects whose external objects were renamed or are gone.
    removals: Mutex<Deletions<Key>>,
    /// How many archives may be read at once: downloads take long, and leave workers for others.
    reading: Semaphore,
    progress: Mutex<Progress>,
    readiness: watch::Sender<Readiness>,
}

impl Controller {
    fn new(settings: Settings, readiness: watch::Sender<Readiness>) -> Self {
        Self {
            workspaces: Objects::new(settings.kube.clone()),
            templates: Objects::new(settings.kube.clone()),
            events: EventRecorder::new(settings.kube.clone(), &settings.instance),
            queue: Queue::default(),
            inventory: Inventory::default(),
            directory: Directory::default(),
            kinds: Kinds::default(),
            deployments: Deployments::default(),
            memory: Memory::new(settings.seed),
            deletions: Mutex::default(),
            removals: Mutex::default(),
            reading: Semaphore::new(settings.workers.div_ceil(2)),
            progress: Mutex::default(),
            readiness,
            settings,
        }
    }

    /// Takes event of progress, and of what it means for readiness.
    fn progressed(&self, event: impl FnOnce(&mut Progress)) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        event(&mut progress);
        let _previous = self.readiness.send_replace(progress.readiness());
    }

    /// Whether all objects of `kind` are known.
    fn is_watching(&self, kind: &str) -> bool {
        self.progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_watching(kind)
    }
}

/// What a worker looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// The workspace object of this name.
    Workspace(String),
    /// The template object of this name.
    Template(String),
    /// The workspace in coderd of this id, which has no object.
    ImportWorkspace(uuid::Uuid),
    /// The template in coderd of this id, which has no object.
    ImportTemplate(uuid::Uuid),
}

/// Runs until `stop`; then each worker ends the step that it is at.
pub async fn run(
    settings: Settings,
    readiness: watch::Sender<Readiness>,
    alive: watch::Sender<Instant>,
    stop: CancellationToken,
) -> Result<(), tokio::task::JoinError> {
    let workers = settings.workers;
    let controller = Arc::new(Controller::new(settings, readiness));
    let mut parts = JoinSet::new();
    parts.spawn(until(
        stop.clone(),
        watching::workspaces(Arc::clone(&controller)),
    ));
    parts.spawn(until(
        stop.clone(),
        watching::templates(Arc::clone(&controller)),
    ));
    parts.spawn(until(stop.clone(), sweep::run(Arc::clone(&controller))));
    parts.spawn(until(stop.clone(), beat(Arc::clone(&controller), alive)));
    // Before anything is written: a CRD that lacks fields refuses it.
    stop.run_until_cancelled(kinds::compare(&controller)).await;
    parts.spawn(until(stop.clone(), kinds::run(Arc::clone(&controller))));
    for _ in 0..workers {
        parts.spawn(work::run(Arc::clone(&controller), stop.clone()));
    }
    while let Some(ended) = parts.join_next().await {
        ended?;
    }
    Ok(())
}

/// Gives a sign of life for as long as tasks get their turn and every lock is let go.
async fn beat(controller: Arc<Controller>, alive: watch::Sender<Instant>) {
    loop {
        let _objects = controller.inventory.count();
        let _depth = controller.queue.depth(queue::Lane::Bulk);
        let _session = controller.deployments.get();
        let _ready = controller.is_watching(KINDS[0]);
        alive.send_replace(Instant::now());
        tokio::time::sleep(BEAT).await;
    }
}

/// Runs `part`, which may be dropped at any await, until `stop`.
async fn until(stop: CancellationToken, part: impl Future<Output = ()>) {
    stop.run_until_cancelled(part).await;
}
