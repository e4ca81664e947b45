//! What the controller remembers of an object between two looks. All of it may be lost: it only saves
//! work or makes the next look come at a better time.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

use super::key::Key;
use crate::sync::rules::damper::{Correction, Damper};

#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<Key, Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    /// The last state of coderd, and since when it has been seen so.
    look: Option<(String, Instant)>,
    /// Since when it has been seen being deleted.
    leaving_since: Option<Instant>,
    /// The resourceVersion of our own last write.
    written: Option<String>,
    /// Whether an import of ours is making it.
    is_import: bool,
    /// Whether it was told that field ownership was reset.
    told_of_reset: bool,
    /// What was put back of late.
    damper: Damper,
    /// The name and the id of the version that was made last: one without a template is found by its
    /// name only among the jobs, which the token may not be allowed to read.
    version: Option<(String, Uuid)>,
}

impl Memory {
    /// For how long the state that is summed up in `look` has been seen.
    pub(super) fn stable_for(&self, key: &Key, look: &str) -> Duration {
        let mut objects = self.lock();
        let remembered = objects.entry(key.clone()).or_default();
        match &remembered.look {
            Some((known, since)) if known == look => since.elapsed(),
            _ => {
                remembered.look = Some((look.to_owned(), Instant::now()));
                Duration::ZERO
            }
        }
    }

    /// For how long the object has been seen being deleted.
    pub(super) fn leaving_for(&self, key: &Key) -> Duration {
        let mut objects = self.lock();
        let since = &mut objects.entry(key.clone()).or_default().leaving_since;
        since.get_or_insert_with(Instant::now).elapsed()
    }

    /// How often values of the object were put back of late.
    pub(super) fn damper(&self, key: &Key) -> Damper {
        let objects = self.lock();
        let known = objects.get(key).map(|known| known.damper.clone());
        known.unwrap_or_default()
    }

    /// A value was put back.
    pub(super) fn corrected(&self, key: &Key, correction: Correction, now: Timestamp) {
        let mut objects = self.lock();
        let remembered = objects.entry(key.clone()).or_default();
        remembered.damper.corrected(correction, now);
    }

    /// A version was made, called `name`.
    pub(super) fn made(&self, key: &Key, name: String, id: Uuid) {
        let mut objects = self.lock();
        objects.entry(key.clone()).or_default().version = Some((name, id));
    }

    /// The name and the id of the version that was made last.
    pub(super) fn made_version(&self, key: &Key) -> Option<(String, Uuid)> {
        self.lock().get(key)?.version.clone()
    }

    /// We wrote the object, which has `resource_version` now.
    pub(super) fn wrote(&self, key: &Key, resource_version: &str) {
        self.lock().entry(key.clone()).or_default().written = Some(resource_version.to_owned());
    }

    /// Whether `resource_version` is what we wrote last: its watch event tells nothing new.
    pub(super) fn is_own_write(&self, key: &Key, resource_version: &str) -> bool {
        let objects = self.lock();
        objects.get(key).and_then(|known| known.written.as_deref()) == Some(resource_version)
    }

    /// An import is about to make the object.
    pub(super) fn imports(&self, key: &Key) {
        self.lock().entry(key.clone()).or_default().is_import = true;
    }

    /// Whether an import of ours made the object, so that nobody waits for it; once.
    pub(super) fn takes_import(&self, key: &Key) -> bool {
        let mut objects = self.lock();
        let known = objects.get_mut(key);
        known.is_some_and(|known| std::mem::take(&mut known.is_import))
    }

    /// Whether the reset of the object's field ownership is still to be told; once.
    pub(super) fn is_news(&self, key: &Key) -> bool {
        let mut objects = self.lock();
        let told = &mut objects.entry(key.clone()).or_default().told_of_reset;
        !std::mem::replace(told, true)
    }

    /// Forgets an object that is gone.
    pub(super) fn forget(&self, key: &Key) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
