//! Templates: listed and looked at. `spec.running` of a template is a relic, and said to be one.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    List, Object, TEMPLATES,
    workspace::{SetRunning, Summaries, Summary, set},
};
use crate::mcp::{call::Call, catalog::Tool, failure::Failure};

/// A template may hold its files: a megabyte each.
const CHUNK: usize = 10;

#[derive(Debug, Serialize, JsonSchema)]
struct Template {
    template: Summary,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Outcome {
    template: Summary,
    /// Whether anything had to be changed.
    updated: bool,
    /// What the change does not do.
    notice: String,
}

pub(in crate::mcp) fn tools() -> [Tool; 3] {
    [
        Tool::reading("list_templates", "List CoderTemplate resources.", list),
        Tool::reading(
            "get_template",
            "Get a CoderTemplate resource by namespace and name.",
            get,
        ),
        Tool::writing(
            "set_template_running",
            "Set spec.running for a CoderTemplate resource. This has no effect in Coder: a template \
             does not run.",
            false,
            set_running,
        ),
    ]
}

async fn list(call: Arc<Call>, input: List) -> Result<Summaries, Failure> {
    let (seen, next) = input.read(&call.access, &TEMPLATES, CHUNK).await?;
    Ok(Summaries::new(seen, next))
}

async fn get(call: Arc<Call>, input: Object) -> Result<Template, Failure> {
    let Object { namespace, name } = input;
    let seen: super::workspace::Seen = call.access.read(&TEMPLATES, &namespace, &name).await?;
    Ok(Template {
        template: seen.into(),
    })
}

async fn set_running(call: Arc<Call>, input: SetRunning) -> Result<Outcome, Failure> {
    let (seen, updated) = set(&call.access, &TEMPLATES, &input).await?;
    Ok(Outcome {
        template: seen.into(),
        updated,
        notice: "a template does not run: its spec.running has no effect in Coder".to_owned(),
    })
}
