//! Objects as resources, told of when they change; and the prompts.

use serde_json::json;

use super::{
    client::{ERAS, Era},
    server::Server,
    stage::{Stage, workspace},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_read_as_it_is_without_what_is_never_shown() {
    let stage = Stage::new("resource").await;
    stage.make(workspace("acme.ann.dev", true)).await;
    let caller = stage.administrator().await;
    let uri = format!(
        "coder-k8s://namespaces/{}/workspaces/acme.ann.dev",
        stage.namespace
    );
    for era in ERAS {
        let caller = caller.of(era);
        let read = caller
            .ask("resources/read", json!({ "uri": uri }))
            .await
            .unwrap();
        let text = read["contents"][0]["text"].as_str().unwrap();
        let object: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(object["spec"]["templateName"], "docker");
        assert_eq!(object["spec"]["parameters"][0]["value"], "(hidden)");
        assert_eq!(object["metadata"].get("managedFields"), None);

        let templates = caller
            .ask("resources/templates/list", json!({}))
            .await
            .unwrap();
        assert_eq!(templates["resourceTemplates"].as_array().unwrap().len(), 3);
        let prompts = caller.ask("prompts/list", json!({})).await.unwrap();
        assert_eq!(prompts["prompts"].as_array().unwrap().len(), 3);
        let get = json!({
            "name": "why_not_ready", "arguments": { "namespace": "team", "name": "acme.ann.dev" },
        });
        let prompt = caller.ask("prompts/get", get).await.unwrap();
        let text = prompt["messages"][0]["content"]["text"].as_str().unwrap();
        assert!(
            text.contains("CoderWorkspace acme.ann.dev in namespace team"),
            "{text}"
        );

        for missing in ["coder-k8s://namespaces/x/secrets/y", "file:///etc/passwd"] {
            let read = json!({ "uri": missing });
            assert!(
                caller.ask("resources/read", read).await.is_err(),
                "{missing}"
            );
        }
        // Of another namespace.
        let other = "coder-k8s://namespaces/kube-system/workspaces/a.b.c";
        let read = json!({ "uri": other });
        let error = caller.ask("resources/read", read).await.unwrap_err();
        assert!(
            error["message"].as_str().unwrap().contains("forbidden"),
            "{error}"
        );
        // Who may list nothing in the whole cluster has an empty list.
        let list = caller.ask("resources/list", json!({})).await.unwrap();
        assert_eq!(list["resources"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_objects_are_listed_page_by_page_for_who_may_see_them() {
    let stage = Stage::new("resources").await;
    stage.make(workspace("acme.ann.dev", true)).await;
    stage.administrator().await;
    let token = stage.token("everywhere", &[]).await;
    let account = format!("--serviceaccount={}:everywhere", stage.namespace);
    let binding = [
        "create",
        "clusterrolebinding",
        &stage.namespace,
        "--clusterrole=view",
        &account,
    ];
    stage.bed.run_kubectl(&binding).await.unwrap();
    let caller = stage.server.client(&token);
    let wanted = format!(
        "coder-k8s://namespaces/{}/workspaces/acme.ann.dev",
        stage.namespace
    );
    stage
        .server
        .eventually("the workspace is listed", async || {
            let (mut cursor, mut seen) = (json!({}), Vec::new());
            loop {
                let page = caller.ask("resources/list", cursor.clone()).await.unwrap();
                let uris = page["resources"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|one| one["uri"].clone());
                seen.extend(uris);
                match page.get("nextCursor") {
                    Some(next) => cursor = json!({ "cursor": next }),
                    None => break seen.contains(&json!(wanted)),
                }
            }
        })
        .await;
    let unknown = caller
        .ask("resources/list", json!({ "cursor": "9:x" }))
        .await
        .unwrap_err();
    assert_eq!(unknown["code"], -32602);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_tells_of_each_change_and_ends_with_the_server() {
    let stage = Stage::new("subscription").await;
    stage.make(workspace("acme.ann.dev", true)).await;
    stage.make(workspace("acme.ann.other", true)).await;
    stage.administrator().await;
    let server = Server::start(stage.bed, &[]).await;
    let caller = server.client(&stage.token("administrator", &[]).await);
    let uri = format!(
        "coder-k8s://namespaces/{}/workspaces/acme.ann.dev",
        stage.namespace
    );
    let filter =
        json!({ "notifications": { "resourceSubscriptions": [uri, "file:///etc/passwd"] } });
    let mut answer = caller.send("subscriptions/listen", filter).await;
    assert_eq!(answer.status(), 200);
    let mut text = String::new();
    let updates = |text: &str| text.matches("notifications/resources/updated").count();
    while !text.contains("acknowledged") {
        let part = answer.chunk().await.unwrap().expect("an acknowledgement");
        text.push_str(&String::from_utf8_lossy(&part));
    }
    assert!(!text.contains("passwd"), "{text}");
    for count in 1..=3 {
        // The watch may begin a moment after the answer: until it is told of.
        let mut number = 0;
        while updates(&text) < count {
            let label = format!("a={count}-{number}");
            number += 1;
            stage
                .kubectl(&["label", "--overwrite", "cws/acme.ann.other", &label])
                .await;
            stage
                .kubectl(&["label", "--overwrite", "cws/acme.ann.dev", &label])
                .await;
            let wait = std::time::Duration::from_secs(1);
            if let Ok(part) = tokio::time::timeout(wait, answer.chunk()).await {
                text.push_str(&String::from_utf8_lossy(&part.unwrap().expect("an update")));
            }
        }
    }
    assert!(!text.contains("acme.ann.other"), "{text}");
    server.program.terminate();
    while let Some(part) = answer.chunk().await.unwrap() {
        text.push_str(&String::from_utf8_lossy(&part));
    }
    assert!(text.contains("\"result\""), "it has ended in order: {text}");
    let status = server
        .program
        .wait(std::time::Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn older_clients_are_not_promised_what_needs_a_session() {
    let stage = Stage::new("no-session").await;
    let caller = stage
        .server
        .client(&stage.token("caller", &[]).await)
        .of(Era::Old);
    let begin = json!({
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    });
    let begun = caller.ask("initialize", begin).await.unwrap();
    assert_eq!(begun["capabilities"]["resources"].get("subscribe"), None);
    let new = caller
        .of(Era::New)
        .ask("server/discover", json!({}))
        .await
        .unwrap();
    assert_eq!(new["capabilities"]["resources"]["subscribe"], true);
}
