//! How far the controller has come since its start, and what that means for readiness.

use std::collections::BTreeMap;

use crate::k8s::watch::Health;

/// Whether the controller can do its work, or what it waits for.
pub type Readiness = Result<(), String>;

/// What is watched.
pub(super) const KINDS: [&str; 2] = ["CoderWorkspace", "CoderTemplate"];

/// A watch: its kind, and its namespace or all.
pub(super) type Watching = (&'static str, Option<String>);

/// How far the controller has come since its start.
#[derive(Debug)]
pub(super) struct Progress {
    watches: BTreeMap<Watching, Watch>,
    /// Whether the coderd that the flags name answered a whole sweep; none where they name none.
    pub(super) swept: Option<bool>,
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
    /// Nothing is done yet of what is to be watched, in these namespaces, and swept.
    pub(super) fn new(namespaces: &[Option<String>], sweeps: bool) -> Self {
        let of_kind = |kind| namespaces.iter().map(move |it| (kind, it.clone()));
        let watches = KINDS.into_iter().flat_map(of_kind);
        Self {
            watches: watches.map(|it| (it, Watch::default())).collect(),
            swept: sweeps.then_some(false),
            lacks: None,
        }
    }

    /// How far that watch has come.
    pub(super) fn watch(&mut self, watching: &Watching) -> &mut Watch {
        self.watches.entry(watching.clone()).or_default()
    }

    /// Whether all objects of `kind` in `namespace` are known.
    pub(super) fn is_watching(&self, kind: &str, namespace: &str) -> bool {
        self.watches.iter().any(|((watched, place), watch)| {
            let is_here = place.as_deref().is_none_or(|it| it == namespace);
            *watched == kind && is_here && watch.is_synced
        })
    }

    /// Each kind for itself: one whose CRD is missing keeps nobody from working on the other.
    pub(super) fn readiness(&self) -> Readiness {
        if let Some(lacks) = &self.lacks {
            return Err(lacks.clone());
        }
        let served = || self.watches.iter().filter(|(_, it)| !it.health.missing);
        if !served().any(|((kind, _), _)| KINDS.contains(kind)) {
            return Err("neither kind is there: apply the CRDs".to_owned());
        }
        for ((kind, namespace), watch) in served() {
            let place = namespace.as_ref().map(|it| format!(" of namespace {it}"));
            let place = place.unwrap_or_default();
            if !watch.is_synced {
                return Err(format!("waiting for the list of {kind}s{place}"));
            }
            if watch.health.is_down() {
                return Err(format!("the watch of {kind}s{place} has failed for long"));
            }
        }
        if self.swept == Some(false) {
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
            let mut progress = Progress::new(&[None], true);
            *progress.watch(&(workspaces, None)) = first;
            *progress.watch(&(templates, None)) = second;
            progress.swept = Some(true);
            match (progress.readiness(), expected) {
                (Ok(()), None) => {}
                (Err(said), Some(part)) if said.contains(part) => {}
                (other, _) => panic!("{watches:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn each_namespace_is_waited_for_and_coderd_where_the_flags_name_one() {
        let namespaces = ["a", "b"].map(|it| Some(it.to_owned()));
        for (sweeps, expected) in [(true, Err("a whole sweep")), (false, Ok(()))] {
            let mut progress = Progress::new(&namespaces, sweeps);
            for kind in KINDS {
                for namespace in &namespaces {
                    assert!(
                        progress
                            .readiness()
                            .unwrap_err()
                            .contains("waiting for the list")
                    );
                    progress.watch(&(kind, namespace.clone())).is_synced = true;
                }
            }
            let readiness = progress.readiness();
            match (&readiness, expected) {
                (Ok(()), Ok(())) => {}
                (Err(said), Err(part)) if said.contains(part) => {}
                (_, _) => panic!("{readiness:?}"),
            }
            assert!(progress.is_watching(KINDS[0], "a") && !progress.is_watching(KINDS[0], "c"));
        }
    }
}
