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

    /// Counts an answer to a request for objects, or to another one, which has neither verb nor resource;
    /// and how long it took, where that says something.
    pub(in crate::apiserver) fn answered(
        &self,
        (verb, resource): (&'static str, &'static str),
        status: StatusCode,
        took: Option<Duration>,
    ) {
        let labels = RequestLabels {
            verb,
            resource,
            code: status.as_u16(),
        };
        self.0.requests.get_or_create(&labels).inc();
        if let Some(took) = took {
            let durations = &self.0.duration;
            let duration = durations.get_or_create(&VerbLabels { verb });
            duration.observe(took.as_secs_f64());
        }
    }

    /// Counts a connection for as long as the result lives.
    pub(in crate::apiserver) fn connected(&self) -> Connected {
        self.0.connections.inc();
        Connected(self.0.connections.clone())
    }
}

/// A connection that is counted.
#[derive(Debug)]
pub(in crate::apiserver) struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.dec();
    }
}
