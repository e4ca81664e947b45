//! Which objects have been reported, so that none of them vanishes unreported.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::Arc,
};

use kube::core::{ObjectMeta, PartialObjectMeta};

use super::{Listed, WatchEvent, source::News};
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

    fn replace<K>(&mut self, objects: Vec<Listed<K>>, events: &mut VecDeque<WatchEvent<K>>) {
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
        for mut object in objects {
            if identity(&object.metadata).is_some() {
                trim(&mut object.metadata);
                events.push_back(WatchEvent::Listed(Box::new(object)));
            }
        }
        events.push_back(WatchEvent::Synced);
    }

    fn apply<K>(&mut self, mut object: PartialObjectMeta<K>, events: &mut VecDeque<WatchEvent<K>>) {
        let Some((key, uid)) = identity(&object.metadata) else {
            return;
        };
        let before = self.uids.insert(key.clone(), uid.clone());
        if let Some(before) = before.filter(|before| *before != uid) {
            events.push_back(WatchEvent::Deleted { key, uid: before });
        }
        trim(&mut object.metadata);
        events.push_back(WatchEvent::Applied(Arc::new(object)));
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

/// Takes out what nobody here reads and what would fill the memory.
fn trim(metadata: &mut ObjectMeta) {
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(LAST_APPLIED);
    }
}
