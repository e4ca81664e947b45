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

use crate::coderd::{RequestOutcome, RequestResult};

/// Handles on the metrics; clones count into the same ones.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Handles>);

#[derive(Debug)]
struct Handles {
    requests: Family<RequestLabels, Counter>,
    reconciles: Family<ReconcileLabels, Counter>,
    reconcile_duration: Histogram,
    sweeps: Family<SweepLabels, Counter>,
    sweep_duration: Histogram,
    queue_depth: Family<LaneLabels, Gauge>,
    watch_failures: Counter,
    leads: Gauge,
    builds: Family<BuildLabels, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: &'static str,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReconcileLabels {
    kind: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SweepLabels {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LaneLabels {
    lane: &'static str,
}

impl Metrics {
    /// Registers the metrics with `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let durations = || Histogram::new(exponential_buckets(0.005, 2.0, 14));
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

    /// So many builds of ours have a place in coderd, and so many wait for one.
    pub(super) fn builds(&self, active: usize, waiting: usize) {
        for (state, count) in [("active", active), ("waiting", waiting)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.0
                .builds
                .get_or_create(&BuildLabels { state })
                .set(count);
        }
    }

    /// A request to coderd ended.
    pub fn requested(&self, outcome: &RequestOutcome) {
        let code = match outcome.result {
            RequestResult::Status(status) => status.as_str().to_owned(),
            RequestResult::Failed(kind) => kind.to_owned(),
        };
        let method = outcome.method.as_str().to_owned();
        let labels = RequestLabels {
            method,
            route: outcome.route,
            code,
        };
        self.0.requests.get_or_create(&labels).inc();
    }

    pub(super) fn reconciled(&self, kind: &'static str, result: &'static str, took: Duration) {
        self.0
            .reconciles
            .get_or_create(&ReconcileLabels { kind, result })
            .inc();
        self.0.reconcile_duration.observe(took.as_secs_f64());
    }

    pub(super) fn swept(&self, result: &'static str, took: Duration) {
        self.0.sweeps.get_or_create(&SweepLabels { result }).inc();
        self.0.sweep_duration.observe(took.as_secs_f64());
    }

    pub(super) fn queued(&self, lane: &'static str, depth: usize) {
        let depth = i64::try_from(depth).unwrap_or(i64::MAX);
        self.0
            .queue_depth
            .get_or_create(&LaneLabels { lane })
            .set(depth);
    }

    pub(super) fn watch_failed(&self) {
        self.0.watch_failures.inc();
    }
}
