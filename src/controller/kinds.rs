//! What is known of the CRDs in the cluster.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::key::Key;

/// What is known of each CRD, by its name.
#[derive(Debug, Default)]
pub(super) struct Kinds(Mutex<BTreeMap<String, Seen>>);

/// A CRD as it was compared.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Which CRD, in which state of its `spec`.
    pub(super) version: Option<(String, i64)>,
    /// What it lacks, for people.
    pub(super) lack: Option<String>,
    /// Whether that it cannot be read was said.
    pub(super) is_unreadable: bool,
}

impl Kinds {
    /// Whether the CRD of what `key` names will do.
    pub(super) fn will_do(&self, key: &Key) -> bool {
        self.with(key.crd_name(), |seen| seen.lack.is_none())
    }

    /// What the CRDs lack.
    pub(super) fn lacks(&self) -> Option<String> {
        let kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lacks: Vec<String> = kinds
            .values()
            .filter_map(|seen| seen.lack.clone())
            .collect();
        (!lacks.is_empty()).then(|| lacks.join("; "))
    }

    pub(super) fn with<T>(&self, name: &str, look: impl FnOnce(&mut Seen) -> T) -> T {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        look(kinds.entry(name.to_owned()).or_default())
    }
}
