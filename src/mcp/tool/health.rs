//! Whether this server, and kube-apiserver behind it, answer the caller.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mcp::{call::Call, catalog::Tool, failure::Failure};

/// Takes no arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {}

#[derive(Debug, Serialize, JsonSchema)]
struct Output {
    /// "ok": else the call fails.
    status: &'static str,
    /// The version of this server.
    version: &'static str,
}

pub(in crate::mcp) fn tools() -> [Tool; 1] {
    [Tool::reading(
        "check_health",
        "Check MCP server health and Kubernetes API connectivity.",
        check,
    )]
}

/// Everybody who is known may ask for the version: no right on namespaces is needed.
async fn check(call: Arc<Call>, _input: Input) -> Result<Output, Failure> {
    call.access.version().await?;
    Ok(Output {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}
