//! What is measured of the controller, as `coder_k8s_*`.

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use super::queue::Lane;
use crate::{
    coderd::{RequestOutcome, RequestResult},
    k8s::object,
};

fn duration() -> Histogram {
    Histogram::new(exponential_buckets(0.005, 2.0, 14))
}

/// The states of builds.
const BUILD_STATES: [&str; 2] = ["active", "waiting"];

/// Handles on the metrics; clones count into the same ones.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Handles>);

#[derive(Debug)]
struct Handles {
    requests: Family<RequestLabels, Counter>,
    reconciles: Family<ReconcileLabels, Counter>,
    reconcile_duration: Family<PlaneLabels, Histogram>,
    sweeps: Family<SweepLabels, Counter>,
    sweep_duration: Family<PlaneLabels, Histogram>,
    queue_depth: Family<LaneLabels, Gauge>,
    watch_failures: Counter,
    leads: Gauge,
    builds: Family<BuildLabels, Gauge>,
}

/// What is measured of one control plane.
#[derive(Clone, Debug)]
pub struct PlaneMetrics {
    handles: Arc<Handles>,
    plane: PlaneLabels,
}

/// Which control plane; both empty for the objects that belong to none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PlaneLabels {
    namespace: String,
    control_plane: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    #[prometheus(flatten)]
    plane: PlaneLabels,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    #[prometheus(flatten)]
    plane: PlaneLabels,
    method: String,
    route: &'static str,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReconcileLabels {
    #[prometheus(flatten)]
    plane: PlaneLabels,
    kind: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SweepLabels {
    #[prometheus(flatten)]
    plane: PlaneLabels,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LaneLabels {
    #[prometheus(flatten)]
    plane: PlaneLabels,
    lane: &'static str,
}

impl Metrics {
    /// Registers the metrics with `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let durations = || Family::new_with_constructor(duration as fn() -> Histogram);
        let handles = Handles {
            requests: Family::default(),
            reconciles: Family::default(),
            reconcile_duration: durations(),
            sweeps: Family::default(),
            sweep_duration: durations(),
            queue_depth: Family::default(),
            watch_failures: Counter::default(),
            leads: Gauge::default(),
            builds: Family::default(),
        };
        registry.register(
            "coderd_requests",
            "Requests to coderd",
            handles.requests.clone(),
        );
        registry.register(
            "reconciles",
            "Objects looked at",
            handles.reconciles.clone(),
        );
        registry.register_with_unit(
            "reconcile_duration",
            "How long a look took",
            Unit::Seconds,
            handles.reconcile_duration.clone(),
        );
        registry.register("sweeps", "Sweeps of coderd's lists", handles.sweeps.clone());
        registry.register_with_unit(
            "sweep_duration",
            "How long a sweep took",
            Unit::Seconds,
            handles.sweep_duration.clone(),
        );
        registry.register(
            "queue_depth",
            "Objects that wait for a look",
            handles.queue_depth.clone(),
        );
        registry.register(
            "watch_failures",
            "Failed watches",
            handles.watch_failures.clone(),
        );
        registry.register(
            "leader",
            "Whether this replica works: 1 on the leader, 0 on those that wait",
            handles.leads.clone(),
        );
        registry.register(
            "builds",
            "Builds of the controller in Coder",
            handles.builds.clone(),
        );
        Self(Arc::new(handles))
    }

    /// Whether this replica is the one that works.
    pub fn leads(&self, is_leader: bool) {
        self.0.leads.set(is_leader.into());
    }

    /// Those of the control plane `place`.
    pub fn of(&self, place: &object::Key) -> PlaneMetrics {
        PlaneMetrics {
            handles: Arc::clone(&self.0),
            plane: PlaneLabels {
                namespace: place.namespace.clone(),
                control_plane: place.name.clone(),
            },
        }
    }

    pub(super) fn watch_failed(&self) {
        self.0.watch_failures.inc();
    }
}

impl PlaneMetrics {
    /// So many builds of ours have a place in coderd, and so many wait for one.
    pub(super) fn builds(&self, active: usize, waiting: usize) {
        for (state, count) in BUILD_STATES.into_iter().zip([active, waiting]) {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let labels = self.build_labels(state);
            self.handles.builds.get_or_create(&labels).set(count);
        }
    }

    /// A request to coderd ended.
    pub fn requested(&self, outcome: &RequestOutcome) {
        let code = match outcome.result {
            RequestResult::Status(status) => status.as_str().to_owned(),
            RequestResult::Failed(kind) => kind.to_owned(),
        };
        let labels = RequestLabels {
            plane: self.plane.clone(),
            method: outcome.method.as_str().to_owned(),
            route: outcome.route,
            code,
        };
        self.handles.requests.get_or_create(&labels).inc();
    }

    pub(super) fn reconciled(&self, kind: &'static str, result: &'static str, took: Duration) {
        let labels = ReconcileLabels {
            plane: self.plane.clone(),
            kind,
            result,
        };
        self.handles.reconciles.get_or_create(&labels).inc();
        let durations = &self.handles.reconcile_duration;
        durations
            .get_or_create(&self.plane)
            .observe(took.as_secs_f64());
    }

    pub(super) fn swept(&self, result: &'static str, took: Duration) {
        let labels = SweepLabels {
            plane: self.plane.clone(),
            result,
        };
        self.handles.sweeps.get_or_create(&labels).inc();
        let durations = &self.handles.sweep_duration;
        durations
            .get_or_create(&self.plane)
            .observe(took.as_secs_f64());
    }

    pub(super) fn queued(&self, lane: Lane, depth: usize) {
        let depth = i64::try_from(depth).unwrap_or(i64::MAX);
        let labels = self.lane_labels(lane);
        self.handles.queue_depth.get_or_create(&labels).set(depth);
    }

    /// The control plane is not synchronised any more: nothing waits there.
    pub(super) fn ended(&self) {
        for lane in Lane::ALL {
            self.handles.queue_depth.remove(&self.lane_labels(lane));
        }
        for state in BUILD_STATES {
            self.handles.builds.remove(&self.build_labels(state));
        }
    }

    fn build_labels(&self, state: &'static str) -> BuildLabels {
        BuildLabels {
            plane: self.plane.clone(),
            state,
        }
    }

    fn lane_labels(&self, lane: Lane) -> LaneLabels {
        LaneLabels {
            plane: self.plane.clone(),
            lane: lane.name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn a_gauge_of_one_control_plane_is_none_of_another_and_goes_with_it() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let of = |name: &str| metrics.of(&object::Key::new("team", name));
        let (a, b) = (of("a"), of("b"));
        let scraped = || {
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            let lines = text.lines().filter(|line| line.contains("\"team\""));
            lines.map(str::to_owned).collect::<Vec<_>>().join("\n")
        };
        for (plane, depth) in [(&a, 3), (&b, 5)] {
            plane.queued(Lane::Edit, depth);
            plane.builds(depth, 0);
        }
        let text = scraped();
        for sample in [
            r#"queue_depth{namespace="team",control_plane="a",lane="edit"} 3"#,
            r#"queue_depth{namespace="team",control_plane="b",lane="edit"} 5"#,
            r#"builds{namespace="team",control_plane="b",state="active"} 5"#,
        ] {
            assert!(text.contains(sample), "{text}");
        }
        a.ended();
        let text = scraped();
        assert!(!text.contains("\"a\"") && text.contains("\"b\""), "{text}");
    }
}
