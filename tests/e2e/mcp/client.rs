//! Somebody who asks an MCP server, in the words of either era; the official clients have tests of their
//! own.

use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

/// The era of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// 2025-11-25: begins with `initialize`.
    Old,
    /// 2026-07-28: each request stands for itself.
    New,
}

pub const ERAS: [Era; 2] = [Era::Old, Era::New];

/// Somebody with a token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
    pub era: Era,
}

/// What came back for a call of a tool.
#[derive(Clone, Debug)]
pub struct Called {
    pub is_error: bool,
    pub text: String,
    pub content: Value,
}

impl Era {
    fn version(self) -> &'static str {
        match self {
            Self::Old => "2025-11-25",
            Self::New => "2026-07-28",
        }
    }
}

impl Client {
    pub fn new(url: String, token: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            http: reqwest::Client::new(),
            url,
            token: token.to_owned(),
            era: Era::New,
        }
    }

    /// The same in another era.
    pub fn of(&self, era: Era) -> Self {
        Self {
            era,
            ..self.clone()
        }
    }

    /// A request as this era writes it, not sent yet.
    pub fn request(&self, method: &str, parameters: Value) -> RequestBuilder {
        self.request_with_id(1, method, parameters)
    }

    /// The same with an id.
    pub fn request_with_id(&self, id: u64, method: &str, mut parameters: Value) -> RequestBuilder {
        // Which object it is about stands in a header too.
        let name = parameters["uri"].as_str().or(parameters["name"].as_str());
        let name = name.unwrap_or_default().to_owned();
        let mut request = self
            .http
            .post(&self.url)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", self.era.version());
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if self.era == Era::New {
            request = request.header("mcp-method", method);
            if !name.is_empty() {
                request = request.header("mcp-name", name);
            }
            parameters["_meta"]["io.modelcontextprotocol/protocolVersion"] =
                json!(self.era.version());
            parameters["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
            parameters["_meta"]["io.modelcontextprotocol/clientInfo"] =
                json!({ "name": "test", "version": "1" });
        }
        request.json(&json!({
            "jsonrpc": "2.0", "id": id, "method": method, "params": parameters,
        }))
    }

    /// Sends a request.
    pub async fn send(&self, method: &str, parameters: Value) -> Response {
        self.request(method, parameters).send().await.unwrap()
    }

    /// The result of a request, or its error.
    pub async fn ask(&self, method: &str, parameters: Value) -> Result<Value, Value> {
        let response = self.send(method, parameters).await;
        let text = response.text().await.unwrap();
        let message = last_message(&text);
        match message.get("result") {
            Some(result) => Ok(result.clone()),
            None => Err(message["error"].clone()),
        }
    }

    /// Calls a tool.
    pub async fn call(&self, tool: &str, arguments: Value) -> Called {
        let parameters = json!({ "name": tool, "arguments": arguments });
        let result = self.ask("tools/call", parameters).await;
        Called::from(result.unwrap_or_else(|error| panic!("{tool}: {error}")))
    }

    /// What a tool returns, which has to go well.
    pub async fn content(&self, tool: &str, arguments: Value) -> Value {
        let called = self.call(tool, arguments.clone()).await;
        assert!(!called.is_error, "{tool} {arguments}: {}", called.text);
        called.content
    }
}

impl From<Value> for Called {
    fn from(result: Value) -> Self {
        let text = result["content"][0]["text"].as_str().unwrap().to_owned();
        let is_error = result["isError"] == true;
        let content = result["structuredContent"].clone();
        if !is_error {
            let same: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(same, content, "the text says the same");
        }
        Self {
            is_error,
            text,
            content,
        }
    }
}

/// The message of an answer, be it one of JSON or the last one of a stream.
pub fn last_message(text: &str) -> Value {
    let data = text.lines().rev().find_map(|line| {
        let data = line.strip_prefix("data:")?.trim();
        (!data.is_empty()).then_some(data)
    });
    let data = data.unwrap_or(text);
    serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {text}"))
}
