//! What the controller remembers of an object between two looks. All of it may be lost: it only saves
//! work or makes the next look come at a better time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

use super::key::Key;
use crate::sync::{
    rules::damper::{Correction, Damper},
    source::Content,
    template::external::Unreadable,
};

/// The shortest wait after a failure.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// The longest one.
const LAST_DELAY: Duration = Duration::from_secs(60);
/// How many contents of versions are kept.
const CONTENTS: usize = 8;
/// The largest one that is kept, in bytes.
const CONTENT_BYTES: usize = 2 << 20;

/// The content of a version, or why it cannot be read.
pub(super) type SharedContent = Arc<Result<Content, Unreadable>>;

#[derive(Debug)]
pub(super) struct Memory {
    objects: Mutex<HashMap<Key, Remembered>>,
    contents: Mutex<Vec<(Uuid, SharedContent)>>,
    jitter: Mutex<fastrand::Rng>,
}

#[derive(Debug, Default)]
struct Remembered {
    /// The last state of coderd, and since when it has been seen so.
    look: Option<(String, Instant)>,
    /// Failures in a row.
    failures: u32,
    /// Since when coderd could not be seen, or did not do its part.
    unseen_since: Option<Instant>,
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
    pub(super) fn new(seed: u64) -> Self {
        Self {
            objects: Mutex::default(),
            contents: Mutex::default(),
            jitter: Mutex::new(fastrand::Rng::with_seed(seed)),
        }
    }

    /// For how long the state that is summed up in `look` has been seen.
    pub(super) fn stable_for(&self, key: &Key, look: &str) -> Duration {
        let mut objects = lock(&self.objects);
        let remembered = objects.entry(key.clone()).or_default();
        match &remembered.look {
            Some((known, since)) if known == look => since.elapsed(),
            _ => {
                remembered.look = Some((look.to_owned(), Instant::now()));
                Duration::ZERO
            }
        }
    }

    /// For how long coderd has not been seen for the object, or not done its part: from now on, if it
    /// was before.
    pub(super) fn unseen_for(&self, key: &Key) -> Duration {
        let mut objects = lock(&self.objects);
        let remembered = objects.entry(key.clone()).or_default();
        remembered
            .unseen_since
            .get_or_insert_with(Instant::now)
            .elapsed()
    }

    /// The objects for which coderd has not been seen since.
    pub(super) fn unseen(&self) -> Vec<Key> {
        let objects = lock(&self.objects);
        let unseen = objects
            .iter()
            .filter(|(_, known)| known.unseen_since.is_some());
        unseen.map(|(key, _)| key.clone()).collect()
    }

    /// How long to wait after another failure: doubling up to `longest`, with jitter, never less than
    /// `asked`. What many are asked for at once comes spread out.
    pub(super) fn failed(
        &self,
        key: &Key,
        asked: Option<Duration>,
        longest: Option<Duration>,
    ) -> Duration {
        let mut objects = lock(&self.objects);
        let remembered = objects.entry(key.clone()).or_default();
        let doubled = FIRST_DELAY.saturating_mul(1 << remembered.failures.min(10));
        remembered.failures = remembered.failures.saturating_add(1);
        let jitter = lock(&self.jitter).f64();
        doubled
            .min(longest.unwrap_or(LAST_DELAY))
            .min(LAST_DELAY)
            .mul_f64(1.0 + jitter / 4.0)
            .max(asked.unwrap_or_default().mul_f64(1.0 + jitter / 2.0))
    }

    /// How often values of the object were put back of late.
    pub(super) fn damper(&self, key: &Key) -> Damper {
        let objects = lock(&self.objects);
        let known = objects.get(key).map(|known| known.damper.clone());
        known.unwrap_or_default()
    }

    /// A value was put back.
    pub(super) fn corrected(&self, key: &Key, correction: Correction, now: Timestamp) {
        let mut objects = lock(&self.objects);
        let remembered = objects.entry(key.clone()).or_default();
        remembered.damper.corrected(correction, now);
    }

    /// A version was made, called `name`.
    pub(super) fn made(&self, key: &Key, name: String, id: Uuid) {
        let mut objects = lock(&self.objects);
        objects.entry(key.clone()).or_default().version = Some((name, id));
    }

    /// The name and the id of the version that was made last.
    pub(super) fn made_version(&self, key: &Key) -> Option<(String, Uuid)> {
        lock(&self.objects).get(key)?.version.clone()
    }

    /// The last look went well.
    pub(super) fn went_well(&self, key: &Key) {
        if let Some(remembered) = lock(&self.objects).get_mut(key) {
            remembered.failures = 0;
            remembered.unseen_since = None;
        }
    }

    /// We wrote the object, which has `resource_version` now.
    pub(super) fn wrote(&self, key: &Key, resource_version: &str) {
        lock(&self.objects).entry(key.clone()).or_default().written =
            Some(resource_version.to_owned());
    }

    /// Whether `resource_version` is what we wrote last: its watch event tells nothing new.
    pub(super) fn is_own_write(&self, key: &Key, resource_version: &str) -> bool {
        let objects = lock(&self.objects);
        objects.get(key).and_then(|known| known.written.as_deref()) == Some(resource_version)
    }

    /// An import is about to make the object.
    pub(super) fn imports(&self, key: &Key) {
        lock(&self.objects)
            .entry(key.clone())
            .or_default()
            .is_import = true;
    }

    /// Whether an import of ours made the object, so that nobody waits for it; once.
    pub(super) fn takes_import(&self, key: &Key) -> bool {
        let mut objects = lock(&self.objects);
        let known = objects.get_mut(key);
        known.is_some_and(|known| std::mem::take(&mut known.is_import))
    }

    /// Whether the reset of the object's field ownership is still to be told; once.
    pub(super) fn is_news(&self, key: &Key) -> bool {
        let mut objects = lock(&self.objects);
        let told = &mut objects.entry(key.clone()).or_default().told_of_reset;
        !std::mem::replace(told, true)
    }

    /// Forgets an object that is gone.
    pub(super) fn forget(&self, key: &Key) {
        lock(&self.objects).remove(key);
    }

    /// The content of version `id`, if it is remembered. It never changes.
    pub(super) fn content(&self, id: Uuid) -> Option<SharedContent> {
        let contents = lock(&self.contents);
        contents
            .iter()
            .find(|(known, _)| *known == id)
            .map(|(_, content)| Arc::clone(content))
    }

    /// Remembers the content of version `id` in place of the oldest one.
    pub(super) fn keep_content(&self, id: Uuid, content: SharedContent) {
        if content
            .as_ref()
            .as_ref()
            .is_ok_and(|it| it.bytes() > CONTENT_BYTES)
        {
            return;
        }
        let mut contents = lock(&self.contents);
        if contents.len() >= CONTENTS {
            contents.remove(0);
        }
        contents.push((id, content));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> Key {
        Key::Workspace(format!("acme.ann.w{number}"))
    }

    #[test]
    fn who_is_asked_to_wait_comes_later_and_not_all_at_once() {
        let memory = Memory::new(1);
        let asked = Duration::from_secs(60);
        let waits: Vec<_> = (0..128)
            .map(|number| memory.failed(&key(number), Some(asked), None))
            .collect();
        assert!(waits.iter().all(|wait| *wait >= asked));
        for part in 0..10 {
            let from = asked + asked / 20 * part;
            let in_part = waits
                .iter()
                .filter(|wait| (from..from + asked / 20).contains(*wait));
            let count = in_part.count();
            assert!((1..32).contains(&count), "{count} at {from:?}");
        }
    }

    #[test]
    fn failures_wait_longer_and_longer_but_no_longer_than_said() {
        let memory = Memory::new(1);
        let mut last = Duration::ZERO;
        for _ in 0..4 {
            let wait = memory.failed(&key(0), None, None);
            assert!(wait > last);
            last = wait;
        }
        let longest = Duration::from_secs(2);
        let wait = memory.failed(&key(0), None, Some(longest));
        assert!(wait >= longest && wait <= longest * 5 / 4, "{wait:?}");
        let asked = Duration::from_secs(30);
        assert!(memory.failed(&key(0), Some(asked), Some(longest)) >= asked);
    }
}
