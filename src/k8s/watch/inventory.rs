//! Which objects have been reported, so that none of them vanishes unreported.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::Arc,
};

use kube::core::{ObjectMeta, PartialObjectMeta};

use super::{WatchEvent, source::News};
use crate::k8s::object::Key;

/// kubectl's copy of the whole manifest, which may be 256 kB.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The uid of each object that is there.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    uids: BTreeMap<Key, String>,
}

impl Inventory {
    /// Takes `news` in, and says what they change.
    pub(super) fn take<K>(&mut self, news: News<K>, events: &mut VecDeque<WatchEvent<K>>) {
        match news {
            News::All(objects) => self.replace(objects, events),
            News::Applied(object) => self.apply(object, events),
            News::Deleted(object) => self.delete(&object.metadata, events),
            News::Opened | News::Alive => {}
        }
    }

    fn replace<K>(
        &mut self,
        objects: Vec<PartialObjectMeta<K>>,
        events: &mut VecDeque<WatchEvent<K>>,
    ) {
        let before = mem::take(&mut self.uids);
        let mut after = BTreeMap::new();
        for (key, uid) in objects
            .iter()
            .filter_map(|object| identity(&object.metadata))
        {
            after.insert(key, uid);
        }
        for (key, uid) in before {
            if after.get(&key) != Some(&uid) {
                events.push_back(WatchEvent::Deleted { key, uid });
            }
        }
        self.uids = after;
        for object in objects {
            self.apply(object, events);
        }
        events.push_back(WatchEvent::Synced);
    }

    fn apply<K>(&mut self, object: PartialObjectMeta<K>, events: &mut VecDeque<WatchEvent<K>>) {
        let Some((key, uid)) = identity(&object.metadata) else {
            return;
        };
        let before = self.uids.insert(key.clone(), uid.clone());
        if let Some(before) = before.filter(|before| *before != uid) {
            events.push_back(WatchEvent::Deleted { key, uid: before });
        }
        events.push_back(WatchEvent::Applied(Arc::new(trimmed(object))));
    }

    fn delete<K>(&mut self, metadata: &ObjectMeta, events: &mut VecDeque<WatchEvent<K>>) {
        let Some((key, uid)) = identity(metadata) else {
            return;
        };
        if self.uids.get(&key) == Some(&uid) {
            self.uids.remove(&key);
            events.push_back(WatchEvent::Deleted { key, uid });
        }
    }
}

fn identity(metadata: &ObjectMeta) -> Option<(Key, String)> {
    Some((Key::of(metadata)?, metadata.uid.clone()?))
}

/// `object` without what nobody here reads and what would fill the memory.
fn trimmed<K>(mut object: PartialObjectMeta<K>) -> PartialObjectMeta<K> {
    object.metadata.managed_fields = None;
    if let Some(annotations) = &mut object.metadata.annotations {
        annotations.remove(LAST_APPLIED);
    }
    object
}
