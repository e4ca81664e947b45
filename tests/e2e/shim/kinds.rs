//! Kinds that go and come with their CRDs, and hold nobody up while they are gone.

use serde_json::Value;

use super::{
    caller::{Ask, Caller},
    discovery::{DOCUMENT, merged},
    own::{Own, own},
    server::{Server, Settings, administrator, install, look_again},
    stage::{Group, TEMPLATES, WORKSPACES, workspace},
};

const VERSION: &str = "/apis/aggregation.coder.com/v1alpha1";
const COLLECTION: &str = "/apis/aggregation.coder.com/v1alpha1/namespaces/default/coderworkspaces";

/// The kinds that `caller` is told of, by the list and by `OpenAPI`.
async fn told(caller: &Caller) -> [Vec<&'static str>; 2] {
    let list = caller.get(VERSION).await.expect(200).json();
    let names: Vec<Value> = list["resources"].as_array().unwrap().clone();
    let document = caller.get(DOCUMENT).await.expect(200).json();
    let is_listed = |plural: &str| names.iter().any(|one| one["name"] == plural);
    let is_described = |plural: &str| {
        document["paths"]
            .get(format!("{VERSION}/{plural}"))
            .is_some()
    };
    let both = || [TEMPLATES, WORKSPACES].into_iter();
    [
        both().filter(|plural| is_listed(plural)).collect(),
        both().filter(|plural| is_described(plural)).collect(),
    ]
}

impl Server {
    async fn tells_of(&self, kinds: &[&str]) {
        let caller = self.proxy_for("x", &["system:masters"]);
        let expected = [kinds, kinds];
        self.eventually(&format!("it tells of {kinds:?}"), async || {
            told(&caller).await == expected
        })
        .await;
    }
}

impl Own {
    async fn kubectl_with_crds(&self, arguments: &[&str], crds: &str) {
        let crds = crate::root().join("crds").join(crds).display().to_string();
        let arguments = [arguments, &["-f", &crds]].concat();
        self.bed.run_kubectl(&arguments).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_75_kinds_that_are_gone_are_unavailable_and_come_back() {
    let own = own().await;
    let admin = administrator(own.bed);
    let before = Server::published(own.bed, Settings::default()).await;
    before.tells_of(&[TEMPLATES, WORKSPACES]).await;
    own.kubectl_with_crds(&["delete"], "").await;
    let direct = before.proxy_for("x", &["system:masters"]);
    for path in [
        COLLECTION.to_owned(),
        format!("{COLLECTION}/acme.alice.dev"),
        format!("{COLLECTION}?watch=1"),
    ] {
        let reply = direct.get(&path).await;
        assert_eq!(reply.status, 503, "not 404: {}", reply.text());
        assert_eq!(reply.header("retry-after"), "1");
        let status = reply.json();
        let message = status["message"].as_str().unwrap();
        assert!(message.contains("coderworkspaces.coder.com"), "{message}");
        let help = "kubectl apply --server-side -f crds/coder.com_coderworkspaces.yaml";
        assert!(message.contains(help), "{message}");
    }
    before.tells_of(&[]).await;

    // What starts now serves as well.
    let server = Server::published(own.bed, Settings::default()).await;
    server.tells_of(&[]).await;
    server
        .eventually("kube-apiserver hears of it", async || {
            look_again(&admin).await;
            let version = merged(&admin, Group::Old.name()).await.unwrap_or_default();
            let kinds = version["resources"].as_array().map_or(0, Vec::len);
            version["freshness"] == "Current" && kinds == 0
        })
        .await;
    assert_eq!(own.available().await["status"], "True");
    assert_eq!(admin.get(COLLECTION).await.status, 503);
    let namespace = "without-kinds";
    for command in [
        &["create", "namespace", namespace][..],
        &["delete", "namespace", namespace, "--timeout=80s"],
    ] {
        own.bed.run_kubectl(command).await.unwrap();
    }

    // One comes back, and then the other, and nobody is restarted for it.
    own.kubectl_with_crds(
        &["apply", "--server-side"],
        "coder.com_coderworkspaces.yaml",
    )
    .await;
    for server in [&before, &server] {
        server.tells_of(&[WORKSPACES]).await;
    }
    let make = Ask::new("POST", COLLECTION).json(&workspace(Group::Old, "acme.alice.dev"));
    server
        .eventually("it is served", async || {
            admin.send(make.clone()).await.status == 201
        })
        .await;
    let templates = COLLECTION.replace(WORKSPACES, TEMPLATES);
    assert_eq!(admin.get(&templates).await.status, 503);
    install(own.bed).await;
    for server in [&before, &server] {
        server.tells_of(&[TEMPLATES, WORKSPACES]).await;
        assert_eq!(server.program.status(), None);
    }
    admin.get(&templates).await.expect(200);
    let path = format!("{COLLECTION}/acme.alice.dev");
    admin.send(Ask::new("DELETE", path)).await.expect(200);
}
