//! What is measured of the MCP server, as `coder_k8s_mcp_*`.

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
    calls: Family<CallLabels, Counter>,
    duration: Family<ToolLabels, Histogram>,
    subscriptions: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    tool: String,
    result: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ToolLabels {
    tool: String,
}

impl Metrics {
    /// Registers the metrics with `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let handles = Handles {
            requests: Family::default(),
            calls: Family::default(),
            duration: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.001, 2.0, 17))
            }),
            subscriptions: Gauge::default(),
        };
        registry.register(
            "mcp_requests",
            "Answers of the MCP server, by their HTTP status",
            handles.requests.clone(),
        );
        registry.register(
            "mcp_calls",
            "Calls of tools, and reads of resources",
            handles.calls.clone(),
        );
        registry.register_with_unit(
            "mcp_call_duration",
            "How long a call of a tool took",
            Unit::Seconds,
            handles.duration.clone(),
        );
        registry.register(
            "mcp_subscriptions",
            "Clients that are told of changes",
            handles.subscriptions.clone(),
        );
        Self(Arc::new(handles))
    }

    /// A request was answered, whoever sent it.
    pub(super) fn answered(&self, status: StatusCode) {
        let code = status.as_u16();
        let requests = &self.0.requests;
        requests.get_or_create(&RequestLabels { code }).inc();
    }

    /// A call of a tool that there is, or a request that is like one, ended with `result`; and how long it
    /// took, where that says something.
    pub(super) fn called(&self, tool: &str, result: &str, took: Option<Duration>) {
        let tool = tool.to_owned();
        if let Some(took) = took {
            let labels = ToolLabels { tool: tool.clone() };
            let duration = self.0.duration.get_or_create(&labels);
            duration.observe(took.as_secs_f64());
        }
        let result = result.to_owned();
        let calls = &self.0.calls;
        calls.get_or_create(&CallLabels { tool, result }).inc();
    }

    /// Counts the clients that are told of changes now.
    pub(super) fn subscriptions(&self) -> Gauge {
        self.0.subscriptions.clone()
    }
}
