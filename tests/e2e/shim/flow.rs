//! How kube-apiserver queues what the aggregated API asks of it.

use serde_json::json;

use super::{
    caller::{Ask, Caller},
    server::{self, NAME, NAMESPACE},
};

/// What kube-apiserver told of the last request: its schema and its level.
const TOLD: [(&str, &str); 2] = [
    ("flowschemas", "x-kubernetes-pf-flowschema-uid"),
    (
        "prioritylevelconfigurations",
        "x-kubernetes-pf-prioritylevel-uid",
    ),
];

/// The uids of the schema and the level `name`.
async fn uids(admin: &Caller, name: &str) -> Vec<String> {
    let mut uids = Vec::new();
    for (plural, _) in TOLD {
        let path = format!("/apis/flowcontrol.apiserver.k8s.io/v1/{plural}/{name}");
        let object = admin.get(path).await.expect(200).json();
        uids.push(object["metadata"]["uid"].as_str().unwrap().to_owned());
    }
    uids
}

#[tokio::test(flavor = "multi_thread")]
async fn reviews_do_not_wait_behind_lists() {
    let server = server::shared().await;
    let admin = server::administrator(server.bed);
    let account = admin
        .with_header(
            "impersonate-user",
            &format!("system:serviceaccount:{NAMESPACE}:{NAME}"),
        )
        .with_header("impersonate-group", "system:serviceaccounts")
        .with_header("impersonate-group", "system:authenticated");
    let access = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": { "user": "x", "nonResourceAttributes": { "path": "/", "verb": "get" } },
    });
    let reviews_path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let rest = uids(&admin, NAME).await;
    let reviews = uids(&admin, &format!("{NAME}-reviews")).await;
    for (ask, expected) in [
        (Ask::new("POST", reviews_path).json(&access), &reviews),
        (
            Ask::get("/apis/coder.com/v1alpha1/coderworkspaces?limit=1"),
            &rest,
        ),
    ] {
        let what = ask.path.clone();
        // What was applied just now is taken up a little later.
        let queued_so = async || {
            let reply = account.send(ask.clone()).await;
            assert!(matches!(reply.status, 200 | 201), "{}", reply.text());
            TOLD.map(|(_, header)| reply.header(header)) == expected[..]
        };
        server.eventually(&what, queued_so).await;
    }
}
