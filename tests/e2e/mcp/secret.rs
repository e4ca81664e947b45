//! A server that knows its callers by one secret.

use serde_json::json;
use tokio::time::Instant;

use super::{
    client::ERAS,
    server::{NAME, NAMESPACE, Server},
    stage::{Stage, workspace},
};
use crate::e2e::scene::PATIENCE;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

async fn stage() -> (Stage, tempfile::NamedTempFile) {
    let stage = Stage::new("secret").await;
    let folder = crate::root().join("deploy/mcp-secret");
    for file in ["role.yaml", "binding.yaml"] {
        let file = folder.join(file).display().to_string();
        stage.kubectl(&["apply", "-f", &file]).await;
    }
    stage.make(workspace("acme.ann.dev", false)).await;
    let account = format!("--as=system:serviceaccount:{NAMESPACE}:{NAME}");
    let deadline = Instant::now() + PATIENCE;
    let arguments = [
        "auth",
        "can-i",
        "get",
        "pods",
        &account,
        "-n",
        &stage.namespace,
    ];
    while stage.bed.run_kubectl(&arguments).await.is_err() {
        assert!(Instant::now() < deadline, "the rights are not in force");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{SECRET}\n")).unwrap();
    (stage, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_reads_and_there_is_nothing_that_writes() {
    let (stage, file) = stage().await;
    let flag = format!("--mcp-token-file={}", file.path().display());
    let server = Server::start(stage.bed, &[&flag]).await;
    let arguments = json!({ "namespace": stage.namespace, "name": "acme.ann.dev" });
    for era in ERAS {
        let caller = server.client(SECRET).of(era);
        let got = caller.content("get_workspace", arguments.clone()).await;
        assert_eq!(got["workspace"]["name"], "acme.ann.dev");
        let tools = caller.ask("tools/list", json!({})).await.unwrap();
        for tool in tools["tools"].as_array().unwrap() {
            assert_eq!(
                tool["annotations"]["readOnlyHint"], true,
                "{}",
                tool["name"]
            );
        }
        let mut start = arguments.clone();
        start["running"] = json!(true);
        let call = json!({ "name": "set_workspace_running", "arguments": start });
        let error = caller.ask("tools/call", call).await.unwrap_err();
        assert_eq!(error["code"], -32602, "it does not exist: {error}");
    }
    // A token of Kubernetes is no secret here.
    let token = stage.token("caller", &[]).await;
    for stranger in [token.as_str(), "", &SECRET[1..]] {
        let refused = server.client(stranger).send("tools/list", json!({})).await;
        assert_eq!(refused.status(), 401);
    }
    assert_eq!(
        stage.shown("cws/acme.ann.dev").await["spec"]["running"],
        false
    );
    assert!(!server.log().contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_are_allowed_still_need_the_right() {
    let (stage, file) = stage().await;
    let flag = format!("--mcp-token-file={}", file.path().display());
    let server = Server::start(stage.bed, &[&flag, "--mcp-allow-writes"]).await;
    let caller = server.client(SECRET);
    let start = json!({ "namespace": stage.namespace, "name": "acme.ann.dev", "running": true });
    let refused = caller.call("set_workspace_running", start.clone()).await;
    assert!(
        refused.is_error && refused.text.contains("forbidden"),
        "{}",
        refused.text
    );

    stage
        .kubectl(&[
            "create",
            "role",
            "w",
            "--verb=patch",
            "--resource=coderworkspaces.coder.com",
        ])
        .await;
    let account = format!("--serviceaccount={NAMESPACE}:{NAME}");
    stage
        .kubectl(&["create", "rolebinding", "w", "--role=w", &account])
        .await;
    server
        .eventually("it is started", async || {
            !caller
                .call("set_workspace_running", start.clone())
                .await
                .is_error
        })
        .await;
    assert_eq!(
        stage.shown("cws/acme.ann.dev").await["spec"]["running"],
        true
    );
}
