//! The official clients, each driven by a small program of its own language, against the same server.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::OnceCell,
    time::timeout,
};

use super::{
    server::Server,
    stage::{Stage, template, workspace},
};
use crate::e2e::scene::PATIENCE;

/// Each client: its name, how it is started in the folder of the clients, and the revision it speaks.
const CLIENTS: [(&str, &[&str], &str); 7] = [
    (
        "python-new",
        &["python-new/bin/python", "driver.py"],
        "2026-07-28",
    ),
    (
        "python-old",
        &["python-old/bin/python", "driver.py"],
        "2025-11-25",
    ),
    (
        "typescript-old",
        &["node", "typescript/driver.mjs", "old"],
        "2025-11-25",
    ),
    (
        "typescript-new",
        &["node", "typescript/driver.mjs", "new"],
        "2025-11-25",
    ),
    (
        "typescript-auto",
        &["node", "typescript/driver.mjs", "auto"],
        "2026-07-28",
    ),
    ("go-new", &["go-new/driver"], "2026-07-28"),
    ("go-old", &["go-old/driver"], "2025-11-25"),
];

/// A client at work; it ends with this.
struct Driver {
    name: &'static str,
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

/// Where the clients are: installed by the script, once.
pub async fn folder() -> &'static Path {
    static FOLDER: OnceCell<PathBuf> = OnceCell::const_new();
    let install = async || {
        let script = crate::root().join("hack/mcp-clients.sh");
        let output = Command::new(script).output().await.unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "hack/mcp-clients.sh: {text}");
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    };
    FOLDER.get_or_init(install).await
}

impl Driver {
    async fn start(name: &'static str, command: &[&str], url: &str, token: &str) -> Self {
        let folder = folder().await;
        let program = match command[0] {
            "node" => PathBuf::from("node"),
            other => folder.join(other),
        };
        let mut child = Command::new(program)
            .args(&command[1..])
            .args([url, token])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            name,
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()).lines(),
            _child: child,
        }
    }

    async fn all(server: &Server, token: &str) -> Vec<(Self, &'static str)> {
        let mut all = Vec::new();
        for (name, command, version) in CLIENTS {
            let driver = Self::start(name, command, &server.url("/mcp"), token).await;
            all.push((driver, version));
        }
        all
    }

    async fn send(&mut self, command: &Value) {
        let line = format!("{command}\n");
        self.input.write_all(line.as_bytes()).await.unwrap();
    }

    /// The next answer.
    async fn answer(&mut self) -> Value {
        let line = timeout(PATIENCE, self.output.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("{} says nothing", self.name));
        let line = line
            .unwrap()
            .unwrap_or_else(|| panic!("{} has ended", self.name));
        serde_json::from_str(&line).unwrap()
    }

    async fn ask(&mut self, command: Value) -> Value {
        self.send(&command).await;
        self.answer().await
    }

    /// Calls a tool, which has to go well; what the client takes for its structured answer.
    async fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let answer = self
            .ask(json!({ "op": "call", "tool": tool, "arguments": arguments }))
            .await;
        assert_eq!(answer["isError"], false, "{} {tool}: {answer}", self.name);
        answer["structured"].clone()
    }
}

/// One object of each kind that tools tell of.
async fn make_objects(stage: &Stage) {
    stage.make(workspace("acme.ann.dev", false)).await;
    stage.make(template("acme.docker")).await;
    let pod = json!({ "containers": [{ "name": "x", "image": "x" }] });
    let labels = json!({ "a": "b" });
    let objects = [
        json!({
            "apiVersion": "v1", "kind": "Service",
            "spec": { "ports": [{ "port": 80 }] },
        }),
        json!({ "apiVersion": "v1", "kind": "Pod", "spec": pod }),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "spec": {
                "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": pod },
            },
        }),
    ];
    for mut object in objects {
        object["metadata"] = json!({ "name": "main" });
        stage.make(object).await;
    }
}

/// Calls of all tools that go well in such a namespace.
fn calls(space: &str) -> Vec<(&'static str, Value)> {
    let named = |name: &str| json!({ "namespace": space, "name": name });
    let all = json!({ "namespace": space });
    let with = |name: &str, field: &str, value: Value| {
        let mut arguments = named(name);
        arguments[field] = value;
        arguments
    };
    let run = |name: &str, running: bool| with(name, "running", json!(running));
    vec![
        ("check_health", json!({})),
        ("list_workspaces", all.clone()),
        ("get_workspace", named("acme.ann.dev")),
        ("set_workspace_running", run("acme.ann.dev", true)),
        ("set_workspace_running", run("acme.ann.dev", false)),
        ("list_templates", all.clone()),
        ("get_template", named("acme.docker")),
        ("set_template_running", run("acme.docker", true)),
        ("explain_workspace", named("acme.ann.dev")),
        ("explain_template", named("acme.docker")),
        (
            "apply_workspace",
            with("acme.ann.new", "spec", json!({ "templateName": "t" })),
        ),
        (
            "apply_template",
            with("acme.new", "spec", json!({ "displayName": "x" })),
        ),
        ("list_control_plane_pods", named("main")),
        ("get_control_plane_deployment_status", named("main")),
        ("get_service_status", named("main")),
        ("get_events", all),
        ("get_pod_logs", named("main")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_official_client_uses_every_tool() {
    let stage = Stage::new("clients").await;
    make_objects(&stage).await;
    stage.administrator().await;
    let token = stage.token("administrator", &[]).await;
    for (mut driver, version) in Driver::all(stage.server, &token).await {
        let told = driver.ask(json!({ "op": "version" })).await;
        assert_eq!(told["version"], version, "{}", driver.name);
        let tools = driver.ask(json!({ "op": "tools" })).await;
        let calls = calls(&stage.namespace);
        for (tool, arguments) in &calls {
            driver.call(tool, arguments).await;
        }
        for name in tools["tools"].as_array().unwrap() {
            // Of `what_goes_otherwise`.
            let others = [
                "list_control_planes",
                "get_control_plane_status",
                "wait_for",
            ];
            let mut tested = calls.iter().map(|(tool, _)| *tool).chain(others);
            assert!(tested.any(|tool| name == tool), "{name} is not tested");
        }
        what_goes_otherwise(&mut driver, &stage).await;
    }
}

/// What is told is what kubectl shows; progress, errors, resources and prompts arrive.
async fn what_goes_otherwise(driver: &mut Driver, stage: &Stage) {
    let space = stage.namespace.as_str();
    let named = |name: &str| json!({ "namespace": space, "name": name });
    let told = driver.call("get_workspace", &named("acme.ann.dev")).await;
    let shown = stage.shown("cws/acme.ann.dev").await;
    assert_eq!(
        told["workspace"]["running"], shown["spec"]["running"],
        "{}",
        driver.name
    );
    assert_eq!(
        told["workspace"]["autoShutdown"],
        shown["status"]["autoShutdown"]
    );

    let mut wait = named("acme.ann.dev");
    wait["kind"] = json!("CoderWorkspace");
    wait["timeoutSeconds"] = json!(1);
    let wait = json!({ "op": "progress", "tool": "wait_for", "arguments": wait });
    let waited = driver.ask(wait).await;
    assert!(
        waited["progress"].as_i64().unwrap() >= 1,
        "{}: {waited}",
        driver.name
    );
    assert_eq!(waited["structured"]["met"], false);
    // Refused, or the kind of control planes is not there: an error that can be read.
    for (tool, arguments) in [
        ("list_control_planes", json!({ "namespace": space })),
        ("get_control_plane_status", named("main")),
        ("get_workspace", json!({ "namespace": space })),
    ] {
        let call = json!({ "op": "call", "tool": tool, "arguments": arguments });
        let answer = driver.ask(call).await;
        assert_eq!(answer["isError"], true, "{} {tool}: {answer}", driver.name);
        assert!(!answer["text"].as_str().unwrap().is_empty());
    }

    let uri = format!("coder-k8s://namespaces/{space}/workspaces/acme.ann.dev");
    let read = driver.ask(json!({ "op": "read", "uri": uri })).await;
    assert!(
        read["text"]
            .as_str()
            .unwrap()
            .contains("\"CoderWorkspace\""),
        "{read}"
    );
    let prompt = json!({
        "op": "prompt", "name": "why_not_ready", "arguments": named("acme.ann.dev"),
    });
    let prompt = driver.ask(prompt).await;
    assert!(prompt["text"].as_str().unwrap().contains(space), "{prompt}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_go_on_after_a_cancelled_call_and_hear_of_changes() {
    let stage = Stage::new("clients-cancel").await;
    stage.make(workspace("acme.ann.dev", false)).await;
    stage.administrator().await;
    let token = stage.token("administrator", &[]).await;
    let named = json!({ "namespace": stage.namespace, "name": "acme.ann.dev" });
    let uri = format!(
        "coder-k8s://namespaces/{}/workspaces/acme.ann.dev",
        stage.namespace
    );
    for (mut driver, _) in Driver::all(stage.server, &token).await {
        let wait = json!({
            "op": "cancel", "tool": "wait_for", "arguments": {
                "namespace": stage.namespace, "kind": "CoderWorkspace", "name": "acme.ann.dev",
                "timeoutSeconds": 5,
            },
        });
        let answer = driver.ask(wait).await;
        assert_eq!(answer["cancelled"], true, "{}: {answer}", driver.name);
        driver.call("get_workspace", &named).await;

        let listening = driver.ask(json!({ "op": "listen", "uri": uri })).await;
        if listening["unsupported"] == true {
            continue;
        }
        assert_eq!(listening["listening"], true, "{}: {listening}", driver.name);
        let mut changed = Box::pin(driver.answer());
        let mut number = 0;
        let answer = loop {
            let label = format!("a={number}");
            number += 1;
            stage
                .kubectl(&["label", "--overwrite", "cws/acme.ann.dev", &label])
                .await;
            if let Ok(answer) = timeout(Duration::from_secs(1), &mut changed).await {
                break answer;
            }
        };
        assert!(
            answer["changed"].as_str().unwrap().contains("acme.ann.dev"),
            "{answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_go_on_after_the_server_was_replaced() {
    let stage = Stage::new("clients-restart").await;
    stage.make(workspace("acme.ann.dev", false)).await;
    stage.administrator().await;
    let token = stage.token("administrator", &[]).await;
    let named = json!({ "namespace": stage.namespace, "name": "acme.ann.dev" });
    let server = Server::start(stage.bed, &[]).await;
    let mut drivers = Driver::all(&server, &token).await;
    for (driver, _) in &mut drivers {
        driver.call("get_workspace", &named).await;
    }
    server.program.terminate();
    server.program.wait(PATIENCE).await.unwrap();
    let kubeconfig = stage
        .bed
        .directory()
        .join("kubeconfigs/coder-system.coder-k8s-mcp");
    let next = Server::launch(stage.bed, server.port, kubeconfig, &[]).await;
    next.eventually("it is ready", async || next.probe("/readyz").await == 200)
        .await;
    for (driver, _) in &mut drivers {
        driver.call("get_workspace", &named).await;
    }
}
