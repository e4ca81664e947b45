//! What is counted of calls and of those who may not call.

use serde_json::json;

use super::{
    server::Server,
    stage::{Stage, users, workspace},
};
use crate::e2e::scene::free_port;

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_by_tool_and_result_and_refusals_by_status() {
    let stage = Stage::new("metrics").await;
    stage.make(workspace("acme.ann.dev", false)).await;
    stage
        .bed
        .run_kubectl(&[
            "apply",
            "--server-side",
            "--force-conflicts",
            "-f",
            &users(),
        ])
        .await
        .unwrap();
    let viewer = stage.person("viewer", "view").await;
    let port = free_port();
    let flag = format!("--metrics-bind-address=127.0.0.1:{port}");
    let server = Server::start(stage.bed, &[&flag]).await;
    let client = server.client(&viewer);
    let named = |name: &str| json!({ "namespace": stage.namespace, "name": name });
    client.call("get_workspace", named("acme.ann.dev")).await;
    client.call("get_workspace", named("acme.ann.dev")).await;
    client.call("get_workspace", named("acme.ann.none")).await;
    let stranger = reqwest::Client::new().post(server.url("/mcp")).send().await;
    assert_eq!(stranger.unwrap().status().as_u16(), 401);

    let scrape = reqwest::get(format!("http://127.0.0.1:{port}/metrics")).await;
    let metrics = scrape.unwrap().text().await.unwrap();
    for line in [
        r#"coder_k8s_mcp_calls_total{tool="get_workspace",result="Done"} 2"#,
        r#"coder_k8s_mcp_calls_total{tool="get_workspace",result="NotFound"} 1"#,
        r#"coder_k8s_mcp_call_duration_seconds_count{tool="get_workspace"} 3"#,
        r#"coder_k8s_mcp_requests_total{code="401"} 1"#,
        "coder_k8s_mcp_subscriptions 0",
    ] {
        assert!(metrics.lines().any(|one| one == line), "{line}\n{metrics}");
    }
    assert!(!metrics.contains("acme"), "{metrics}");
}
