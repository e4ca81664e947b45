//! What all control planes share.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OnceCell, Semaphore, watch};

use super::{
    home::Home,
    key::Key,
    kinds::Kinds,
    memory::Memory,
    progress::{Progress, Readiness},
    queue::Lane,
    references::References,
    router::Router,
    settings::Settings,
    variables_key,
};
use crate::{
    api::{template::CoderTemplate, workspace::CoderWorkspace},
    k8s::{
        event::EventRecorder,
        object::{self, Objects},
    },
    sync::template::variables::VariablesKey,
};

/// What all control planes share: the side of Kubernetes.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) workspaces: Objects<CoderWorkspace>,
    pub(super) templates: Objects<CoderTemplate>,
    pub(super) events: EventRecorder,
    pub(super) router: Router,
    pub(super) kinds: Kinds,
    pub(super) memory: Memory,
    pub(super) references: References,
    variables_key: OnceCell<VariablesKey>,
    /// How many archives may be read at once: downloads take long, and leave workers for others.
    pub(super) reading: Semaphore,
    /// The objects that workers have in hand: one that moves from home to home is in one worker all the same.
    in_hand: Mutex<HashSet<Key>>,
    progress: Mutex<Progress>,
    readiness: watch::Sender<Readiness>,
}

impl Shared {
    pub(super) fn new(settings: Settings, readiness: watch::Sender<Readiness>) -> Self {
        let nowhere = object::Key::new("", "");
        let nowhere = Arc::new(Home::of(nowhere, settings.seed, settings.max_active_builds));
        let progress = Progress::new(&settings.watched(), settings.fixed.is_some());
        Self {
            workspaces: Objects::new(settings.kube.clone()),
            templates: Objects::new(settings.kube.clone()),
            events: EventRecorder::new(settings.kube.clone(), &settings.instance),
            router: Router::new(nowhere),
            kinds: Kinds::default(),
            memory: Memory::default(),
            references: References::default(),
            variables_key: OnceCell::new(),
            reading: Semaphore::new(settings.workers.div_ceil(2)),
            in_hand: Mutex::default(),
            progress: Mutex::new(progress),
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

    /// Whether all objects of `kind` in `namespace` are known.
    pub(super) fn is_watching(&self, kind: &str, namespace: &str) -> bool {
        self.progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_watching(kind, namespace)
    }

    /// What the objects `keys` waited for is there.
    pub(super) fn look_at(&self, keys: Vec<Key>) {
        for key in keys {
            self.router.look(key, Lane::Due);
        }
    }

    /// The object is gone: nothing is remembered of it. Gives back where it was at home.
    pub(super) fn object_gone(&self, key: &Key) -> Option<Arc<Home>> {
        self.memory.forget(key);
        self.references.forget(key);
        self.router.forget(key)
    }

    /// Takes an object, or what is to become one, for a worker alone; none where another one has it.
    pub(super) fn take_in_hand<'a>(&'a self, key: &'a Key) -> Option<InHand<'a>> {
        let is_free = self.hands().insert(key.clone());
        is_free.then_some(InHand { shared: self, key })
    }

    fn hands(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a worker has in hand, until this is dropped.
pub(super) struct InHand<'a> {
    shared: &'a Shared,
    key: &'a Key,
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.shared.hands().remove(self.key);
    }
}
