//! Answers of kube-apiserver that are still good: bounded, and asked for once however many wait.

use std::{
    collections::HashMap,
    fmt, mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::OnceCell, time::Instant};

/// What an answer is remembered under: a digest, since neither tokens nor long texts are to be kept.
pub type Key = [u8; 32];

/// Remembers each answer for `lifetime`, failures never, and at most `capacity` of them.
///
/// Two generations: when the young one is full or old, it takes the place of the old one, which is
/// forgotten. So nothing has to be searched for what has expired.
pub struct Cache<V> {
    lifetime: Duration,
    capacity: usize,
    generations: Mutex<Generations<V>>,
}

struct Generations<V> {
    young: HashMap<Key, Slot<V>>,
    old: HashMap<Key, Slot<V>>,
    since: Instant,
}

/// Empty as long as it is being asked.
type Slot<V> = Arc<OnceCell<Answer<V>>>;

struct Answer<V> {
    value: V,
    until: Instant,
}

impl<V: Clone> Cache<V> {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(lifetime: Duration, capacity: usize) -> Self {
        Self {
            lifetime,
            capacity,
            generations: Mutex::new(Generations {
                young: HashMap::new(),
                old: HashMap::new(),
                since: Instant::now(),
            }),
        }
    }

    /// The answer under `key`; what `ask` returns if there is none.
    ///
    /// Who needs the same answer meanwhile waits for it, and asks by itself only if this fails or is
    /// dropped. The caller limits the time.
    pub async fn recall<E>(
        &self,
        key: Key,
        ask: impl Future<Output = Result<V, E>>,
    ) -> Result<V, E> {
        let slot = self.slot(key);
        let answer = slot.get_or_try_init(|| async {
            let value = ask.await?;
            let until = Instant::now() + self.lifetime;
            Ok(Answer { value, until })
        });
        Ok(answer.await?.value.clone())
    }

    fn slot(&self, key: Key) -> Slot<V> {
        let now = Instant::now();
        let mut generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Generations { young, old, since } = &mut *generations;
        let is_good = |slot: &&Slot<V>| slot.get().is_none_or(|answer| now < answer.until);
        let known = young.get(&key).or_else(|| old.get(&key));
        if let Some(slot) = known.filter(is_good) {
            return slot.clone();
        }
        if young.len() >= self.capacity / 2 || now.duration_since(*since) >= self.lifetime {
            *old = mem::take(young);
            *since = now;
        }
        let slot = Slot::default();
        young.insert(key, slot.clone());
        slot
    }
}

impl<V> fmt::Debug for Cache<V> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Cache")
            .field("lifetime", &self.lifetime)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
