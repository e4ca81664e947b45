//! What is to be looked at, and when: one queue with two lanes.
//!
//! Edits made in Kubernetes travel in one lane, everything that was noticed by looking at coderd in
//! the other, so that a sweep over thousands of workspaces never delays an edit. One key is in one
//! worker at a time; what arrives meanwhile is looked at once more afterwards. The queue holds each
//! key once, so that it never grows beyond the number of objects.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// Why something is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Lane {
    /// Something changed in Kubernetes.
    Edit,
    /// A sweep saw a change, or it is time to look again.
    Sweep,
}

/// One turn in so many belongs to the sweep lane, whatever waits in the other.
const SWEEP_TURN: u64 = 8;

/// The queue; `K` names what is looked at.
#[derive(Debug)]
pub(super) struct Queue<K> {
    state: Mutex<State<K>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<K> {
    edits: VecDeque<K>,
    sweeps: VecDeque<K>,
    waiting: HashMap<K, Lane>,
    running: HashSet<K>,
    /// What arrived while its key was running.
    again: HashMap<K, Lane>,
    /// What is to be looked at later, soonest first; the number keeps equal times apart.
    later: BTreeSet<(Instant, u64)>,
    later_keys: HashMap<u64, K>,
    later_of: HashMap<K, (Instant, u64)>,
    turns: u64,
}

impl<K: Clone + Eq + Hash> Default for Queue<K> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                edits: VecDeque::new(),
                sweeps: VecDeque::new(),
                waiting: HashMap::new(),
                running: HashSet::new(),
                again: HashMap::new(),
                later: BTreeSet::new(),
                later_keys: HashMap::new(),
                later_of: HashMap::new(),
                turns: 0,
            }),
            changed: Notify::new(),
        }
    }
}

impl<K: Clone + Eq + Hash> Queue<K> {
    /// Asks for a look at `key` as soon as its lane allows.
    pub(super) fn add(&self, key: K, lane: Lane) {
        self.lock().add(key, lane);
        self.changed.notify_one();
    }

    /// Asks for a look at `key` after `delay`, unless one is due sooner.
    pub(super) fn add_later(&self, key: K, delay: Duration) {
        let due = Instant::now() + delay;
        self.lock().add_later(key, due);
        self.changed.notify_one();
    }

    /// The next key to look at; it stays with the caller until [`Queue::done`].
    pub(super) async fn next(&self) -> K {
        loop {
            let changed = self.changed.notified();
            let due = {
                let mut state = self.lock();
                state.wake(Instant::now());
                if let Some(key) = state.take() {
                    if !state.is_idle() {
                        self.changed.notify_one();
                    }
                    return key;
                }
                state.later.first().map(|(due, _)| *due)
            };
            match due {
                Some(due) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(due) => {}
                    }
                }
                None => changed.await,
            }
        }
    }

    /// Gives `key` back.
    pub(super) fn done(&self, key: &K) {
        let mut state = self.lock();
        state.running.remove(key);
        if let Some(lane) = state.again.remove(key) {
            state.add(key.clone(), lane);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// How many keys wait in `lane`.
    pub(super) fn depth(&self, lane: Lane) -> usize {
        let state = self.lock();
        match lane {
            Lane::Edit => state.edits.len(),
            Lane::Sweep => state.sweeps.len(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash> State<K> {
    fn add(&mut self, key: K, lane: Lane) {
        if self.running.contains(&key) {
            let again = self.again.entry(key).or_insert(lane);
            *again = lane.min(*again);
            return;
        }
        match self.waiting.get(&key) {
            Some(Lane::Edit) => return,
            Some(Lane::Sweep) if lane == Lane::Sweep => return,
            // It moves up; the place it leaves behind is skipped when its turn comes.
            Some(Lane::Sweep) | None => {}
        }
        self.waiting.insert(key.clone(), lane);
        match lane {
            Lane::Edit => self.edits.push_back(key),
            Lane::Sweep => self.sweeps.push_back(key),
        }
    }

    fn add_later(&mut self, key: K, due: Instant) {
        if let Some(known) = self.later_of.get(&key).copied() {
            if known.0 <= due {
                return;
            }
            self.later.remove(&known);
            self.later_keys.remove(&known.1);
        }
        self.turns += 1;
        let place = (due, self.turns);
        self.later.insert(place);
        self.later_keys.insert(place.1, key.clone());
        self.later_of.insert(key, place);
    }

    /// Moves what is due into its lane.
    fn wake(&mut self, now: Instant) {
        while let Some(place) = self.later.first().copied().filter(|(due, _)| *due <= now) {
            self.later.remove(&place);
            if let Some(key) = self.later_keys.remove(&place.1) {
                self.later_of.remove(&key);
                self.add(key, Lane::Sweep);
            }
        }
    }

    fn take(&mut self) -> Option<K> {
        self.turns += 1;
        let lanes = if self.turns.is_multiple_of(SWEEP_TURN) {
            [Lane::Sweep, Lane::Edit]
        } else {
            [Lane::Edit, Lane::Sweep]
        };
        let key = lanes.into_iter().find_map(|lane| self.take_from(lane))?;
        self.waiting.remove(&key);
        self.running.insert(key.clone());
        Some(key)
    }

    fn take_from(&mut self, lane: Lane) -> Option<K> {
        loop {
            let key = match lane {
                Lane::Edit => self.edits.pop_front(),
                Lane::Sweep => self.sweeps.pop_front(),
            }?;
            if self.waiting.get(&key) == Some(&lane) {
                return Some(key);
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.edits.is_empty() && self.sweeps.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn edits_go_before_sweeps() {
        let queue = Queue::default();
        queue.add("swept", Lane::Sweep);
        queue.add("edited", Lane::Edit);
        assert_eq!(queue.next().await, "edited");
        assert_eq!(queue.next().await, "swept");
    }

    #[tokio::test(start_paused = true)]
    async fn sweeps_are_not_starved_by_edits() {
        let queue = Queue::default();
        queue.add(0, Lane::Sweep);
        for key in 1..100 {
            queue.add(key, Lane::Edit);
        }
        let mut turns = 0;
        while queue.next().await != 0 {
            turns += 1;
        }
        assert!(turns < 16, "the sweep lane waited for {turns} edits");
    }

    #[tokio::test(start_paused = true)]
    async fn a_swept_key_that_is_edited_moves_up_and_runs_once() {
        let queue = Queue::default();
        queue.add("other", Lane::Sweep);
        queue.add("key", Lane::Sweep);
        queue.add("key", Lane::Edit);
        assert_eq!(queue.next().await, "key");
        queue.done(&"key");
        assert_eq!(queue.next().await, "other");
        let next = tokio::time::timeout(Duration::from_secs(3600), queue.next()).await;
        assert!(next.is_err(), "{next:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_in_one_worker_at_a_time_and_runs_again_for_what_came_meanwhile() {
        let queue = Queue::default();
        queue.add("key", Lane::Edit);
        assert_eq!(queue.next().await, "key");
        queue.add("key", Lane::Sweep);
        queue.add("key", Lane::Edit);
        let meanwhile = tokio::time::timeout(Duration::from_secs(3600), queue.next()).await;
        assert!(meanwhile.is_err(), "{meanwhile:?}");
        queue.done(&"key");
        assert_eq!(queue.next().await, "key");
        queue.done(&"key");
        let next = tokio::time::timeout(Duration::from_secs(3600), queue.next()).await;
        assert!(next.is_err(), "{next:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_sooner_of_two_later_looks_counts() {
        let queue = Queue::default();
        let start = Instant::now();
        queue.add_later("key", Duration::from_secs(60));
        queue.add_later("key", Duration::from_secs(5));
        queue.add_later("key", Duration::from_secs(30));
        assert_eq!(queue.next().await, "key");
        assert_eq!(start.elapsed(), Duration::from_secs(5));
        queue.done(&"key");
        let next = tokio::time::timeout(Duration::from_secs(3600), queue.next()).await;
        assert!(
            next.is_err(),
            "a look that was superseded came all the same"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn many_workers_share_the_queue_without_losing_a_key() {
        let queue = std::sync::Arc::new(Queue::default());
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let queue = std::sync::Arc::clone(&queue);
            workers.spawn(async move {
                let mut seen = Vec::new();
                while let Ok(key) =
                    tokio::time::timeout(Duration::from_secs(100), queue.next()).await
                {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    queue.done(&key);
                    seen.push(key);
                }
                seen
            });
        }
        for key in 0..200 {
            if key % 3 == 0 {
                queue.add_later(key, Duration::from_secs(key % 7));
            } else {
                queue.add(key, Lane::Sweep);
            }
        }
        let mut seen: Vec<u64> = workers.join_all().await.into_iter().flatten().collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..200).collect::<Vec<_>>());
    }
}
