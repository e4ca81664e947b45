//! What is measured of the aggregated API, as `coder_k8s_apiserver_*`.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
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

use super::route::{Target, Verb};

/// Handles on the metrics; clones count into the same ones.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Handles>);

#[derive(Debug)]
struct Handles {
    requests: Family<RequestLabels, Counter>,
    duration: Family<VerbLabels, Histogram>,
    connections: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    verb: &'static str,
    resource: &'static str,
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerbLabels {
    verb: &'static str,
}

impl Metrics {
    /// Registers the metrics with `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let handles = Handles {
            requests: Family::default(),
            duration: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.001, 2.0, 14))
            }),
            connections: Gauge::default(),
        };
        registry.register(
            "apiserver_requests",
            "Requests to the aggregated API",
            handles.requests.clone(),
        );
        registry.register_with_unit(
            "apiserver_request_duration",
            "From a request to the head of its answer, without watches",
            Unit::Seconds,
            handles.duration.clone(),
        );
        registry.register(
            "apiserver_connections",
            "Open connections to the aggregated API",
            handles.connections.clone(),
        );
        Self(Arc::new(handles))
    }

    /// Counts an answer; what is no request for objects counts without a verb.
    pub(super) fn answered(&self, target: Option<&Target>, status: StatusCode, took: Duration) {
        let verb = target.map_or("", |target| target.verb.word());
        self.0
            .requests
            .get_or_create(&RequestLabels {
                verb,
                resource: target.map_or("", |target| target.resource.plural()),
                code: status.as_u16(),
            })
            .inc();
        if target.is_some_and(|target| target.verb != Verb::Watch) {
            self.0
                .duration
                .get_or_create(&VerbLabels { verb })
                .observe(took.as_secs_f64());
        }
    }

    /// Counts a connection for as long as the result lives.
    pub(super) fn connected(&self) -> Connected {
        self.0.connections.inc();
        Connected(self.0.connections.clone())
    }
}

/// A connection that is counted.
#[derive(Debug)]
pub(super) struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}
