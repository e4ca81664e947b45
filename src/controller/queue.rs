//! What is to be looked at, and when: one queue with four lanes.
//!
//! Edits made in Kubernetes travel in one lane, what is due in the next, and what comes in bulk behind
//! them, imports last: neither an edit nor what it waits for stands in line behind thousands of
//! others. No lane starves. One key is in one worker at a time; what arrives meanwhile is looked at
//! once more afterwards. The queue holds each key once, so that it never grows beyond the number of
//! objects.

use std::{
    array::IntoIter,
    collections::{BTreeMap, HashMap, HashSet},
    hash::Hash,
    iter::Cycle,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// Why something is looked at, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Lane {
    /// Something changed in Kubernetes, and somebody may wait for what comes of it.
    Edit,
    /// It is time to look again, or what the object waited for is there.
    Due,
    /// A sweep of coderd saw a change, or a list of objects showed it.
    Bulk,
    /// Something in coderd has no object.
    Import,
}

impl Lane {
    /// All of them, the most urgent first.
    pub(super) const ALL: [Self; 4] = [Self::Edit, Self::Due, Self::Bulk, Self::Import];

    /// The name, in metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Due => "due",
            Self::Bulk => "bulk",
            Self::Import => "import",
        }
    }
}

/// Which lane each turn of a round belongs to. Where nothing waits in it, the turn goes to the most
/// urgent key; so the first lanes are quick, and none starves.
const ROUND: [Lane; 8] = [
    Lane::Edit,
    Lane::Due,
    Lane::Edit,
    Lane::Bulk,
    Lane::Edit,
    Lane::Due,
    Lane::Edit,
    Lane::Import,
];

/// The queue; `K` names what is looked at.
#[derive(Debug)]
pub(super) struct Queue<K> {
    state: Mutex<State<K>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<K> {
    /// The keys of each lane by their place in it.
    edit: BTreeMap<u64, K>,
    due: BTreeMap<u64, K>,
    bulk: BTreeMap<u64, K>,
    import: BTreeMap<u64, K>,
    waiting: HashMap<K, (Lane, u64)>,
    running: HashSet<K>,
    /// What arrived while its key was running.
    again: HashMap<K, Lane>,
    /// What is to be looked at later, soonest first; the number keeps equal times apart.
    later: BTreeMap<(Instant, u64), K>,
    later_of: HashMap<K, (Instant, u64)>,
    places: u64,
    turns: Cycle<IntoIter<Lane, 8>>,
}

impl<K> Default for Queue<K> {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }
}

impl<K> Default for State<K> {
    fn default() -> Self {
        Self {
            edit: BTreeMap::new(),
            due: BTreeMap::new(),
            bulk: BTreeMap::new(),
            import: BTreeMap::new(),
            waiting: HashMap::new(),
            running: HashSet::new(),
            again: HashMap::new(),
            later: BTreeMap::new(),
            later_of: HashMap::new(),
            places: 0,
            turns: ROUND.into_iter().cycle(),
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
                    if !state.waiting.is_empty() {
                        self.changed.notify_one();
                    }
                    return key;
                }
                state.later.keys().next().map(|(due, _)| *due)
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
        self.lock().done(key);
        self.changed.notify_one();
    }

    /// How many keys wait in `lane`.
    pub(super) fn depth(&self, lane: Lane) -> usize {
        self.lock().lane(lane).len()
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
        if let Some(known) = self.waiting.get(&key).copied() {
            if known.0 <= lane {
                return;
            }
            self.lane(known.0).remove(&known.1);
        }
        let place = self.new_place();
        self.lane(lane).insert(place, key.clone());
        self.waiting.insert(key, (lane, place));
    }

    fn add_later(&mut self, key: K, due: Instant) {
        if let Some(known) = self.later_of.get(&key) {
            if known.0 <= due {
                return;
            }
            self.later.remove(known);
        }
        let place = (due, self.new_place());
        self.later.insert(place, key.clone());
        self.later_of.insert(key, place);
    }

    /// Moves what is due into its lane.
    fn wake(&mut self, now: Instant) {
        while let Some(entry) = self.later.first_entry().filter(|it| it.key().0 <= now) {
            let key = entry.remove();
            self.later_of.remove(&key);
            self.add(key, Lane::Due);
        }
    }

    fn take(&mut self) -> Option<K> {
        if self.waiting.is_empty() {
            return None;
        }
        let turn = self.turns.next();
        let mut lanes = turn.into_iter().chain(Lane::ALL);
        let (_, key) = lanes.find_map(|lane| self.lane(lane).pop_first())?;
        self.waiting.remove(&key);
        self.running.insert(key.clone());
        Some(key)
    }

    fn done(&mut self, key: &K) {
        self.running.remove(key);
        if let Some(lane) = self.again.remove(key) {
            self.add(key.clone(), lane);
        }
    }

    fn lane(&mut self, lane: Lane) -> &mut BTreeMap<u64, K> {
        match lane {
            Lane::Edit => &mut self.edit,
            Lane::Due => &mut self.due,
            Lane::Bulk => &mut self.bulk,
            Lane::Import => &mut self.import,
        }
    }

    fn new_place(&mut self) -> u64 {
        self.places += 1;
        self.places
    }
}

#[cfg(test)]
mod tests;
