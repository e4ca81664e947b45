//! A worker: takes a key, looks at it, says when to look again.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt as _;
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

/// How soon a worker looks again for an object that another control plane's worker has in hand.
const WHILE_IN_HAND: Duration = Duration::from_millis(100);

/// Works until `stop`. A step that was begun is ended, unless the other side lets it wait too long.
pub(super) async fn run(plane: Arc<ControlPlane>, stop: CancellationToken) {
    let home = &plane.home;
    while let Some(key) = stop.run_until_cancelled(home.queue.next()).await {
        let metrics = &plane.metrics;
        for lane in Lane::ALL {
            metrics.queued(lane, home.queue.depth(lane));
        }
        let start = Instant::now();
        let span = tracing::info_span!("reconcile", object = %key, control_plane = plane.name());
        let outcome = look_safely(&plane, &key, &stop)
            .instrument(span.clone())
            .await;
        home.build_visited(&key, metrics);
        let (result, delay) = plane.next_look(&key, outcome, &span);
        metrics.reconciled(key.kind(), result, start.elapsed());
        if let Some(delay) = delay {
            home.queue.add_later(key.clone(), delay);
        }
        home.queue.done(&key);
    }
}

/// Looks at what `key` names, if it is at home here. A look that panics keeps nobody from looking at the others.
async fn look_safely(plane: &ControlPlane, key: &Key, stop: &CancellationToken) -> Outcome {
    if plane.is_elsewhere(key) {
        return Outcome::Elsewhere;
    }
    let Some(_hand) = plane.shared.take_in_hand(key) else {
        return Outcome::Rest(Some(WHILE_IN_HAND));
    };
    let look = AssertUnwindSafe(look(plane, key, stop)).catch_unwind();
    let outcome = tokio::select! {
        outcome = look => outcome.unwrap_or(Outcome::Panicked),
        () = too_late(stop) => {
            tracing::warn!(object = %key, "stopping in the middle of a step: no answer came");
            Outcome::Stopped
        }
    };
    if plane.is_elsewhere(key) {
        return Outcome::Elsewhere;
    }
    outcome
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
    /// Whether the object is at home in another control plane.
    fn is_elsewhere(&self, key: &Key) -> bool {
        let home = self.shared.router.home(key);
        home.is_some_and(|home| !Arc::ptr_eq(&home, &self.home))
    }

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
                self.home.leave(key);
                let _home = self.shared.object_gone(key);
                ("gone", None)
            }
            Outcome::Rest(delay) => {
                self.home.backoff.went_well(key);
                ("ok", delay)
            }
            Outcome::Elsewhere => {
                self.home.leave(key);
                self.shared.router.look(key.clone(), Lane::Due);
                ("elsewhere", None)
            }
            Outcome::Panicked => {
                let delay = self.home.backoff.failed(key, None, None);
                tracing::error!(
                    ?delay,
                    "a look panicked, which is a defect; the object is left as it is"
                );
                ("panicked", Some(delay))
            }
            Outcome::Stopped => ("stopped", None),
            Outcome::Held => ("held", None),
            Outcome::Again => ("again", Some(self.home.backoff.failed(key, None, None))),
            Outcome::Unknown(failure) => {
                let patience = self.shared.settings.patience();
                let left = patience.checked_sub(self.home.backoff.unseen_for(key));
                let left = left.filter(|left| !left.is_zero());
                let delay = self.home.backoff.failed(key, failure.retry_after, left);
                tracing::debug!(reason = %failure.reason, message = failure.message, ?delay, "unknown");
                ("unknown", Some(delay))
            }
            Outcome::Failed(error) if error.is_unreadable() => {
                let delay = self.home.backoff.failed(key, None, None);
                tracing::warn!(
                    error = chain(&error),
                    ?delay,
                    "this object cannot be read and is left as it is; its external is nobody else's, and \
                     the other objects go on"
                );
                ("unreadable", Some(delay))
            }
            Outcome::Failed(error) => {
                let delay = self.home.backoff.failed(key, error.retry_after(), None);
                tracing::warn!(error = chain(&error), ?delay, "a look failed");
                ("failed", Some(delay))
            }
        }
    }
}
