//! What the parts of the controller share.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{OnceCell, Semaphore, watch};

use super::{
    backoff::Backoff,
    cache::Contents,
    deployment::Deployments,
    directory::Directory,
    inventory::Inventory,
    key::Key,
    kinds::Kinds,
    memory::Memory,
    progress::{Progress, Readiness},
    queue::{Lane, Queue},
    references::References,
    settings::Settings,
    variables_key,
};
use crate::{
    api::{template::CoderTemplate, workspace::CoderWorkspace},
    k8s::{event::EventRecorder, object::Objects},
    sync::{
        rules::{build_limit::BuildLimit, mass_deletion::Deletions},
        template::variables::VariablesKey,
    },
};

/// Everything that the parts of the controller share.
pub(super) struct Controller {
    pub(super) settings: Settings,
    pub(super) workspaces: Objects<CoderWorkspace>,
    pub(super) templates: Objects<CoderTemplate>,
    pub(super) events: EventRecorder,
    pub(super) queue: Queue<Key>,
    pub(super) inventory: Inventory,
    pub(super) directory: Directory,
    pub(super) kinds: Kinds,
    pub(super) deployments: Deployments,
    pub(super) backoff: Backoff,
    pub(super) contents: Contents,
    pub(super) memory: Memory,
    pub(super) references: References,
    variables_key: OnceCell<VariablesKey>,
    /// Of external objects in coderd.
    pub(super) deletions: Mutex<Deletions<Key>>,
    /// Of objects whose external objects were renamed or are gone.
    pub(super) removals: Mutex<Deletions<Key>>,
    /// Of workspaces in coderd.
    pub(super) build_limit: Mutex<BuildLimit<Key>>,
    /// How many archives may be read at once: downloads take long, and leave workers for others.
    pub(super) reading: Semaphore,
    pub(super) progress: Mutex<Progress>,
    pub(super) readiness: watch::Sender<Readiness>,
}

impl Controller {
    pub(super) fn new(settings: Settings, readiness: watch::Sender<Readiness>) -> Self {
        Self {
            workspaces: Objects::new(settings.kube.clone()),
            templates: Objects::new(settings.kube.clone()),
            events: EventRecorder::new(settings.kube.clone(), &settings.instance),
            queue: Queue::default(),
            inventory: Inventory::default(),
            directory: Directory::default(),
            kinds: Kinds::default(),
            deployments: Deployments::default(),
            backoff: Backoff::new(settings.seed),
            contents: Contents::default(),
            memory: Memory::default(),
            references: References::default(),
            variables_key: OnceCell::new(),
            deletions: Mutex::default(),
            removals: Mutex::default(),
            build_limit: Mutex::new(BuildLimit::new(settings.max_active_builds)),
            reading: Semaphore::new(settings.workers.div_ceil(2)),
            progress: Mutex::default(),
            readiness,
            settings,
        }
    }

    /// The key under which values of variables are digested, once it is known; else what is missing.
    pub(super) async fn variables_key(&self) -> Result<&VariablesKey, String> {
        let obtain = || variables_key::obtain(&self.settings);
        self.variables_key.get_or_try_init(obtain).await
    }

    /// Takes event of progress, and of what it means for readiness.
    pub(super) fn progressed(&self, event: impl FnOnce(&mut Progress)) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        event(&mut progress);
        let _previous = self.readiness.send_replace(progress.readiness());
    }

    /// Whether all objects of `kind` are known.
    pub(super) fn is_watching(&self, kind: &str) -> bool {
        self.progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_watching(kind)
    }

    /// What may be seen of coderd has changed: every object looks for itself.
    pub(super) fn look_at_everything(&self) {
        for key in self.inventory.objects() {
            self.queue.add(key, Lane::Bulk);
        }
    }

    /// What the objects `keys` waited for is there.
    pub(super) fn look_at(&self, keys: Vec<Key>) {
        for key in keys {
            self.queue.add(key, Lane::Due);
        }
    }
}
