//! The objects that belong to one control plane, and when each of them is looked at.

use std::{fmt, sync::Mutex};

use super::{
    backoff::Backoff,
    inventory::Inventory,
    key::Key,
    queue::{Lane, Queue},
};
use crate::{k8s::object, sync::rules::build_limit::BuildLimit};

/// The objects that belong to one control plane, and when each of them is looked at.
pub(super) struct Home {
    /// The control plane: its name, in the namespace of its objects.
    pub(super) place: object::Key,
    pub(super) queue: Queue<Key>,
    pub(super) inventory: Inventory,
    pub(super) backoff: Backoff,
    /// Of workspaces in coderd.
    pub(super) build_limit: Mutex<BuildLimit<Key>>,
}

impl Home {
    /// That of the control plane `place`, whose jitter begins at `seed`.
    pub(super) fn of(place: object::Key, seed: u64, max_active_builds: usize) -> Self {
        Self {
            queue: Queue::default(),
            inventory: Inventory::of(place.clone()),
            backoff: Backoff::new(seed),
            build_limit: Mutex::new(BuildLimit::new(max_active_builds)),
            place,
        }
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

    /// The object is gone, or has another home.
    pub(super) fn leave(&self, key: &Key) {
        self.look_at(self.inventory.object_gone(key));
        self.backoff.went_well(key);
    }
}

impl fmt::Debug for Home {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Home").field(&self.place).finish()
    }
}
