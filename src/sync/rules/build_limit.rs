//! The limit on builds: so many of ours are active in one Coder at once, and the others wait in line.
//!
//! Which builds are active is what coderd shows: the last sweep, and what later looks at single workspaces
//! found. Only what was admitted and not looked at since is known from here alone. The line is in the order
//! of the records in `status`, so that a restart changes nothing. Deletions have a line of their own, and
//! each second place: neither many starts nor many deletions hold up the others for good.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::Hash,
};

use jiff::Timestamp;
use uuid::Uuid;

use crate::{api::condition::Reason, sync::conditions::ConditionSet};

/// An order of ours that is recorded, and whose build is to be requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildOrder {
    /// When it was recorded.
    pub ordered_at: Timestamp,
    /// Whether the workspace is to be deleted.
    pub deletes: bool,
}

/// Why a build waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    /// So many of our builds may be active.
    pub most: usize,
    /// So many orders get a place before this one.
    pub ahead: usize,
}

impl Queued {
    /// What the object says while it waits.
    #[must_use]
    pub fn conditions(self) -> ConditionSet {
        let Self { most, ahead } = self;
        let message = format!(
            "the build waits for a place: at most {most} builds of the controller are active at once \
             (--max-active-builds), and {ahead} others were ahead of this one when it was looked at last"
        );
        ConditionSet::reconciling(Reason::BuildQueued, message)
    }
}

/// The builds of ours in one Coder, and the line before them; `Key` names an object.
#[derive(Debug)]
pub struct BuildLimit<Key> {
    most: usize,
    /// The workspaces whose latest build is ours and active.
    active: HashSet<Uuid>,
    /// What looks found since the last sweep began: it may have read its rows before.
    looked: HashMap<Uuid, bool>,
    /// What was admitted and not looked at since.
    admitted: HashMap<Key, Admitted>,
    waiting: HashMap<Key, Waiting>,
    deletions: BTreeSet<(Timestamp, Key)>,
    others: BTreeSet<(Timestamp, Key)>,
    is_turn_of_deletions: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Admitted {
    /// The visit that asked for it goes on.
    Now,
    /// The visit ended without a look afterwards: the next sweep tells, if it begins after that.
    Ended,
    /// A sweep has begun since.
    Swept,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    order: BuildOrder,
    /// Whether the visit that goes on asked for it.
    is_fresh: bool,
}

impl<Key: Clone + Eq + Hash + Ord> BuildLimit<Key> {
    /// At most `most` at once.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            active: HashSet::new(),
            looked: HashMap::new(),
            admitted: HashMap::new(),
            waiting: HashMap::new(),
            deletions: BTreeSet::new(),
            others: BTreeSet::new(),
            is_turn_of_deletions: true,
        }
    }

    /// Gives the object a place for the build that it orders, or one in the line.
    pub fn admit(&mut self, key: &Key, order: BuildOrder) -> Result<(), Queued> {
        self.enter(key, order, true);
        let ahead = self.ahead(key, order);
        if ahead >= self.free() {
            let most = self.most;
            return Err(Queued { most, ahead });
        }
        self.leave(key);
        self.admitted.insert(key.clone(), Admitted::Now);
        self.is_turn_of_deletions = !order.deletes;
        Ok(())
    }

    /// An order was found in a record: until its object was visited, nobody who came later goes before it.
    pub fn expect(&mut self, key: &Key, order: BuildOrder) {
        if !self.waiting.contains_key(key) && !self.admitted.contains_key(key) {
            self.enter(key, order, false);
        }
    }

    /// The object was looked at: whether the latest build of its workspace, if it has one, is ours and
    /// active. Gives back who may come now.
    #[must_use]
    pub fn looked(&mut self, key: &Key, workspace: Option<(Uuid, bool)>) -> Vec<Key> {
        let free = self.free();
        self.admitted.remove(key);
        if let Some((id, is_active)) = workspace {
            self.looked.insert(id, is_active);
            self.set(id, is_active);
        }
        self.next_since(free)
    }

    /// A visit of the object has ended, or the object is gone. Who did not ask for a place waits for none.
    /// Gives back who may come now.
    #[must_use]
    pub fn visited(&mut self, key: &Key) -> Vec<Key> {
        if let Some(admitted) = self.admitted.get_mut(key) {
            *admitted = Admitted::Ended;
        }
        match self.waiting.get_mut(key) {
            Some(waiting) if waiting.is_fresh => {
                waiting.is_fresh = false;
                Vec::new()
            }
            Some(_) => {
                self.leave(key);
                self.next()
            }
            None => Vec::new(),
        }
    }

    /// A sweep is about to read all workspaces.
    pub fn sweep_begins(&mut self) {
        self.looked.clear();
        for admitted in self.admitted.values_mut() {
            if *admitted == Admitted::Ended {
                *admitted = Admitted::Swept;
            }
        }
    }

    /// The sweep found active builds of ours in these workspaces. Gives back who may come now.
    #[must_use]
    pub fn swept(&mut self, active: HashSet<Uuid>) -> Vec<Key> {
        self.active = active;
        for (id, is_active) in self.looked.clone() {
            self.set(id, is_active);
        }
        self.admitted.retain(|_, it| *it != Admitted::Swept);
        self.next()
    }

    /// How many builds are active, or were admitted.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.active.len() + self.admitted.len()
    }

    /// How many orders wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn free(&self) -> usize {
        self.most.saturating_sub(self.taken())
    }

    fn set(&mut self, id: Uuid, is_active: bool) {
        if is_active {
            self.active.insert(id);
        } else {
            self.active.remove(&id);
        }
    }

    fn enter(&mut self, key: &Key, order: BuildOrder, is_fresh: bool) {
        self.leave(key);
        let place = (order.ordered_at, key.clone());
        self.line(order.deletes).insert(place);
        self.waiting
            .insert(key.clone(), Waiting { order, is_fresh });
    }

    fn leave(&mut self, key: &Key) {
        if let Some(Waiting { order, .. }) = self.waiting.remove(key) {
            let place = (order.ordered_at, key.clone());
            self.line(order.deletes).remove(&place);
        }
    }

    fn line(&mut self, deletes: bool) -> &mut BTreeSet<(Timestamp, Key)> {
        if deletes {
            &mut self.deletions
        } else {
            &mut self.others
        }
    }

    /// How many get a place before the order of `key`, which waits: both lines take turns.
    fn ahead(&self, key: &Key, order: BuildOrder) -> usize {
        let (own, other) = if order.deletes {
            (&self.deletions, &self.others)
        } else {
            (&self.others, &self.deletions)
        };
        let before = own.range(..(order.ordered_at, key.clone())).count();
        let is_own_turn = self.is_turn_of_deletions == order.deletes;
        let turns_of_other = before + usize::from(!is_own_turn);
        before + turns_of_other.min(other.len())
    }

    fn next_since(&self, free: usize) -> Vec<Key> {
        if self.free() > free {
            self.next()
        } else {
            Vec::new()
        }
    }

    /// Who has a place, in the order in which both lines take turns.
    fn next(&self) -> Vec<Key> {
        let (mut deletions, mut others) = (self.deletions.iter(), self.others.iter());
        let mut is_turn_of_deletions = self.is_turn_of_deletions;
        let in_turn = std::iter::from_fn(|| {
            let next = if is_turn_of_deletions {
                deletions.next().or_else(|| others.next())
            } else {
                others.next().or_else(|| deletions.next())
            };
            is_turn_of_deletions = !is_turn_of_deletions;
            next
        });
        in_turn
            .take(self.free())
            .map(|(_, key)| key.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests;
