//! How the server ends, and that clients go on with another one.

use std::time::Duration;

use serde_json::json;

use super::{
    client::ERAS,
    server::Server,
    stage::{Stage, workspace},
};

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_in_order_and_another_one_answers_the_same_clients() {
    let stage = Stage::new("ending").await;
    stage.make(workspace("acme.ann.dev", false)).await;
    let token = {
        stage.administrator().await;
        stage.token("administrator", &[]).await
    };
    let server = Server::start(stage.bed, &[]).await;
    let arguments = json!({ "namespace": stage.namespace, "name": "acme.ann.dev" });
    let clients = ERAS.map(|era| server.client(&token).of(era));
    for client in &clients {
        client.content("get_workspace", arguments.clone()).await;
    }
    let (port, kubeconfig) = (
        server.port,
        stage
            .bed
            .directory()
            .join("kubeconfigs/coder-system.coder-k8s-mcp"),
    );
    server.program.terminate();
    // Not ready at once, but answering until nobody sends requests here any more.
    server
        .eventually("it is not ready", async || {
            server.probe("/readyz").await == 503
        })
        .await;
    clients[0].content("get_workspace", arguments.clone()).await;
    let status = server.program.wait(Duration::from_secs(10)).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", server.log());

    let next = Server::launch(stage.bed, port, kubeconfig, &[]).await;
    next.eventually("it is ready", async || next.probe("/readyz").await == 200)
        .await;
    for client in &clients {
        client.content("get_workspace", arguments.clone()).await;
    }
}
