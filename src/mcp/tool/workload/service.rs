//! Where a Service is reached.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::mcp::{
    call::Call,
    failure::Failure,
    redact::LAST_APPLIED,
    tool::{Metadata, Object, SERVICES},
};

#[derive(Debug, Deserialize)]
struct Seen {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "clusterIP")]
    cluster_ip: String,
    ports: Vec<SeenEntry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SeenEntry {
    name: String,
    port: i64,
    target_port: Value,
    node_port: i64,
    protocol: String,
}

/// A port.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: String,
    port: i64,
    /// A number or a name.
    target_port: String,
    node_port: i64,
    protocol: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Service {
    name: String,
    namespace: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "clusterIP")]
    cluster_ip: String,
    ports: Vec<Entry>,
    annotations: BTreeMap<String, String>,
}

pub(super) async fn status(call: Arc<Call>, input: Object) -> Result<Service, Failure> {
    let Object { namespace, name } = input;
    let seen: Seen = call.access.read(&SERVICES, &namespace, &name).await?;
    let Seen { metadata, spec } = seen;
    let mut annotations = metadata.annotations;
    annotations.remove(LAST_APPLIED);
    Ok(Service {
        name: metadata.name,
        namespace: metadata.namespace,
        kind: spec.kind,
        cluster_ip: spec.cluster_ip,
        ports: spec.ports.into_iter().map(Entry::from).collect(),
        annotations,
    })
}

impl From<SeenEntry> for Entry {
    fn from(seen: SeenEntry) -> Self {
        let target_port = match seen.target_port {
            Value::String(name) => name,
            Value::Null => String::new(),
            number @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                number.to_string()
            }
        };
        Self {
            name: seen.name,
            port: seen.port,
            target_port,
            node_port: seen.node_port,
            protocol: seen.protocol,
        }
    }
}
