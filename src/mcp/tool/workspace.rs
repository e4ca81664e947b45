//! Workspaces: listed, looked at, started and stopped.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{List, Metadata, Object, WORKSPACES};
use crate::{
    api::names::ANNOTATION_PAUSED,
    mcp::{access::Access, call::Call, catalog::Tool, failure::Failure},
};

/// Workspaces are small.
const CHUNK: usize = 500;

/// What is read of a workspace or template.
#[derive(Debug, Deserialize)]
pub(super) struct Seen {
    pub(super) metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
struct Spec {
    running: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    latest_build_status: Option<String>,
    auto_shutdown: Option<String>,
}

/// What is told of a workspace or template.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    /// The name of the object.
    name: String,
    /// Its namespace.
    namespace: String,
    /// Whether it is meant to run.
    running: bool,
    /// When Coder stops it by itself (RFC 3339); empty if it does not.
    auto_shutdown: String,
}

/// Some of them.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Summaries {
    items: Vec<Summary>,
    /// Where the list goes on; absent at its end.
    #[serde(rename = "continue", skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Workspace {
    workspace: Summary,
}

/// Starts or stops an object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetRunning {
    /// The namespace of the object.
    pub(super) namespace: String,
    /// The name of the object.
    pub(super) name: String,
    /// Whether it is meant to run.
    pub(super) running: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Outcome {
    workspace: Summary,
    /// Whether anything had to be changed.
    updated: bool,
    /// Why the change has no effect yet; absent if it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
}

pub(in crate::mcp) fn tools() -> [Tool; 3] {
    [
        Tool::reading("list_workspaces", "List CoderWorkspace resources.", list),
        Tool::reading(
            "get_workspace",
            "Get a CoderWorkspace resource by namespace and name.",
            get,
        ),
        Tool::writing(
            "set_workspace_running",
            "Set spec.running for a CoderWorkspace resource: start or stop the workspace. Stopping \
             ends what people do in it.",
            true,
            set_running,
        ),
    ]
}

impl From<Seen> for Summary {
    /// A workspace that nobody declares is meant to be what it is.
    fn from(seen: Seen) -> Self {
        let Seen {
            metadata,
            spec,
            status,
        } = seen;
        let is_running = status.latest_build_status.as_deref() == Some("running");
        Self {
            name: metadata.name,
            namespace: metadata.namespace,
            running: spec.running.unwrap_or(is_running),
            auto_shutdown: status.auto_shutdown.unwrap_or_default(),
        }
    }
}

impl Summaries {
    pub(super) fn new(seen: Vec<Seen>, next: Option<String>) -> Self {
        Self {
            items: seen.into_iter().map(Summary::from).collect(),
            next,
        }
    }
}

async fn list(call: Arc<Call>, input: List) -> Result<Summaries, Failure> {
    let (seen, next) = input.read(&call.access, &WORKSPACES, CHUNK).await?;
    Ok(Summaries::new(seen, next))
}

async fn get(call: Arc<Call>, input: Object) -> Result<Workspace, Failure> {
    let Object { namespace, name } = input;
    let seen: Seen = call.access.read(&WORKSPACES, &namespace, &name).await?;
    Ok(Workspace {
        workspace: seen.into(),
    })
}

async fn set_running(call: Arc<Call>, input: SetRunning) -> Result<Outcome, Failure> {
    let (seen, updated) = set(&call.access, &WORKSPACES, &input).await?;
    let notice = notice(&seen.metadata);
    Ok(Outcome {
        workspace: seen.into(),
        updated,
        notice,
    })
}

/// Sets `spec.running`, if it is another; the object after that, and whether it was changed.
pub(super) async fn set(
    access: &Access,
    kind: &crate::mcp::access::Kind,
    input: &SetRunning,
) -> Result<(Seen, bool), Failure> {
    let SetRunning {
        namespace,
        name,
        running,
    } = input;
    let seen: Seen = access.read(kind, namespace, name).await?;
    if seen.metadata.deletion_timestamp.is_some() {
        return Err(Failure::Unfit(format!(
            "{} {namespace}/{name} is being deleted: it is neither started nor stopped any more",
            kind.name
        )));
    }
    if seen.spec.running == Some(*running) {
        return Ok((seen, false));
    }
    let change = json!({ "spec": { "running": running } });
    let seen = access.merge(kind, namespace, name, &change).await?;
    Ok((seen, true))
}

fn notice(metadata: &Metadata) -> Option<String> {
    let paused = metadata.annotations.get(ANNOTATION_PAUSED);
    paused.filter(|value| *value == "true").map(|_| {
        format!("nothing is done in Coder until the annotation {ANNOTATION_PAUSED} is removed")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(object: serde_json::Value) -> serde_json::Value {
        let seen: Seen = serde_json::from_value(object).unwrap();
        serde_json::to_value(Summary::from(seen)).unwrap()
    }

    #[test]
    fn a_workspace_is_told_as_the_go_project_does() {
        let told = summary(json!({
            "metadata": {"name": "a.b.c", "namespace": "n", "uid": "u"},
            "spec": {"running": true, "parameters": [{"name": "p", "value": "secret"}]},
            "status": {"autoShutdown": "2026-01-02T03:04:05Z", "latestBuildStatus": "stopped"},
        }));
        let expected = json!({
            "name": "a.b.c",
            "namespace": "n",
            "running": true,
            "autoShutdown": "2026-01-02T03:04:05Z",
        });
        assert_eq!(told, expected);
    }

    #[test]
    fn who_declares_nothing_gets_to_know_what_is() {
        for (status, expected) in [("running", true), ("stopped", false), ("starting", false)] {
            let told = summary(json!({
                "metadata": {"name": "a.b.c", "namespace": "n"},
                "status": {"latestBuildStatus": status},
            }));
            assert_eq!(told["running"], expected, "{status}");
            assert_eq!(told["autoShutdown"], "");
        }
    }
}
