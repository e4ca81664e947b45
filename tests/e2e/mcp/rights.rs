//! Everybody may do by tools what they may do by `kubectl` with the same token, and nothing else.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    client::ERAS,
    stage::{Stage, template, users, workspace},
};
use crate::e2e::scene::PATIENCE;

/// Each tool with arguments, and the request of `kubectl` that needs the same right.
fn matrix(space: &str) -> Vec<(&'static str, Value, String)> {
    let named = |name: &str| json!({ "namespace": space, "name": name });
    let run = |name: &str| json!({ "namespace": space, "name": name, "running": true });
    let space_only = json!({ "namespace": space });
    let apply = |name: &str| json!({ "namespace": space, "name": name, "spec": {} });
    let wait = json!({
        "namespace": space, "kind": "CoderWorkspace", "name": "acme.ann.dev", "timeoutSeconds": 1,
    });
    let can = |verb: &str, kind: &str| format!("{verb} {kind}");
    vec![
        (
            "list_control_planes",
            space_only.clone(),
            can("list", "codercontrolplanes.coder.com"),
        ),
        (
            "get_control_plane_status",
            named("x"),
            can("get", "codercontrolplanes.coder.com"),
        ),
        ("list_control_plane_pods", named("x"), can("list", "pods")),
        (
            "get_control_plane_deployment_status",
            named("x"),
            can("get", "deployments.apps"),
        ),
        ("get_service_status", named("x"), can("get", "services")),
        (
            "list_workspaces",
            space_only.clone(),
            can("list", "coderworkspaces.coder.com"),
        ),
        (
            "get_workspace",
            named("acme.ann.dev"),
            can("get", "coderworkspaces.coder.com"),
        ),
        (
            "set_workspace_running",
            run("acme.ann.dev"),
            can("patch", "coderworkspaces.coder.com"),
        ),
        (
            "list_templates",
            space_only.clone(),
            can("list", "codertemplates.coder.com"),
        ),
        (
            "get_template",
            named("acme.docker"),
            can("get", "codertemplates.coder.com"),
        ),
        (
            "set_template_running",
            run("acme.docker"),
            can("patch", "codertemplates.coder.com"),
        ),
        (
            "explain_workspace",
            named("acme.ann.dev"),
            can("get", "coderworkspaces.coder.com"),
        ),
        (
            "explain_template",
            named("acme.docker"),
            can("get", "codertemplates.coder.com"),
        ),
        ("wait_for", wait, can("get", "coderworkspaces.coder.com")),
        (
            "apply_workspace",
            apply("acme.ann.dev"),
            can("patch", "coderworkspaces.coder.com"),
        ),
        (
            "apply_template",
            apply("acme.docker"),
            can("patch", "codertemplates.coder.com"),
        ),
        ("get_events", space_only, can("list", "events")),
        ("get_pod_logs", named("x"), can("get", "pods/log")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_may_what_kubectl_may_with_the_same_token() {
    let stage = Stage::new("rights").await;
    let other = Stage::new("rights-other").await;
    for place in [&stage, &other] {
        place.make(workspace("acme.ann.dev", false)).await;
        place.make(template("acme.docker")).await;
    }
    stage
        .bed
        .run_kubectl(&["apply", "--server-side", "-f", &users()])
        .await
        .unwrap();
    let nobody = stage.token("nobody", &[]).await;
    let viewer = stage.person("viewer", "view").await;
    let editor = stage.person("editor", "edit").await;
    let (mut allowed, mut refused) = (0, 0);
    for (token, may_write) in [(&nobody, false), (&viewer, false), (&editor, true)] {
        for place in [&stage, &other] {
            for (tool, arguments, right) in matrix(&place.namespace) {
                let may = may(place, token, &right).await;
                for era in ERAS {
                    let client = stage.server.client(token).of(era);
                    let called = client.call(tool, arguments.clone()).await;
                    let forbidden = called.is_error && called.text.contains("forbidden");
                    assert_eq!(!forbidden, may, "{tool} {right}: {}", called.text);
                    *if may { &mut allowed } else { &mut refused } += 1;
                }
                if tool == "set_workspace_running" && place.namespace == stage.namespace {
                    let shown = place.shown("cws/acme.ann.dev").await;
                    assert_eq!(shown["spec"]["running"], may_write);
                }
            }
        }
    }
    assert!(allowed >= 40 && refused >= 100, "{allowed} {refused}");
    assert_eq!(
        other.shown("cws/acme.ann.dev").await["spec"]["running"],
        false
    );
}

/// What kube-apiserver says to the same token.
async fn may(place: &Stage, token: &str, right: &str) -> bool {
    let (verb, kind) = right.split_once(' ').unwrap();
    let (kind, below) = kind.split_once('/').unwrap_or((kind, ""));
    let below = format!("--subresource={below}");
    let arguments = ["auth", "can-i", verb, kind, &below, "-n", &place.namespace];
    let (fine, text) = place.kubectl_as(token, &arguments, "").await;
    assert!(text.contains("yes") || text.contains("no"), "{text}");
    fine
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_is_no_token_any_more() {
    let stage = Stage::new("deleted").await;
    let token = stage.token("leaving", &[]).await;
    let client = stage.server.client(&token);
    assert_eq!(client.send("tools/list", json!({})).await.status(), 200);
    stage
        .kubectl(&["delete", "serviceaccount", "leaving"])
        .await;
    // At kube-apiserver at once, here when it is looked at again.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = client
            .send(
                "tools/call",
                json!({ "name": "check_health", "arguments": {} }),
            )
            .await;
        if answer.status() == 401 {
            break;
        }
        assert!(Instant::now() < deadline, "it is still let in");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}
