//! A worker: takes a key, looks at it, says when to look again.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    control_plane::ControlPlane, import, key::Key, outcome::Outcome, queue::Lane, reconcile,
};
use crate::api::{template::CoderTemplate, text::chain, workspace::CoderWorkspace};

/// How long a step that was begun may go on after `stop`. A step is dropped then as it would be by a
/// crash, which is safe at every point: what it needs to be found again is in `status` already.
const GRACE: Duration = Duration::from_secs(5);

/// Works until `stop`. A step that was begun is ended, unless the other side lets it wait too long.
pub(super) async fn run(plane: Arc<ControlPlane>, stop: CancellationToken) {
    while let Some(key) = stop.run_until_cancelled(plane.queue.next()).await {
        let metrics = &plane.shared.settings.metrics;
        for lane in Lane::ALL {
            metrics.queued(lane.name(), plane.queue.depth(lane));
        }
        let start = Instant::now();
        let span = tracing::info_span!("reconcile", object = %key);
        let outcome = tokio::select! {
            outcome = look(&plane, &key, &stop).instrument(span.clone()) => outcome,
            () = too_late(&stop) => {
                tracing::warn!(object = %key, "stopping in the middle of a step: no answer came");
                Outcome::Stopped
            }
        };
        plane.build_visited(&key);
        let (result, delay) = plane.next_look(&key, outcome, &span);
        metrics.reconciled(key.kind(), result, start.elapsed());
        if let Some(delay) = delay {
            plane.queue.add_later(key.clone(), delay);
        }
        plane.queue.done(&key);
    }
}

/// Returns when a step that was begun before `stop` has had its time.
async fn too_late(stop: &CancellationToken) {
    stop.cancelled().await;
    sleep(GRACE).await;
}

async fn look(plane: &ControlPlane, key: &Key, stop: &CancellationToken) -> Outcome {
    if !plane.shared.kinds.will_do(key) {
        return Outcome::Held;
    }
    match key {
        Key::Workspace(place) => {
            Box::pin(reconcile::reconcile::<CoderWorkspace>(
                plane, key, place, stop,
            ))
            .await
        }
        Key::Template(place) => {
            Box::pin(reconcile::reconcile::<CoderTemplate>(
                plane, key, place, stop,
            ))
            .await
        }
        Key::ImportWorkspace(id) => imported(import::import::<CoderWorkspace>(plane, *id).await),
        Key::ImportTemplate(id) => imported(import::import::<CoderTemplate>(plane, *id).await),
    }
}

/// What was not imported is found again by the next sweep.
fn imported(result: Result<(), import::Error>) -> Outcome {
    if let Err(error) = result {
        tracing::warn!(
            error = chain(&error),
            "not imported; the next sweep tries again"
        );
    }
    Outcome::Rest(None)
}

impl ControlPlane {
    /// What to count, and when to look again.
    fn next_look(
        &self,
        key: &Key,
        outcome: Outcome,
        span: &tracing::Span,
    ) -> (&'static str, Option<Duration>) {
        let _entered = span.enter();
        match outcome {
            Outcome::Gone => {
                self.look_at(self.inventory.object_gone(key));
                self.shared.memory.forget(key);
                self.shared.references.forget(key);
                self.backoff.went_well(key);
                ("gone", None)
            }
            Outcome::Rest(delay) => {
                self.backoff.went_well(key);
                ("ok", delay)
            }
            Outcome::Stopped => ("stopped", None),
            Outcome::Held => ("held", None),
            Outcome::Again => ("again", Some(self.backoff.failed(key, None, None))),
            Outcome::Unknown(failure) => {
                let patience = self.shared.settings.patience();
                let left = patience.checked_sub(self.backoff.unseen_for(key));
                let left = left.filter(|left| !left.is_zero());
                let delay = self.backoff.failed(key, failure.retry_after, left);
                tracing::debug!(reason = %failure.reason, message = failure.message, ?delay, "unknown");
                ("unknown", Some(delay))
            }
            Outcome::Failed(error) if error.is_unreadable() => {
                let delay = self.backoff.failed(key, None, None);
                tracing::warn!(
                    error = chain(&error),
                    ?delay,
                    "this object cannot be read and is left as it is; its external is nobody else's, and \
                     the other objects go on"
                );
                ("unreadable", Some(delay))
            }
            Outcome::Failed(error) => {
                let delay = self.backoff.failed(key, error.retry_after(), None);
                tracing::warn!(error = chain(&error), ?delay, "a look failed");
                ("failed", Some(delay))
            }
        }
    }
}
