//! Lists at a version: of the past, of now, of none.

use serde_json::json;

use super::{
    alike::assert_alike,
    caller::{Ask, Reply},
    reads::furnished,
    stage::{Group, Stage, WORKSPACES},
};

/// A token of a list that began so long ago that etcd has forgotten.
fn old_token() -> String {
    // {"v":"meta.k8s.io/v1","rv":1,"start":"a\u0000"}
    "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhXHUwMDAwIn0".to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_32_33_versions_and_tokens_are_alike_also_where_they_are_refused() {
    let stage = furnished("versions").await;
    let at = stage
        .admin
        .get(stage.path(Group::Stored, WORKSPACES, ""))
        .await
        .json();
    let at = at["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    let exact = format!("?resourceVersion={at}&resourceVersionMatch=Exact");
    let not_older = format!("?resourceVersion={at}&resourceVersionMatch=NotOlderThan");
    let with_token = format!("?limit=1&continue={}", old_token());
    let statuses = [
        ("?resourceVersion=", 200),
        ("?resourceVersion=0", 200),
        (exact.as_str(), 200),
        (not_older.as_str(), 200),
        ("?resourceVersion=x", 400),
        ("?resourceVersionMatch=Exact", 422),
        ("?resourceVersionMatch=Other&resourceVersion=1", 422),
        ("?resourceVersion=0&resourceVersionMatch=Exact", 422),
        ("?sendInitialEvents=true", 422),
        ("?resourceVersion=1&resourceVersionMatch=Exact", 410),
        (with_token.as_str(), 410),
        ("?limit=1&continue=nonsense", 400),
        ("?limit=1&continue=nonsense&resourceVersion=1", 400),
    ];
    // etcd forgets only when it is told to.
    compact(&stage).await;
    for (query, status) in statuses {
        let reply = lenient(&stage, query).await;
        assert_eq!(reply.status, status, "{query}: {}", reply.text());
    }
}

/// Both answers; a token to go on in spite of what is forgotten has the present version in it.
async fn lenient(stage: &Stage, query: &str) -> Reply {
    let [old, stored] = stage
        .both(WORKSPACES, query, |_, path| Ask::get(path))
        .await;
    if old.status == 410 && stored.status == 410 {
        let (mut one, mut other) = (old.json(), stored.json());
        for status in [&mut one, &mut other] {
            status["metadata"]["continue"] = json!("…");
        }
        assert_eq!(one, other, "{query}");
        return old;
    }
    assert_alike(query, &old, &stored);
    old
}

/// Makes etcd forget how it all began, as it does by itself after a while.
async fn compact(stage: &Stage) {
    let body = json!({ "revision": 10, "physical": false });
    let url = format!("{}/v3/kv/compaction", stage.bed.etcd_url());
    let reply = reqwest::Client::new()
        .post(url)
        .json(&body)
        .send()
        .await
        .unwrap();
    // Somebody may have done so already.
    assert!(matches!(reply.status().as_u16(), 200 | 400), "{reply:?}");
}
