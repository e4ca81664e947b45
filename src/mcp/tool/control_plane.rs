//! Control planes: which there are, and how they are.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CONTROL_PLANES, List, Metadata, Object};
use crate::mcp::{call::Call, catalog::Tool, failure::Failure};

const CHUNK: usize = 500;

#[derive(Debug, Deserialize)]
struct Seen {
    metadata: Metadata,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    observed_generation: i64,
    ready_replicas: i64,
    url: String,
    phase: String,
    conditions: Option<Vec<Condition>>,
}

/// A condition of an object.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: String,
    message: String,
    observed_generation: i64,
    /// RFC 3339.
    last_transition_time: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Summary {
    name: String,
    namespace: String,
    phase: String,
    ready_replicas: i64,
    url: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Summaries {
    items: Vec<Summary>,
    /// Where the list goes on; absent at its end.
    #[serde(rename = "continue", skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Detail {
    observed_generation: i64,
    ready_replicas: i64,
    url: String,
    phase: String,
    /// Null where there are none.
    conditions: Option<Vec<Condition>>,
}

pub(in crate::mcp) fn tools() -> [Tool; 2] {
    [
        Tool::reading(
            "list_control_planes",
            "List CoderControlPlane resources.",
            list,
        ),
        Tool::reading(
            "get_control_plane_status",
            "Get status for a CoderControlPlane resource.",
            status,
        ),
    ]
}

async fn list(call: Arc<Call>, input: List) -> Result<Summaries, Failure> {
    let (seen, next) = input.read(&call.access, &CONTROL_PLANES, CHUNK).await?;
    let summary = |Seen { metadata, status }| Summary {
        name: metadata.name,
        namespace: metadata.namespace,
        phase: status.phase,
        ready_replicas: status.ready_replicas,
        url: status.url,
    };
    Ok(Summaries {
        items: seen.into_iter().map(summary).collect(),
        next,
    })
}

async fn status(call: Arc<Call>, input: Object) -> Result<Detail, Failure> {
    let Object { namespace, name } = input;
    let seen: Seen = call.access.read(&CONTROL_PLANES, &namespace, &name).await?;
    let Status {
        observed_generation,
        ready_replicas,
        url,
        phase,
        conditions,
    } = seen.status;
    Ok(Detail {
        observed_generation,
        ready_replicas,
        url,
        phase,
        conditions,
    })
}
