//! Which objects refer to what in their namespace.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::key::Key;
use crate::k8s::object;

/// Something that an object refers to by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Referent {
    /// A Secret.
    Secret(object::Key),
    /// A ConfigMap.
    ConfigMap(object::Key),
}

/// Who refers to what.
#[derive(Debug, Default)]
pub(super) struct References {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    of: HashMap<Key, BTreeSet<Referent>>,
    by: BTreeMap<Referent, BTreeSet<Key>>,
}

impl References {
    /// The object refers to these, and to no others any more.
    pub(super) fn set(&self, key: &Key, referents: BTreeSet<Referent>) {
        let mut state = self.lock();
        let before = state.of.get(key).cloned().unwrap_or_default();
        if before == referents {
            return;
        }
        for referent in before.difference(&referents) {
            let by = state.by.get_mut(referent);
            if by.is_some_and(|by| by.remove(key) && by.is_empty()) {
                state.by.remove(referent);
            }
        }
        for referent in &referents {
            let by = state.by.entry(referent.clone()).or_default();
            by.insert(key.clone());
        }
        if referents.is_empty() {
            state.of.remove(key);
        } else {
            state.of.insert(key.clone(), referents);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// The object is gone.
    pub(super) fn forget(&self, key: &Key) {
        self.set(key, BTreeSet::new());
    }

    /// Waits until something else is referred to than before.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Everything that is referred to.
    pub(super) fn all(&self) -> BTreeSet<Referent> {
        self.lock().by.keys().cloned().collect()
    }

    /// Who refers to it.
    pub(super) fn who(&self, referent: &Referent) -> Vec<Key> {
        let state = self.lock();
        let by = state.by.get(referent).into_iter().flatten();
        by.cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> object::Key {
        object::Key::new("coder", name)
    }

    fn key(name: &str) -> Key {
        Key::Workspace(place(name))
    }

    fn secrets(names: &[&str]) -> BTreeSet<Referent> {
        let names = names.iter();
        names.map(|name| Referent::Secret(place(name))).collect()
    }

    #[test]
    fn what_nobody_refers_to_any_more_is_not_followed() {
        let references = References::default();
        references.set(&key("one"), secrets(&["a", "b"]));
        references.set(&key("two"), secrets(&["b"]));
        assert_eq!(references.all(), secrets(&["a", "b"]));
        let b = Referent::Secret(place("b"));
        assert_eq!(references.who(&b), [key("one"), key("two")]);
        references.set(&key("one"), secrets(&["c"]));
        assert_eq!(references.all(), secrets(&["b", "c"]));
        assert_eq!(references.who(&b), [key("two")]);
        references.forget(&key("two"));
        references.forget(&key("one"));
        assert_eq!(references.all(), secrets(&[]));
        assert!(references.lock().of.is_empty());
    }
}
