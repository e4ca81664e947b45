//! What the tools do that the Go project's do not: explain, wait, apply.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    client::{Client, ERAS, Era, last_message},
    stage::{Stage, template, workspace},
};

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": format!("about {reason}"),
        "observedGeneration": 1, "lastTransitionTime": "2026-01-02T03:04:05Z",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_is_not_ready_is_explained_in_one_answer() {
    let stage = Stage::new("explain").await;
    let mut object = workspace("acme.ann.dev", true);
    object["status"]["latestBuildStatus"] = json!("failed");
    object["status"]["agents"] =
        json!([{ "name": "main", "lifecycle": "off", "connected": false }]);
    object["status"]["conditions"] = json!([
        condition("Ready", "False", "BuildFailed"),
        condition("Stalled", "True", "UnknownParameter"),
    ]);
    stage.make(object).await;
    stage
        .make(json!({
            "apiVersion": "v1", "kind": "Event", "metadata": { "name": "told" },
            "type": "Warning", "reason": "BuildFailed", "message": "exit status 1", "count": 2,
            "lastTimestamp": "2026-01-02T03:04:05Z",
            "involvedObject": {
                "kind": "CoderWorkspace", "name": "acme.ann.dev", "namespace": stage.namespace,
                "apiVersion": "coder.com/v1alpha1",
            },
        }))
        .await;
    let caller = stage.administrator().await;
    let named = json!({ "namespace": stage.namespace, "name": "acme.ann.dev" });
    for era in ERAS {
        let told = caller
            .of(era)
            .content("explain_workspace", named.clone())
            .await;
        let summary = told["summary"].as_str().unwrap();
        assert!(
            summary.contains("waiting is useless: UnknownParameter, about"),
            "{summary}"
        );
        assert_eq!(told["ready"], false);
        assert_eq!(told["conditions"][0]["meaning"], "The latest build failed.");
        assert!(
            told["conditions"][0]["remedy"]
                .as_str()
                .unwrap()
                .contains("log of the build")
        );
        assert_eq!(told["status"]["agents"][0]["name"], "main");
        assert_eq!(told["events"][0]["message"], "exit status 1");
        let text = told.to_string();
        assert!(
            text.contains("(hidden)") && !text.contains("a-secret-parameter"),
            "{text}"
        );
    }
    // Who may not see Events gets the rest, and is told.
    let token = stage.token("few", &[]).await;
    let verb = [
        "create",
        "role",
        "few",
        "--verb=get",
        "--resource=coderworkspaces.coder.com",
    ];
    stage.kubectl(&verb).await;
    let account = format!("--serviceaccount={}:few", stage.namespace);
    stage
        .kubectl(&["create", "rolebinding", "few", "--role=few", &account])
        .await;
    let few = stage.server.client(&token);
    stage
        .server
        .eventually("the right is in force", async || {
            !few.call("explain_workspace", named.clone()).await.is_error
        })
        .await;
    let told = few.content("explain_workspace", named).await;
    assert!(
        told["missing"][0].as_str().unwrap().contains("forbidden"),
        "{told}"
    );
    assert_eq!(told["events"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_is_explained_without_its_files() {
    let stage = Stage::new("explain-template").await;
    let mut object = template("acme.docker");
    object["status"] = json!({
        "version": { "name": "v", "sourceHash": "h", "jobStatus": "failed", "error": "the last lines" },
        "conditions": [condition("Ready", "False", "VersionFailed")],
    });
    stage.make(object).await;
    let caller = stage.administrator().await;
    let named = json!({ "namespace": stage.namespace, "name": "acme.docker" });
    let told = caller.content("explain_template", named).await;
    assert_eq!(told["spec"]["files"], json!(["main.tf"]));
    assert_eq!(told["status"]["version"]["error"], "the last lines");
    assert!(
        told["summary"].as_str().unwrap().contains("VersionFailed"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_when_it_is_met_and_tells_how_it_goes() {
    let stage = Stage::new("wait").await;
    let mut object = workspace("acme.ann.dev", true);
    object["status"]["conditions"] = json!([condition("Ready", "False", "Starting")]);
    stage.make(object).await;
    let caller = stage.administrator().await;
    let arguments = json!({
        "namespace": stage.namespace, "kind": "CoderWorkspace", "name": "acme.ann.dev",
    });
    let mut short = arguments.clone();
    short["timeoutSeconds"] = json!(1);
    let told = caller.content("wait_for", short).await;
    assert_eq!(
        (&told["met"], &told["reason"]),
        (&json!(false), &json!("Starting"))
    );
    assert!(told["notice"].as_str().unwrap().contains("again"), "{told}");

    for era in ERAS {
        set(&stage, "False", "Starting").await;
        let parameters = json!({
            "name": "wait_for", "arguments": arguments, "_meta": { "progressToken": "p" },
        });
        let mut answer = caller.of(era).send("tools/call", parameters).await;
        let mut text = String::new();
        // It has said something before there is anything to say.
        while !text.contains("notifications/progress") {
            let part = answer.chunk().await.unwrap().expect("progress");
            text.push_str(&String::from_utf8_lossy(&part));
        }
        assert!(text.contains("about Starting"), "{text}");
        set(&stage, "True", "Available").await;
        while let Some(part) = answer.chunk().await.unwrap() {
            text.push_str(&String::from_utf8_lossy(&part));
        }
        let result = last_message(&text);
        assert_eq!(result["result"]["structuredContent"]["met"], true, "{text}");
    }

    // A deletion is waited for too.
    let mut gone = arguments.clone();
    gone["condition"] = json!("Deleted");
    stage.kubectl(&["delete", "cws/acme.ann.dev"]).await;
    assert_eq!(caller.content("wait_for", gone).await["met"], true);
    assert!(
        caller
            .call("wait_for", arguments)
            .await
            .text
            .contains("not found")
    );
}

async fn set(stage: &Stage, status: &str, reason: &str) {
    let conditions = json!([condition("Ready", status, reason)]);
    let patch = json!({ "status": { "conditions": conditions } }).to_string();
    let arguments = [
        "patch",
        "cws/acme.ann.dev",
        "--subresource=status",
        "--type=merge",
        "-p",
    ];
    stage.kubectl(&[&arguments[..], &[&patch]].concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_when_the_client_does_not_want_it_any_more() {
    let stage = Stage::new("cancel").await;
    stage.make(workspace("acme.ann.dev", true)).await;
    let caller = stage.administrator().await;
    let call = json!({ "name": "wait_for", "arguments": {
        "namespace": stage.namespace, "kind": "CoderWorkspace", "name": "acme.ann.dev",
    } });
    let cancelled = |count: usize| {
        let log = stage.server.log();
        let space = format!("namespace=\"{}\"", stage.namespace);
        let ended = log
            .lines()
            .filter(|line| line.contains(&space) && line.contains("\"Cancelled\""));
        ended.count() == count
    };
    // Gone in the middle of it.
    let request = caller.request("tools/call", call.clone());
    let gone = tokio::time::timeout(Duration::from_millis(500), request.send()).await;
    assert!(gone.is_err(), "it waits");
    stage
        .server
        .eventually("the call has ended", async || cancelled(1))
        .await;

    // By a note of its own, from the same caller only.
    let old = caller.of(Era::Old);
    let waiting = {
        let (old, call) = (old.clone(), call.clone());
        async move {
            old.request_with_id(77, "tools/call", call)
                .send()
                .await
                .unwrap()
                .text()
                .await
        }
    };
    let mut waiting = std::pin::pin!(waiting);
    let early = tokio::time::timeout(Duration::from_millis(500), &mut waiting).await;
    assert!(early.is_err(), "it waits");
    let other = stage
        .server
        .client(&stage.token("other", &[]).await)
        .of(Era::Old);
    for (client, id) in [(&other, 77), (&old, 78)] {
        note(client, id).await;
    }
    let early = tokio::time::timeout(Duration::from_millis(500), &mut waiting).await;
    assert!(early.is_err(), "it was not meant");
    note(&old, 77).await;
    let told = waiting.await.unwrap();
    assert!(told.contains("cancelled"), "{told}");
    assert!(cancelled(2));
}

async fn note(client: &Client, id: u64) {
    let request = client.request("notifications/cancelled", json!({ "requestId": id }));
    let mut request = request.build().unwrap();
    let mut body: Value =
        serde_json::from_slice(request.body().unwrap().as_bytes().unwrap()).unwrap();
    body.as_object_mut().unwrap().remove("id");
    let body = body.to_string();
    request
        .headers_mut()
        .insert("content-length", body.len().into());
    *request.body_mut() = Some(body.into());
    let answer = reqwest::Client::new().execute(request).await.unwrap();
    assert_eq!(answer.status(), 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_is_shown_first_and_done_only_as_it_was_shown() {
    let stage = Stage::new("apply").await;
    let caller = stage.administrator().await;
    let mut ask = json!({
        "namespace": stage.namespace,
        "name": "acme.ann.dev",
        "spec": { "templateName": "docker", "ttlMillis": 3_600_000,
            "parameters": [{ "name": "password", "value": "a-secret-parameter" }] },
    });
    let shown = caller.content("apply_workspace", ask.clone()).await;
    assert_eq!(
        (&shown["applied"], &shown["created"]),
        (&json!(false), &json!(true))
    );
    let text = shown.to_string();
    assert!(text.contains("spec.ttlMillis") && text.contains("spec.parameters[password].value"));
    assert!(!text.contains("a-secret-parameter"), "{text}");
    let there = stage.kubectl(&["get", "cws", "-o", "name"]).await;
    assert_eq!(there, "", "nothing was made");

    ask["confirm"] = json!("0".repeat(32));
    let refused = caller.call("apply_workspace", ask.clone()).await;
    assert!(
        refused.is_error && refused.text.contains("nothing was done"),
        "{}",
        refused.text
    );
    ask["confirm"] = shown["hash"].clone();
    let done = caller.content("apply_workspace", ask.clone()).await;
    assert_eq!(
        (&done["applied"], &done["changes"]),
        (&json!(true), &shown["changes"])
    );
    let object = stage.shown("cws/acme.ann.dev").await;
    assert_eq!(object["spec"]["ttlMillis"], 3_600_000);
    let fields = object["metadata"]["managedFields"].to_string();
    assert!(
        fields.contains("\"coder-k8s-mcp\"") && fields.contains("\"Apply\""),
        "{fields}"
    );

    // The same hash does not do it again: the object is another one now.
    let refused = caller.call("apply_workspace", ask.clone()).await;
    assert!(
        refused.is_error && refused.text.contains("nothing was done"),
        "{}",
        refused.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_own_is_taken_only_by_force() {
    let stage = Stage::new("force").await;
    let caller = stage.administrator().await;
    let manifest = json!({
        "apiVersion": "coder.com/v1alpha1", "kind": "CoderTemplate",
        "metadata": { "name": "acme.docker", "namespace": stage.namespace },
        "spec": { "displayName": "Theirs" },
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), manifest.to_string()).unwrap();
    let path = file.path().to_str().unwrap();
    stage.kubectl(&["apply", "--server-side", "-f", path]).await;

    let mut ask = json!({
        "namespace": stage.namespace, "name": "acme.docker", "spec": { "displayName": "Ours" },
    });
    let shown = caller.content("apply_template", ask.clone()).await;
    assert_eq!(shown["conflicts"][0]["field"], ".spec.displayName");
    assert!(
        shown["conflicts"][0]["owner"]
            .as_str()
            .unwrap()
            .contains("kubectl"),
        "{shown}"
    );
    assert_eq!(shown["changes"][0]["after"], "\"Ours\"");
    ask["confirm"] = shown["hash"].clone();
    let refused = caller.call("apply_template", ask.clone()).await;
    assert!(
        refused.is_error && refused.text.contains(".spec.displayName"),
        "{}",
        refused.text
    );
    // Force is another question.
    ask["force"] = json!(true);
    assert!(caller.call("apply_template", ask.clone()).await.is_error);
    ask.as_object_mut().unwrap().remove("confirm");
    let shown = caller.content("apply_template", ask.clone()).await;
    assert_eq!(shown["conflicts"], json!([]));
    ask["confirm"] = shown["hash"].clone();
    caller.content("apply_template", ask).await;
    let object = stage.shown("ctpl/acme.docker").await;
    assert_eq!(object["spec"]["displayName"], "Ours");

    let unknown = json!({
        "namespace": stage.namespace, "name": "acme.docker", "spec": { "displayNam": "x" },
    });
    let refused = caller.call("apply_template", unknown).await;
    assert!(
        refused.is_error && refused.text.contains("displayNam"),
        "{}",
        refused.text
    );
}
