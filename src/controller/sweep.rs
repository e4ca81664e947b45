//! Sweeps: coderd's lists at an interval, compared with the sweep before.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt as _;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::{
    control_plane::ControlPlane,
    deployment::{View, deployment},
    inventory::{Row, RowContent},
    key::Key,
    queue::Lane,
    recall::recall,
    template, workspace,
};
use crate::{
    api::condition::Reason,
    coderd,
    sync::{external::Failure, kind::ExternalObject, refusal::DigestKey},
};

/// A sweep takes at most this share of the time.
const DUTY: u32 = 10;
/// How soon a sweep that failed is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(3);

/// Sweeps for ever.
pub(super) async fn run(plane: Arc<ControlPlane>) {
    let settings = &plane.shared.settings;
    let mut failing_since = None;
    // Nothing is deleted before the first sweep.
    recall(&plane).await;
    loop {
        let start = Instant::now();
        let result = AssertUnwindSafe(sweep(&plane)).catch_unwind().await;
        let result = result.unwrap_or_else(|_| Err(defect()));
        let took = start.elapsed();
        let next = match result {
            Ok(()) => {
                plane.metrics.swept("ok", took);
                // Who found coderd failing meanwhile need not wait for its own next try.
                if failing_since.take().is_some() {
                    plane.home.look_at(plane.home.backoff.unseen());
                }
                Instant::now() + settings.sweep_interval.max(took * DUTY)
            }
            Err(failure) => {
                plane.metrics.swept("failed", took);
                let since = *failing_since.get_or_insert(start);
                let failing_for = since.elapsed();
                tracing::warn!(error = %failure.message, ?failing_for, "a sweep of coderd failed");
                let pause = settings.sweep_interval.min(AFTER_FAILURE);
                let next = Instant::now() + pause.max(failure.retry_after.unwrap_or_default());
                let blind = since + settings.patience();
                if blind <= next {
                    sleep_until(blind).await;
                    if plane.deployments.set(View::Blind(failure)) {
                        plane.home.look_at_everything();
                    }
                }
                next
            }
        };
        sleep_until(next).await;
    }
}

/// What objects say where a sweep panics.
fn defect() -> Failure {
    let message = "looking through Coder's lists panicked, which is a defect of the controller: its log says more";
    Failure::new(Reason::CoderdUnavailable, message)
}

async fn sweep(plane: &ControlPlane) -> Result<(), Failure> {
    let client = &plane.client;
    let info = client.build_info().await?;
    plane.is_the_only_one(&info.deployment_id)?;
    let user = client.user("me").await?;
    let features = client.enabled_features().await?;
    let digest_key = DigestKey::new(client.derived_key(DigestKey::PURPOSE)?);
    let mut rows: BTreeMap<Uuid, Row> = BTreeMap::new();
    let templates = client.templates().await?;
    let deprecated = client.deprecated_templates().await?;
    plane.home.builds_are_swept();
    let workspaces = client.workspaces().await?;
    // Last, so that it holds those of all rows.
    let organizations = client.organizations().await?;
    let all_templates = templates.iter().chain(&deprecated);
    plane.directory.swept(organizations, all_templates);
    rows.extend(templates.iter().chain(&deprecated).map(template_row));
    let secrets = client.secrets();
    rows.extend(
        workspaces
            .workspaces
            .iter()
            .filter(|row| {
                !row.is_prebuild && row.latest_build.status != coderd::BuildStatus::Deleted
            })
            .map(|row| workspace_row(row, &secrets)),
    );
    plane.home.builds_swept(rows.iter(), user.id);
    let deployment = deployment(&info, &user, &features, digest_key);
    let is_new = plane.deployments.set(View::Open(deployment));
    let (place, settings) = (&plane.home.place, &plane.shared.settings);
    let imports = &settings.imports;
    let changes = plane.home.inventory.swept(rows, |name| imports.cover(name));
    plane.home.look_at(changes.woken);
    for key in changes.objects {
        plane.home.queue.add(key, Lane::Bulk);
    }
    let imports = changes.imports.into_iter();
    let is_known = |key: &Key| {
        plane
            .shared
            .is_watching(key.object_kind(), &place.namespace)
    };
    for key in imports.filter(is_known) {
        plane.home.queue.add(key, Lane::Import);
    }
    if is_new {
        plane.home.look_at_everything();
    }
    if settings.is_fixed(place) {
        plane
            .shared
            .progressed(|progress| progress.swept = Some(true));
    }
    Ok(())
}

impl ControlPlane {
    /// No other control plane must have the objects of this deployment: each twin would have two.
    fn is_the_only_one(&self, deployment_id: &str) -> Result<(), Failure> {
        let reached = self.shared.router.reaches(&self.home.place, deployment_id);
        reached.map_err(|other| {
            let message = format!(
                "this control plane leads to deployment {deployment_id}, which is synchronised by control plane \
                 {other} already; remove one of the two"
            );
            Failure::new(Reason::DuplicateControlPlane, message)
        })
    }
}

fn workspace_row(row: &coderd::Workspace, secrets: &coderd::Secrets) -> (Uuid, Row) {
    let external = workspace::translate(row, secrets).for_comparison();
    let row_content = Row {
        name: external.object_name().to_string(),
        organization: external.organization.clone(),
        content: RowContent::Workspace(Box::new(external)),
    };
    (row.id, row_content)
}

fn template_row(row: &coderd::Template) -> (Uuid, Row) {
    let external = template::translate(row, None);
    let row_content = Row {
        name: external.object_name().to_string(),
        organization: row.organization_name.clone(),
        content: RowContent::Template(Box::new(external)),
    };
    (row.id, row_content)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use tokio::{task::JoinSet, time::sleep};

    use super::*;
    use crate::controller::{
        key::Key,
        stage::{self, Answer},
    };
    use crate::k8s::object;

    /// A coderd that can be switched off.
    struct Switched {
        is_well: AtomicBool,
        refuses: Answer,
        asked: AtomicUsize,
    }

    /// A controller that sweeps a coderd that is well or not at first.
    fn sweeping(is_well: bool, refuses: Answer) -> (Arc<ControlPlane>, Arc<Switched>, JoinSet<()>) {
        let switch = Arc::new(Switched {
            is_well: AtomicBool::new(is_well),
            refuses,
            asked: AtomicUsize::new(0),
        });
        let coderd = Arc::clone(&switch);
        let (plane, _readiness) = stage::controller(move |path| {
            coderd.asked.fetch_add(1, Ordering::Relaxed);
            if coderd.is_well.load(Ordering::Relaxed) {
                stage::empty(path)
            } else {
                coderd.refuses.clone()
            }
        });
        let mut sweeps = JoinSet::new();
        sweeps.spawn(run(Arc::clone(&plane)));
        (plane, switch, sweeps)
    }

    async fn seconds(seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn coderd_is_out_of_sight_only_after_a_minute_of_failing() {
        let (plane, coderd, _sweeps) = sweeping(true, Err((503, None)));
        seconds(1).await;
        let seen = plane.deployments.get();
        let View::Open(deployment) = &seen else {
            panic!("{seen:?}");
        };
        assert_ne!(deployment.digest_key, DigestKey::default());
        for outage in [20, 40, 55] {
            coderd.is_well.store(false, Ordering::Relaxed);
            seconds(outage).await;
            assert_eq!(plane.deployments.get(), seen, "{outage} s");
            coderd.is_well.store(true, Ordering::Relaxed);
            seconds(30).await;
            assert_eq!(plane.deployments.get(), seen, "{outage} s");
        }
        coderd.is_well.store(false, Ordering::Relaxed);
        seconds(80).await;
        let view = plane.deployments.get();
        assert!(matches!(view, View::Blind(_)), "{view:?}");
        coderd.is_well.store(true, Ordering::Relaxed);
        seconds(5).await;
        assert_eq!(plane.deployments.get(), seen);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sweep_that_panics_is_tried_again_and_told_of() {
        let broken = Arc::new(AtomicBool::new(true));
        let coderd = Arc::clone(&broken);
        let (plane, _readiness) = stage::controller(move |path| {
            let is_broken = coderd.load(Ordering::Relaxed);
            assert!(!is_broken || !path.starts_with("/workspaces"), "broken");
            stage::empty(path)
        });
        let mut sweeps = JoinSet::new();
        sweeps.spawn(run(Arc::clone(&plane)));
        seconds(62).await;
        let view = plane.deployments.get();
        assert!(
            matches!(&view, View::Blind(failure) if failure.message.contains("defect")),
            "{view:?}"
        );
        broken.store(false, Ordering::Relaxed);
        seconds(5).await;
        let view = plane.deployments.get();
        assert!(matches!(view, View::Open(_)), "{view:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_told_before_coderd_was_awaited_for_a_minute() {
        let (plane, coderd, _sweeps) = sweeping(false, Err((503, None)));
        seconds(59).await;
        assert_eq!(plane.deployments.get(), View::Awaited);
        seconds(3).await;
        let view = plane.deployments.get();
        assert!(matches!(view, View::Blind(_)), "{view:?}");
        coderd.is_well.store(true, Ordering::Relaxed);
        seconds(5).await;
        let view = plane.deployments.get();
        assert!(matches!(view, View::Open(_)), "{view:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_wants_to_be_left_alone_for_long_is_told_of_in_time_and_left_alone() {
        let (plane, coderd, _sweeps) = sweeping(false, Err((429, Some(600))));
        seconds(61).await;
        let view = plane.deployments.get();
        assert!(matches!(view, View::Blind(_)), "{view:?}");
        let asked = coderd.asked.load(Ordering::Relaxed);
        seconds(530).await;
        assert_eq!(coderd.asked.load(Ordering::Relaxed), asked);
    }

    #[tokio::test(start_paused = true)]
    async fn who_found_coderd_failing_is_looked_at_once_it_answers_again() {
        let (plane, coderd, _sweeps) = sweeping(true, Err((503, None)));
        seconds(1).await;
        coderd.is_well.store(false, Ordering::Relaxed);
        seconds(20).await;
        let key = Key::Workspace(object::Key::new("coder", "acme.ann.dev"));
        plane.home.backoff.unseen_for(&key);
        coderd.is_well.store(true, Ordering::Relaxed);
        seconds(5).await;
        let next = tokio::time::timeout(Duration::from_secs(1), plane.home.queue.next()).await;
        assert_eq!(next, Ok(key));
    }
}
