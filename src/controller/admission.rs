//! Many deletions at once are held back, on either side.

use std::sync::{Mutex, PoisonError};

use super::{control_plane::ControlPlane, key::Key};
use crate::{
    api::status::Suspension,
    sync::{kind::SyncedKind, rules::mass_deletion::Deletions},
};

impl ControlPlane {
    /// Admits a deletion in coderd, unless there were too many before.
    pub(super) fn admit_deletion(&self, key: &Key) -> Result<(), Suspension> {
        self.admit(&self.deletions, key)
    }

    /// Counts the deletion in coderd that the object records: it may have been begun before the start.
    pub(super) fn recorded_deletion<K: SyncedKind>(&self, key: &Key, object: &K) {
        let record = object
            .shared_status()
            .sync
            .and_then(|sync| sync.deletion.as_ref());
        if let Some(record) = record {
            self.deletions
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .begun(key, record.ordered_at.0);
        }
    }

    /// Admits our deletion of an object, likewise.
    pub(super) fn admit_removal(&self, key: &Key) -> Result<(), Suspension> {
        self.admit(&self.removals, key)
    }

    fn admit(&self, before: &Mutex<Deletions<Key>>, key: &Key) -> Result<(), Suspension> {
        let objects = self.home.inventory.count();
        let now = self.shared.settings.clock.now();
        before
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .admit(key.clone(), objects, now)
    }
}
