//! The pods of a control plane.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::mcp::{
    call::Call,
    failure::Failure,
    number::{bounded, whole},
    tool::{Metadata, PODS},
};

/// Asks for the pods of a control plane.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    /// The namespace of the control plane.
    namespace: String,
    /// The name of the control plane.
    name: String,
    /// How many pods to return: 100 where it is left out, at most 500.
    #[serde(default, deserialize_with = "whole")]
    limit: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Seen {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: String,
    containers: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: String,
    start_time: String,
    container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerStatus {
    ready: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Pod {
    name: String,
    namespace: String,
    phase: String,
    node_name: String,
    ready_containers: i64,
    total_containers: i64,
    /// RFC 3339; empty if it has not been started.
    start_time: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Pods {
    items: Vec<Pod>,
    /// Whether there are more pods than are shown.
    truncated: bool,
}

pub(super) async fn list(call: Arc<Call>, input: Input) -> Result<Pods, Failure> {
    let Input {
        namespace,
        name,
        limit,
    } = input;
    let limit = bounded("limit", limit, 100, 500)?.to_string();
    let selector = selector(&name)?;
    let parameters = [("labelSelector", selector.as_str()), ("limit", &limit)];
    let page = call.access.list(&PODS, Some(&namespace), &parameters);
    let page: crate::mcp::access::Page<Seen> = page.await?;
    let truncated = !page.next().is_empty();
    let mut items: Vec<Pod> = page.items.into_iter().map(Pod::from).collect();
    items.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Pods { items, truncated })
}

/// The labels that the operator gives to what belongs to a control plane.
fn selector(name: &str) -> Result<String, Failure> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    match name {
        "" => Err(Failure::Arguments("name is required".to_owned())),
        // Anything else could be another selector.
        name if name.len() > 63 || !name.bytes().all(legal) => Err(Failure::Arguments(
            "name must be the name of a control plane: at most 63 letters, digits, hyphens and dots"
                .to_owned(),
        )),
        name => Ok(format!(
            "app.kubernetes.io/name=coder-control-plane,app.kubernetes.io/instance={name},\
             app.kubernetes.io/managed-by=coder-k8s"
        )),
    }
}

impl From<Seen> for Pod {
    fn from(seen: Seen) -> Self {
        let Seen {
            metadata,
            spec,
            status,
        } = seen;
        let ready = status.container_statuses.iter().filter(|one| one.ready);
        let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
        Self {
            name: metadata.name,
            namespace: metadata.namespace,
            phase: status.phase,
            node_name: spec.node_name,
            ready_containers: number(ready.count()),
            total_containers: number(spec.containers.len()),
            start_time: status.start_time,
        }
    }
}
