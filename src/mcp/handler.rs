//! What the protocol asks for, answered for one caller: limits in front, a line for the auditor behind.

use std::sync::Arc;

use http::request::Parts;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock,
        GetPromptRequestParams, GetPromptResponse, Implementation, InitializeRequestParams,
        InitializeResult, JsonObject, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams,
        ReadResourceResponse, ServerCapabilities, ServerConfig, SubscriptionFilter,
        Tool as Definition,
    },
    service::{RequestContext, SubscriptionContext},
};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    call::Call,
    caller::Caller,
    catalog::{self, MOST, Tool},
    failure::Failure,
    limits::Limits,
    metrics::Metrics,
    prompt, resource,
    running::Running,
    subscription::{self, Subscriptions},
};
use crate::api::text::shortened;

/// For how long clients may take the list of tools for granted, in milliseconds.
const TOOLS_STAY: u64 = 5 * 60 * 1000;
/// The longest name that Kubernetes knows; what is longer is not worth a line.
const LONGEST_NAME: usize = 253;

const INSTRUCTIONS: &str = "\
Workspaces and templates of Coder as Kubernetes objects, with your own rights in the cluster. Names of \
workspaces are <organization>.<owner>.<workspace>, those of templates <organization>.<template>. A tool \
that fails says what to do.";

/// What all requests share. Each of them is served by a copy.
#[derive(Clone, Debug)]
pub(super) struct Server(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    tools: Vec<Tool>,
    limits: Arc<Limits>,
    running: Arc<Running>,
    subscriptions: Arc<Subscriptions>,
    /// Subscriptions end.
    ending: CancellationToken,
    metrics: Metrics,
}

impl Server {
    /// With all tools, or only those that change nothing.
    pub(super) fn new(writes: bool, ending: CancellationToken, metrics: Metrics) -> Self {
        Self(Arc::new(Shared {
            tools: catalog::all(writes),
            limits: Arc::default(),
            running: Arc::default(),
            subscriptions: Arc::new(Subscriptions::new(metrics.subscriptions())),
            ending,
            metrics,
        }))
    }

    pub(super) fn running(&self) -> Arc<Running> {
        Arc::clone(&self.0.running)
    }

    fn tool(&self, name: &str) -> Option<&Tool> {
        let mut tools = self.0.tools.iter();
        tools.find(|tool| tool.definition.name == name)
    }

    async fn run(
        &self,
        tool: &Tool,
        caller: &Caller,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<Value, Failure> {
        let _turn = self.0.limits.enter(&caller.name)?;
        let id = serde_json::to_value(&context.id).unwrap_or_default();
        let progress = context.meta.get_progress_token();
        let call = Call {
            access: caller.access.clone(),
            gone: context.ct,
            entry: self.0.running.enter(&caller.name, &id),
            progress: progress.map(|token| (context.peer, token)),
        };
        tool.run(Arc::new(call), arguments).await
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_resources()
            .enable_resources_subscribe()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("coder-k8s", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    /// Older revisions have no way to tell of a change but a session, and there are none.
    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let mut result = self.negotiate_initialize(&request)?;
        context.peer.set_peer_info(request);
        if let Some(resources) = &mut result.capabilities.resources {
            resources.subscribe = None;
        }
        Ok(result)
    }

    fn get_tool(&self, name: &str) -> Option<Definition> {
        self.tool(name).map(|tool| tool.definition.clone())
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = self.0.tools.iter().map(|tool| tool.definition.clone());
        let mut list = ListToolsResult::with_all_items(tools.collect());
        list.ttl_ms = Some(TOOLS_STAY);
        list.cache_scope = Some(CacheScope::Public);
        Ok(list)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = caller(&context)?;
        let Some(tool) = self.tool(&request.name) else {
            let unknown = format!("unknown tool: {}", shortened(&request.name, LONGEST_NAME));
            return Err(ErrorData::invalid_params(unknown, None));
        };
        let arguments = request.arguments.unwrap_or_default();
        let line = Line::begin(&caller.name, &tool.definition.name, &arguments);
        let result = self.run(tool, &caller, arguments, context).await;
        let (result, word) = told(result);
        self.0
            .metrics
            .called(line.tool, word, Some(line.begin.elapsed()));
        line.end(word);
        Ok(result.into())
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let mut list = prompt::list();
        list.ttl_ms = Some(TOOLS_STAY);
        list.cache_scope = Some(CacheScope::Public);
        Ok(list)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        prompt::get(&request.name, &arguments).map(Into::into)
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(resource::templates())
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let cursor = request.and_then(|request| request.cursor);
        let list = async |caller: &Caller| resource::list(&caller.access, cursor.as_deref()).await;
        self.limited("resources/list", "", &context, list).await
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let read = async |caller: &Caller| resource::read(&caller.access, &request.uri).await;
        let read = self.limited("resources/read", &request.uri, &context, read);
        read.await.map(Into::into)
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(subscription::accepted(requested))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let caller = caller(context.request_context())?;
        let Shared {
            subscriptions,
            ending,
            metrics,
            ..
        } = &*self.0;
        let begin = Line::of(&caller.name, "subscriptions/listen", "");
        let served = subscriptions.serve(&caller.access, &context, ending).await;
        let ended = word(&served);
        metrics.called(begin.tool, ended, None);
        begin.end(ended);
        served
    }
}

impl Server {
    /// What `work` returns to the caller of a request that is no call of a tool.
    async fn limited<T>(
        &self,
        what: &str,
        uri: &str,
        context: &RequestContext<RoleServer>,
        work: impl AsyncFnOnce(&Caller) -> Result<T, ErrorData>,
    ) -> Result<T, ErrorData> {
        let caller = caller(context)?;
        let turn = self.0.limits.enter(&caller.name);
        let _turn = turn.map_err(|busy| resource::refusal(&busy))?;
        let line = Line::of(&caller.name, what, uri);
        let result = work(&caller).await;
        let ended = word(&result);
        self.0
            .metrics
            .called(what, ended, Some(line.begin.elapsed()));
        line.end(ended);
        result
    }
}

fn word<T>(result: &Result<T, ErrorData>) -> &'static str {
    if result.is_ok() { "Done" } else { "Failed" }
}

/// Who sent the request: the gate has put it there.
fn caller(context: &RequestContext<RoleServer>) -> Result<Caller, ErrorData> {
    let parts: Option<&Parts> = context.extensions.get();
    let caller = parts.and_then(|parts| parts.extensions.get::<Caller>());
    let caller = caller.cloned();
    caller.ok_or_else(|| ErrorData::internal_error("the caller of this request is not known", None))
}

/// The answer of a call, and one word on it.
fn told(result: Result<Value, Failure>) -> (CallToolResult, &'static str) {
    let written = result.and_then(|output| {
        let text = output.to_string();
        let size = text.len();
        if size > MOST {
            return Err(Failure::TooLarge { size, most: MOST });
        }
        Ok((output, text))
    });
    match written {
        Ok((output, text)) => {
            let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
            result.structured_content = Some(output);
            (result, "Done")
        }
        Err(failure) => {
            let content = vec![ContentBlock::text(failure.to_string())];
            (CallToolResult::error(content), failure.word())
        }
    }
}

/// What the auditor gets to know of a call: who, what, which object, how it ended. Never what was said.
struct Line<'a> {
    caller: &'a str,
    tool: &'a str,
    object: [String; 3],
    begin: Instant,
}

impl<'a> Line<'a> {
    fn begin(caller: &'a str, tool: &'a str, arguments: &JsonObject) -> Self {
        let word = |name: &str| {
            let word = arguments.get(name).and_then(Value::as_str);
            shortened(word.unwrap_or_default(), LONGEST_NAME)
        };
        Self {
            caller,
            tool,
            object: [word("kind"), word("namespace"), word("name")],
            begin: Instant::now(),
        }
    }

    /// Of a request that names an object by its URI, or none.
    fn of(caller: &'a str, what: &'a str, uri: &str) -> Self {
        Self {
            caller,
            tool: what,
            object: [
                String::new(),
                String::new(),
                shortened(uri, 2 * LONGEST_NAME),
            ],
            begin: Instant::now(),
        }
    }

    fn end(self, result: &str) {
        let [kind, namespace, name] = &self.object;
        tracing::info!(
            target: "coder_k8s::mcp::audit",
            caller = self.caller,
            tool = self.tool,
            kind = kind.as_str(),
            namespace = namespace.as_str(),
            name = name.as_str(),
            result,
            milliseconds = self.begin.elapsed().as_millis(),
            "call"
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_that_is_too_large_is_not_sent() {
        let large = json!({ "logs": "x".repeat(MOST) });
        let (result, word) = told(Ok(large));
        assert_eq!((result.is_error, word), (Some(true), "TooLarge"));
        assert!(serde_json::to_string(&result).unwrap().len() < 1000);
        let (result, word) = told(Ok(json!({"a": 1})));
        assert_eq!((result.is_error, word), (Some(false), "Done"));
        assert_eq!(result.structured_content, Some(json!({"a": 1})));
    }
}
