//! Places for builds: who requests one takes a place, or waits in line without a worker.

use std::sync::{MutexGuard, PoisonError};

use uuid::Uuid;

use super::{
    home::Home,
    inventory::{Row, RowContent},
    key::Key,
    metrics::PlaneMetrics,
    observation::Observation,
};
use crate::{
    api::workspace::{CoderWorkspace, WorkspaceStatus},
    sync::{
        external::External,
        kind::SyncedKind,
        rules::build_limit::{BuildLimit, Queued},
        step::Step,
        workspace::build_order,
    },
};

impl Home {
    /// Takes a place for the build that `step` requests, if it does.
    pub(super) fn placed<K: SyncedKind>(&self, key: &Key, step: &Step<K>) -> Result<(), Queued> {
        match step.begins_build {
            Some(order) => self.builds().admit(key, order),
            None => Ok(()),
        }
    }

    /// A list shows an object whose order may still be to be requested.
    pub(super) fn expect_build(&self, key: &Key, status: &serde_json::Value) {
        let status: Option<WorkspaceStatus> = serde_json::from_value(status.clone()).ok();
        if let (Key::Workspace(_), Some(status)) = (key, status)
            && let Some(order) = build_order::unsent(&status)
        {
            self.builds().expect(key, order);
        }
    }

    /// A workspace was looked at: its build may have begun, or ended and left its place to another one.
    pub(super) fn build_looked(
        &self,
        key: &Key,
        object: &CoderWorkspace,
        seen: &Observation<CoderWorkspace>,
    ) {
        let bound = || object.shared_status().binding?.id.parse().ok();
        let workspace = match &seen.external {
            External::Present(it) => Some((it.id, it.build.is_active_of(seen.deployment.us))),
            External::Gone => bound().map(|id| (id, false)),
            External::Absent => None,
            External::Unknown(_) => return,
        };
        let woken = self.builds().looked(key, workspace);
        self.look_at(woken);
    }

    /// A visit of an object has ended.
    pub(super) fn build_visited(&self, key: &Key, metrics: &PlaneMetrics) {
        let mut builds = self.builds();
        let woken = builds.visited(key);
        metrics.builds(builds.taken(), builds.waiting());
        drop(builds);
        self.look_at(woken);
    }

    /// A sweep is about to read all workspaces.
    pub(super) fn builds_are_swept(&self) {
        self.builds().sweep_begins();
    }

    /// A sweep has read all workspaces.
    pub(super) fn builds_swept<'a>(
        &self,
        rows: impl Iterator<Item = (&'a Uuid, &'a Row)>,
        us: Uuid,
    ) {
        let active = rows.filter(|(_, row)| match &row.content {
            RowContent::Workspace(workspace) => workspace.build.is_active_of(us),
            RowContent::Template(_) => false,
        });
        let active = active.map(|(id, _)| *id).collect();
        let woken = self.builds().swept(active);
        self.look_at(woken);
    }

    fn builds(&self) -> MutexGuard<'_, BuildLimit<Key>> {
        self.build_limit
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
