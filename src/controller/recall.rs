//! What was deleted shortly before the start counts as much as what is deleted after it: a controller
//! that began to count anew with each start could be made to delete everything by restarting often
//! enough. The Events that it left behind say what it was.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use kube::{Api, api::ListParams};
use tokio::time::sleep;

use super::{control_plane::ControlPlane, key::Key};
use crate::{
    api::{names::MANAGER_CONTROLLER, text::chain},
    sync::{events::EventReason, rules::mass_deletion::Deletions},
};

/// How soon it is tried again.
const PAUSE: Duration = Duration::from_secs(3);

/// Counts what was deleted of late on either side; tries until the API server answers.
pub(super) async fn recall(plane: &ControlPlane) {
    for (reason, deletions) in [
        (EventReason::Deleted, &plane.deletions),
        (EventReason::Removed, &plane.removals),
    ] {
        while let Err(error) = of_one_side(plane, reason, deletions).await {
            if matches!(&error, kube::Error::Api(status) if status.code == 403) {
                tracing::warn!(
                    error = chain(&error),
                    "what was deleted before the start does not count for the limit on deletions"
                );
                break;
            }
            tracing::warn!(error = chain(&error), "cannot list our Events yet");
            sleep(PAUSE).await;
        }
    }
}

async fn of_one_side(
    plane: &ControlPlane,
    reason: EventReason,
    deletions: &Mutex<Deletions<Key>>,
) -> kube::Result<()> {
    let settings = &plane.shared.settings;
    let events: Api<Event> = Api::namespaced(settings.kube.clone(), &plane.home.place.namespace);
    let ours = format!(
        "reason={},reportingController={MANAGER_CONTROLLER}",
        reason.as_str()
    );
    let events = events.list(&ListParams::default().fields(&ours)).await?;
    // An Event that names no control plane may be of this one.
    let is_ours = |event: &&Event| {
        let related = event.related.as_ref().and_then(|it| it.name.as_ref());
        related.is_none_or(|name| *name == plane.home.place.name)
    };
    let times = events.items.iter().filter(is_ours).filter_map(time);
    let mut deletions = deletions.lock().unwrap_or_else(PoisonError::into_inner);
    deletions.recall(times, settings.clock.now());
    Ok(())
}

fn time(event: &Event) -> Option<Timestamp> {
    event.event_time.as_ref().map(|time| time.0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        controller::stage,
        k8s::fake::{Answer, Seen, status},
        k8s::object,
    };

    fn event(time: &str) -> Value {
        json!({
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": { "name": "e", "namespace": "coder" },
            "eventTime": format!("2026-11-21T{time}.000000Z"),
        })
    }

    /// How many deletions on either side are admitted after a start at 10:00:00.
    async fn admitted(answer: impl Fn(&Seen) -> Answer + Clone + Send + 'static) -> [usize; 2] {
        let (plane, _readiness) = stage::controller_with(stage::empty, answer);
        recall(&plane).await;
        let keys = || {
            (0..50)
                .map(|number| Key::Template(object::Key::new("coder", format!("acme.t{number}"))))
        };
        [
            keys()
                .filter(|key| plane.admit_deletion(key).is_ok())
                .count(),
            keys()
                .filter(|key| plane.admit_removal(key).is_ok())
                .count(),
        ]
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_deleted_before_the_start_counts_for_ten_minutes() {
        let found = admitted(|seen| {
            let selector = seen.parameter("fieldSelector").unwrap_or_default();
            let events = if selector.starts_with("reason=Deleted,") {
                let mut of_another = event("09:55:00");
                of_another["related"] = json!({ "kind": "CoderControlPlane", "name": "other" });
                [
                    vec![event("09:55:00"); 14],
                    vec![event("09:49:00"); 5],
                    vec![of_another; 3],
                ]
                .concat()
            } else {
                vec![event("09:59:00"); 3]
            };
            let list = json!({
                "apiVersion": "events.k8s.io/v1",
                "kind": "EventList",
                "metadata": {},
                "items": events,
            });
            Answer::json(200, &list)
        })
        .await;
        assert_eq!(found, [6, 17]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_that_is_missing_keeps_nobody_from_working() {
        let refusal = status(403, "Forbidden", "events is forbidden", &json!({}));
        let found = admitted(move |_| Answer::json(403, &refusal)).await;
        assert_eq!(found, [20, 20]);
    }
}
