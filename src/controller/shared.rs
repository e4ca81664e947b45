//! What all control planes share.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{OnceCell, Semaphore, watch};

use super::{
    kinds::Kinds,
    memory::Memory,
    progress::{Progress, Readiness},
    references::References,
    settings::Settings,
    variables_key,
};
use crate::{
    api::{template::CoderTemplate, workspace::CoderWorkspace},
    k8s::{event::EventRecorder, object::Objects},
    sync::template::variables::VariablesKey,
};

/// What all control planes share: the side of Kubernetes.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) workspaces: Objects<CoderWorkspace>,
    pub(super) templates: Objects<CoderTemplate>,
    pub(super) events: EventRecorder,
    pub(super) kinds: Kinds,
    pub(super) memory: Memory,
    pub(super) references: References,
    variables_key: OnceCell<VariablesKey>,
    /// How many archives may be read at once: downloads take long, and leave workers for others.
    pub(super) reading: Semaphore,
    progress: Mutex<Progress>,
    readiness: watch::Sender<Readiness>,
}

impl Shared {
    pub(super) fn new(settings: Settings, readiness: watch::Sender<Readiness>) -> Self {
        Self {
            workspaces: Objects::new(settings.kube.clone()),
            templates: Objects::new(settings.kube.clone()),
            events: EventRecorder::new(settings.kube.clone(), &settings.instance),
            kinds: Kinds::default(),
            memory: Memory::default(),
            references: References::default(),
            variables_key: OnceCell::new(),
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
}
