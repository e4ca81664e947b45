//! What the tools say, held against what `kubectl` shows.

use super::{
    client::{ERAS, Era},
    stage::{Stage, template, workspace},
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn workspaces_are_told_as_they_are_and_started_and_stopped() {
    let stage = Stage::new("workspace").await;
    stage.make(workspace("acme.ann.dev", false)).await;
    stage.make(workspace("acme.ann.old", true)).await;
    let caller = stage.administrator().await;
    let object = json!({ "namespace": stage.namespace, "name": "acme.ann.dev" });
    for era in ERAS {
        let caller = caller.of(era);
        let expected = |name: &str, running| {
            json!({
                "name": name,
                "namespace": stage.namespace,
                "running": running,
                "autoShutdown": "2026-01-02T03:04:05Z",
            })
        };
        let list = caller
            .content("list_workspaces", json!({ "namespace": stage.namespace }))
            .await;
        let items = [
            expected("acme.ann.dev", false),
            expected("acme.ann.old", true),
        ];
        assert_eq!(list, json!({ "items": items }));
        let got = caller.content("get_workspace", object.clone()).await;
        assert_eq!(got, json!({ "workspace": expected("acme.ann.dev", false) }));

        for (running, updated) in [(true, true), (true, false), (false, true)] {
            let mut arguments = object.clone();
            arguments["running"] = json!(running);
            let set = caller.content("set_workspace_running", arguments).await;
            let workspace = expected("acme.ann.dev", running);
            assert_eq!(set, json!({ "workspace": workspace, "updated": updated }));
            let shown = stage.shown("cws/acme.ann.dev").await;
            assert_eq!(shown["spec"]["running"], running);
            let fields = shown["metadata"]["managedFields"].to_string();
            assert!(fields.contains("\"coder-k8s-mcp\""), "{fields}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_effect_is_said() {
    let stage = Stage::new("notice").await;
    stage.make(workspace("acme.ann.dev", false)).await;
    stage.make(template("acme.docker")).await;
    let caller = stage.administrator().await;
    stage
        .kubectl(&["annotate", "cws/acme.ann.dev", "coder.com/paused=true"])
        .await;
    let run = |name: &str| json!({ "namespace": stage.namespace, "name": name, "running": true });
    let set = caller
        .content("set_workspace_running", run("acme.ann.dev"))
        .await;
    assert!(
        set["notice"].as_str().unwrap().contains("coder.com/paused"),
        "{set}"
    );
    let set = caller
        .content("set_template_running", run("acme.docker"))
        .await;
    assert!(set["updated"] == true && set["notice"].as_str().unwrap().contains("no effect"));

    // On its way out.
    stage
        .kubectl(&[
            "patch",
            "cws/acme.ann.dev",
            "--type=merge",
            "-p",
            r#"{"metadata":{"finalizers":["example.com/held"]}}"#,
        ])
        .await;
    stage
        .kubectl(&["delete", "cws/acme.ann.dev", "--wait=false"])
        .await;
    let mut stop = run("acme.ann.dev");
    stop["running"] = json!(false);
    let refused = caller.call("set_workspace_running", stop).await;
    assert!(
        refused.is_error && refused.text.contains("is being deleted"),
        "{}",
        refused.text
    );
    stage
        .kubectl(&[
            "patch",
            "cws/acme.ann.dev",
            "--type=merge",
            "-p",
            r#"{"metadata":{"finalizers":null}}"#,
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_come_in_pages_that_miss_nothing() {
    let stage = Stage::new("pages").await;
    let mut all = Vec::new();
    for number in 0..13 {
        let name = format!("acme.t{number:02}");
        stage.make(template(&name)).await;
        all.push(name);
    }
    let caller = stage.administrator().await;
    for limit in [1, 5, 12, 13, 500] {
        let mut seen = Vec::new();
        let mut arguments = json!({ "namespace": stage.namespace, "limit": limit });
        loop {
            let page = caller.content("list_templates", arguments.clone()).await;
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit);
            seen.extend(
                items
                    .iter()
                    .map(|item| item["name"].as_str().unwrap().to_owned()),
            );
            match page.get("continue") {
                Some(next) => arguments["continue"] = next.clone(),
                None => break,
            }
        }
        assert_eq!(seen, all, "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workloads_and_events_are_told_as_they_are() {
    let stage = Stage::new("workload").await;
    let labels = json!({
        "app.kubernetes.io/name": "coder-control-plane",
        "app.kubernetes.io/instance": "main",
        "app.kubernetes.io/managed-by": "coder-k8s",
    });
    let pod =
        json!({ "containers": [{ "name": "coder", "image": "x" }, { "name": "b", "image": "x" }] });
    stage
        .make(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "main", "labels": labels },
            "spec": {
                "replicas": 2,
                "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": pod },
            },
        }))
        .await;
    stage
        .make(json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "main", "annotations": {
                "a": "b", "kubectl.kubernetes.io/last-applied-configuration": "{}",
            } },
            "spec": { "ports": [{ "name": "http", "port": 80, "targetPort": "web" }] },
        }))
        .await;
    let caller = stage.administrator().await;
    let object = json!({ "namespace": stage.namespace, "name": "main" });

    // The controller manager makes the pods; nobody runs them.
    let mut pods = Value::Null;
    while pods["items"].as_array().is_none_or(|items| items.len() < 2) {
        pods = caller
            .content("list_control_plane_pods", object.clone())
            .await;
    }
    let item = &pods["items"][0];
    assert_eq!(item["phase"], "Pending");
    assert_eq!(
        (&item["readyContainers"], &item["totalContainers"]),
        (&json!(0), &json!(2))
    );
    assert_eq!(
        (&item["nodeName"], &item["startTime"]),
        (&json!(""), &json!(""))
    );
    assert_eq!(pods["truncated"], false);
    let mut one = object.clone();
    one["limit"] = json!(1);
    let pods = caller.content("list_control_plane_pods", one).await;
    assert_eq!(
        (pods["items"].as_array().unwrap().len(), &pods["truncated"]),
        (1, &json!(true))
    );

    let shown = stage.shown("deployment/main").await;
    let told = caller
        .content("get_control_plane_deployment_status", object.clone())
        .await;
    assert_eq!(told["replicas"], 2);
    assert_eq!(
        told["observedGeneration"],
        shown["status"]["observedGeneration"]
    );
    let kinds: Vec<_> = told["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["type"])
        .collect();
    assert_eq!(kinds, ["Available", "Progressing"]);

    let shown = stage.shown("service/main").await;
    let told = caller.content("get_service_status", object.clone()).await;
    assert_eq!(told["clusterIP"], shown["spec"]["clusterIP"]);
    let port = json!({ "name": "http", "port": 80, "targetPort": "web", "nodePort": 0, "protocol": "TCP" });
    assert_eq!(told["ports"], json!([port]));
    assert_eq!(told["annotations"], json!({ "a": "b" }));

    let about = json!({ "namespace": stage.namespace, "kind": "Deployment", "name": "main" });
    let events = caller.content("get_events", about).await;
    let event = &events["items"][0];
    assert_eq!(
        (&event["reason"], &event["count"]),
        (&json!("ScalingReplicaSet"), &json!(1))
    );
    assert!(
        event["lastTimestamp"].as_str().unwrap().ends_with('Z'),
        "{event}"
    );
    assert_eq!(events["continue"], "");

    // Nobody runs pods in this cluster.
    let mut pod =
        json!({ "namespace": stage.namespace, "name": item["name"], "container": "coder" });
    let logs = caller.content("get_pod_logs", pod.clone()).await;
    assert_eq!(logs, json!({ "logs": "" }));
    pod["container"] = json!("other");
    let refused = caller.call("get_pod_logs", pod).await;
    assert!(
        refused.is_error && refused.text.contains("container other"),
        "{}",
        refused.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said_with_what_to_do() {
    let stage = Stage::new("wrong").await;
    let caller = stage.administrator().await;
    let space = stage.namespace.as_str();
    for (tool, arguments, expected) in [
        (
            "get_workspace",
            json!({ "namespace": space, "name": "a.b.c" }),
            "list tools",
        ),
        (
            "get_workspace",
            json!({ "namespace": space }),
            "missing field `name`",
        ),
        (
            "get_workspace",
            json!({ "namespace": "", "name": "a" }),
            "namespace is required",
        ),
        (
            "get_workspace",
            json!({ "namespace": space, "name": "../x" }),
            "name must be",
        ),
        (
            "get_workspace",
            json!({ "namespace": space, "name": "a", "nam": 1 }),
            "unknown field `nam`",
        ),
        (
            "get_workspace",
            json!({ "namespace": "kube-system", "name": "a" }),
            "administers",
        ),
        ("list_workspaces", json!({}), "administers"),
        (
            "list_workspaces",
            json!({ "namespace": space, "limit": -1 }),
            "negative",
        ),
        (
            "list_workspaces",
            json!({ "namespace": space, "continue": "x" }),
            "continue",
        ),
        (
            "get_events",
            json!({ "namespace": space, "kind": "a,b=c" }),
            "no name or kind",
        ),
        (
            "set_workspace_running",
            json!({ "namespace": space, "name": "a.b.c", "running": 1 }),
            "boolean",
        ),
    ] {
        for era in ERAS {
            let called = caller.of(era).call(tool, arguments.clone()).await;
            assert!(
                called.is_error && called.text.contains(expected),
                "{arguments}: {}",
                called.text
            );
        }
    }
    for era in ERAS {
        let parameters = json!({ "name": "no_such_tool", "arguments": {} });
        let error = caller
            .of(era)
            .ask("tools/call", parameters)
            .await
            .unwrap_err();
        assert_eq!(error["code"], -32602, "{error}");
    }
    let five = json!({ "namespace": space, "limit": 5.0 });
    caller.of(Era::Old).content("list_workspaces", five).await;
}
