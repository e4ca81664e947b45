//! The tools, each with what it is called, what it takes and what it returns.

use std::{borrow::Cow, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use rmcp::{
    handler::server::common::{schema_for_input, schema_for_output},
    model::{JsonObject, Tool as Definition, ToolAnnotations},
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{call::Call, failure::Failure, tool};

/// How long a tool that reads may take: below the minute that some clients wait.
const READ: Duration = Duration::from_secs(25);
/// What an answer may hold, in bytes of JSON.
pub(super) const MOST: usize = 2 * 1024 * 1024;

type Run =
    dyn Fn(Arc<Call>, JsonObject) -> BoxFuture<'static, Result<Value, Failure>> + Send + Sync;

/// A tool.
pub(super) struct Tool {
    pub(super) definition: Definition,
    writes: bool,
    run: Box<Run>,
}

/// All tools; without those that write where nothing may be written.
pub(super) fn all(writes: bool) -> Vec<Tool> {
    let mut all = Vec::new();
    all.extend(tool::control_plane::tools());
    all.extend(tool::workload::tools());
    all.extend(tool::workspace::tools());
    all.extend(tool::template::tools());
    all.extend(tool::explain::tools());
    all.extend(tool::wait::tools());
    all.extend(tool::apply::tools());
    all.extend(tool::event::tools());
    all.extend(tool::log::tools());
    all.extend(tool::health::tools());
    all.retain(|tool| writes || !tool.writes);
    all
}

impl Tool {
    /// A tool that changes nothing: it may be dropped at any point.
    pub(super) fn reading<I, O, F>(
        name: &'static str,
        description: &'static str,
        run: impl Fn(Arc<Call>, I) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Future<Output = Result<O, Failure>> + Send,
    {
        Self::lasting(READ, name, description, run)
    }

    /// The same where it may take as long as `limit`.
    pub(super) fn lasting<I, O, F>(
        limit: Duration,
        name: &'static str,
        description: &'static str,
        run: impl Fn(Arc<Call>, I) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Future<Output = Result<O, Failure>> + Send,
    {
        let hints = ToolAnnotations::new().read_only(true).idempotent(true);
        Self::new(
            name,
            description,
            hints,
            false,
            move |call: Arc<Call>, input| {
                let run = run.clone();
                async move { call.within(limit, run(Arc::clone(&call), input)).await }
            },
        )
    }

    /// A tool that changes an object: what it has begun, it ends, and says so.
    pub(super) fn writing<I, O, F>(
        name: &'static str,
        description: &'static str,
        destructive: bool,
        run: impl Fn(Arc<Call>, I) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Future<Output = Result<O, Failure>> + Send,
    {
        let hints = ToolAnnotations::new()
            .read_only(false)
            .destructive(destructive)
            .idempotent(true);
        Self::new(name, description, hints, true, run)
    }

    fn new<I, O, F>(
        name: &'static str,
        description: &'static str,
        hints: ToolAnnotations,
        writes: bool,
        run: impl Fn(Arc<Call>, I) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        O: Serialize + JsonSchema + 'static,
        F: Future<Output = Result<O, Failure>> + Send,
    {
        // Each input is a struct, so that its schema is one of an object; a test looks at all of them.
        let input = schema_for_input::<I>().unwrap_or_default();
        let definition = Definition::new_with_raw(name, Some(Cow::Borrowed(description)), input)
            .with_raw_output_schema(schema_for_output::<O>())
            // A cluster is no open world: a tool reaches what kube-apiserver has.
            .with_annotations(hints.open_world(false));
        let run = move |call: Arc<Call>, arguments: JsonObject| -> BoxFuture<'static, _> {
            let run = run.clone();
            Box::pin(async move {
                let input = serde_json::from_value(Value::Object(arguments))
                    .map_err(|error| Failure::Arguments(format!("invalid arguments: {error}")))?;
                call.is_wanted()?;
                let output = run(call, input).await?;
                serde_json::to_value(output).map_err(Failure::Unwritable)
            })
        };
        Self {
            definition,
            writes,
            run: Box::new(run),
        }
    }

    /// Runs it.
    pub(super) fn run(
        &self,
        call: Arc<Call>,
        arguments: JsonObject,
    ) -> BoxFuture<'static, Result<Value, Failure>> {
        (self.run)(call, arguments)
    }
}

impl std::fmt::Debug for Tool {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Tool")
            .field("name", &self.definition.name)
            .field("writes", &self.writes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
