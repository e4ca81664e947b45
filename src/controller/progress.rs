//! How far the controller has come since its start, and what that means for readiness.

use std::collections::BTreeMap;

use crate::k8s::watch::Health;

/// Whether the controller can do its work, or what it waits for.
pub type Readiness = Result<(), String>;

/// What is watched.
pub(super) const KINDS: [&str; 2] = ["CoderWorkspace", "CoderTemplate"];

/// How far the controller has come since its start.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) watches: BTreeMap<&'static str, Watch>,
    /// Whether coderd answered a whole sweep.
    pub(super) swept: bool,
    /// What the CRDs lack that this program needs.
    pub(super) lacks: Option<String>,
}

/// How far the watch of one kind has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch {
    /// Whether everything that existed has been taken in.
    pub(super) is_synced: bool,
    pub(super) health: Health,
}

impl Progress {
    /// Whether all objects of `kind` are known.
    pub(super) fn is_watching(&self, kind: &str) -> bool {
        self.watches.get(kind).is_some_and(|watch| watch.is_synced)
    }

    /// Each kind for itself: one whose CRD is missing keeps nobody from working on the other.
    pub(super) fn readiness(&self) -> Readiness {
        if let Some(lacks) = &self.lacks {
            return Err(lacks.clone());
        }
        let watch = |kind| self.watches.get(kind).copied().unwrap_or_default();
        let served: Vec<_> = KINDS
            .into_iter()
            .map(|kind| (kind, watch(kind)))
            .filter(|(_, watch)| !watch.health.missing)
            .collect();
        if served.is_empty() {
            return Err("neither kind is there: apply the CRDs".to_owned());
        }
        for (kind, watch) in served {
            if !watch.is_synced {
                return Err(format!("waiting for the list of {kind}s"));
            }
            if watch.health.is_down() {
                return Err(format!("the watch of {kind}s has failed for long"));
            }
        }
        if !self.swept {
            return Err("waiting for coderd to answer a whole sweep".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_waited_for_unless_it_is_not_there() {
        let there = Watch {
            is_synced: true,
            health: Health::default(),
        };
        let missing = Watch {
            is_synced: false,
            health: Health {
                missing: true,
                ..Health::default()
            },
        };
        let [workspaces, templates] = KINDS;
        let unlisted = Watch::default();
        for (watches, expected) in [
            ([unlisted, there], Some("list of CoderWorkspaces")),
            ([there, unlisted], Some("list of CoderTemplates")),
            ([missing, unlisted], Some("list of CoderTemplates")),
            ([missing, missing], Some("apply the CRDs")),
            ([there, missing], None),
            ([missing, there], None),
            ([there, there], None),
        ] {
            let [first, second] = watches;
            let progress = Progress {
                watches: BTreeMap::from([(workspaces, first), (templates, second)]),
                swept: true,
                lacks: None,
            };
            match (progress.readiness(), expected) {
                (Ok(()), None) => {}
                (Err(said), Some(part)) if said.contains(part) => {}
                (other, _) => panic!("{watches:?}: {other:?}"),
            }
        }
    }
}
