//! The guide, with its commands as they are written, on a cluster of its own.

use serde_json::json;
use testbed::{Access, Bed, Options};

use super::{
    server::{Server, install},
    stage::workspace,
};
use crate::e2e::shim::install::guide::Guide;

/// What the bed cannot do: nobody runs pods in it.
const ELSEWHERE: [&str; 2] = ["Install", "Connect"];

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_the_guide_does_what_it_says_and_nothing_else() {
    let bed = Bed::start(Options::default()).await.unwrap();
    let access: &'static Access = Box::leak(Box::new((*bed).clone()));
    install(access).await;
    access
        .run_kubectl(&["create", "namespace", "team"])
        .await
        .unwrap();
    for folder in ["users", "mcp"] {
        let folder = crate::root().join("deploy").join(folder);
        let folder = folder.display().to_string();
        let apply = ["apply", "--server-side", "--force-conflicts", "-k", &folder];
        access.run_kubectl(&apply).await.unwrap();
    }
    let object = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(object.path(), workspace("acme.ann.dev", false).to_string()).unwrap();
    let path = object.path().to_str().unwrap();
    access
        .run_kubectl(&["create", "-n", "team", "-f", path])
        .await
        .unwrap();

    let mut guide = Guide::read("docs/how-to/mcp.md");
    guide.run(access, "Rights").await;
    let server = Server::start(access, &[]).await;
    let token = ["create", "token", "assistant", "-n", "team"];
    let caller = server.client(access.run_kubectl(&token).await.unwrap().trim());
    let start = json!({ "namespace": "team", "name": "acme.ann.dev", "running": true });
    server
        .eventually("the rights are in force", async || {
            !caller
                .call("set_workspace_running", start.clone())
                .await
                .is_error
        })
        .await;
    caller
        .content("list_workspaces", json!({ "namespace": "team" }))
        .await;
    let named = json!({ "namespace": "team", "name": "acme.ann.dev" });
    let told = caller.content("explain_workspace", named).await;
    assert_eq!(told.get("missing"), None, "Events are in view: {told}");
    let template = json!({ "namespace": "team", "name": "acme.docker", "spec": {} });
    let refused = caller.call("apply_template", template).await;
    assert!(
        refused.is_error && refused.text.contains("forbidden"),
        "{}",
        refused.text
    );

    guide.run(access, "One secret for all").await;
    let secret = ["get", "secret", "coder-k8s-mcp-token", "-n", "coder-system"];
    let secret = [&secret[..], &["-o", "jsonpath={.data.token}"]].concat();
    // In base64; a line of 64 characters all the same.
    let secret = access.run_kubectl(&secret).await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &secret).unwrap();
    let flag = format!("--mcp-token-file={}", file.path().display());
    let shared = Server::start(access, &[&flag]).await;
    let caller = shared.client(secret.trim());
    shared
        .eventually("the rights are in force", async || {
            !caller
                .call("list_workspaces", json!({ "namespace": "team" }))
                .await
                .is_error
        })
        .await;
    guide.was_run(&ELSEWHERE);
}
