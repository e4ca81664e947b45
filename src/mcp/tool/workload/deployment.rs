//! How far a Deployment is.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mcp::{
    call::Call,
    failure::Failure,
    tool::{DEPLOYMENTS, Metadata, Object},
};

#[derive(Debug, Deserialize)]
struct Seen {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
struct Spec {
    #[serde(default)]
    replicas: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    ready_replicas: i64,
    updated_replicas: i64,
    available_replicas: i64,
    unavailable_replicas: i64,
    observed_generation: i64,
    conditions: Vec<Condition>,
}

/// A condition of a Deployment.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: String,
    message: String,
    /// RFC 3339.
    last_update_time: String,
    /// RFC 3339.
    last_transition_time: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deployment {
    name: String,
    namespace: String,
    /// How many pods are wanted.
    replicas: i64,
    ready_replicas: i64,
    updated_replicas: i64,
    available_replicas: i64,
    unavailable_replicas: i64,
    observed_generation: i64,
    conditions: Vec<Condition>,
}

pub(super) async fn status(call: Arc<Call>, input: Object) -> Result<Deployment, Failure> {
    let Object { namespace, name } = input;
    let seen: Seen = call.access.read(&DEPLOYMENTS, &namespace, &name).await?;
    let Seen {
        metadata,
        spec,
        status,
    } = seen;
    let mut conditions = status.conditions;
    conditions.sort_by(|one, other| one.kind.cmp(&other.kind));
    Ok(Deployment {
        name: metadata.name,
        namespace: metadata.namespace,
        replicas: spec.replicas,
        ready_replicas: status.ready_replicas,
        updated_replicas: status.updated_replicas,
        available_replicas: status.available_replicas,
        unavailable_replicas: status.unavailable_replicas,
        observed_generation: status.observed_generation,
        conditions,
    })
}
