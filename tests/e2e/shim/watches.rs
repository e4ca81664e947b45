//! Watches: everything that is told while it happens.

use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    alike::assert_alike,
    caller::{Ask, Coming, Protocol},
    server::Server,
    stage::{Group, Stage, WORKSPACES, workspace},
};
use crate::e2e::scene::PATIENCE;

impl Stage {
    /// Watches the workspaces of a group, `query` after `?watch=1`.
    async fn watch(&self, group: Group, query: &str, accept: &str) -> Coming {
        let path = self.path(group, WORKSPACES, &format!("?watch=1{query}"));
        let ask = Ask::get(path).accept(accept);
        // The head of a watch comes at once.
        timeout(PATIENCE, self.admin.open(ask)).await.unwrap()
    }

    /// The present version of the collection.
    async fn version(&self) -> String {
        let list = self
            .admin
            .get(self.path(Group::Stored, WORKSPACES, ""))
            .await
            .expect(200)
            .json();
        list["metadata"]["resourceVersion"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    async fn label(&self, name: &str, value: &str) -> Value {
        let patch = json!({ "metadata": { "labels": { "test": value } } });
        let ask = Ask::new("PATCH", self.path(Group::Stored, WORKSPACES, name))
            .body("application/merge-patch+json", patch.to_string());
        self.admin.send(ask).await.expect(200).json()
    }

    async fn remove(&self, name: &str) {
        let ask = Ask::new("DELETE", self.path(Group::Stored, WORKSPACES, name));
        self.admin.send(ask).await.expect(200);
    }
}

async fn next(watch: &mut Coming) -> Value {
    timeout(PATIENCE, watch.event()).await.unwrap().unwrap()
}

const JSON: &str = "application/json";

#[tokio::test(flavor = "multi_thread")]
async fn cases_41_42_what_happens_is_told_at_once_in_the_words_of_the_group() {
    let stage = Stage::new("events").await;
    let version = stage.version().await;
    for accept in [JSON, "*/*", "application/json;stream=watch"] {
        let query = format!("&resourceVersion={version}");
        // Nothing has happened here, and the head is there all the same.
        let quiet = stage.watch(Group::Old, &query, accept).await;
        assert_eq!(quiet.status, 200);
        let theirs = stage.watch(Group::Stored, &query, accept).await;
        assert_eq!(
            quiet.headers["content-type"],
            theirs.headers["content-type"]
        );
    }
    let query = format!("&resourceVersion={version}");
    let mut old = stage.watch(Group::Old, &query, JSON).await;
    let mut stored = stage.watch(Group::Stored, &query, JSON).await;
    stage.make_workspaces(&["acme.alice.dev"]).await;
    stage.label("acme.alice.dev", "changed").await;
    stage.remove("acme.alice.dev").await;
    for kind in ["ADDED", "MODIFIED", "DELETED"] {
        let line = timeout(PATIENCE, old.line()).await.unwrap().unwrap();
        let theirs = timeout(PATIENCE, stored.line()).await.unwrap().unwrap();
        assert_eq!(line, super::stage::renamed(&theirs));
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["type"], kind);
        assert_eq!(
            event["object"]["apiVersion"],
            "aggregation.coder.com/v1alpha1"
        );
        let managed = &event["object"]["metadata"]["managedFields"][0]["apiVersion"];
        assert_eq!(managed, "aggregation.coder.com/v1alpha1");
    }
    // The old form of the path is not served; one object of all is.
    stage
        .make_workspaces(&["acme.alice.one", "acme.alice.two"])
        .await;
    let old_form = format!(
        "/apis/aggregation.coder.com/v1alpha1/watch/namespaces/{}/coderworkspaces",
        stage.namespace
    );
    stage.admin.get(&old_form).await.expect(404);
    let mut one = stage
        .watch(
            Group::Old,
            "&fieldSelector=metadata.name%3Dacme.alice.two",
            JSON,
        )
        .await;
    assert_eq!(
        next(&mut one).await["object"]["metadata"]["name"],
        "acme.alice.two"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_43_44_bookmarks_tell_how_far_it_is() {
    let stage = Stage::new("bookmarks").await;
    stage
        .make_workspaces(&["acme.alice.one", "acme.alice.two"])
        .await;
    let query =
        "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut watch = stage.watch(Group::Old, query, JSON).await;
    assert_eq!(watch.status, 200);
    for name in ["acme.alice.one", "acme.alice.two"] {
        let event = next(&mut watch).await;
        assert_eq!(event["type"], "ADDED");
        assert_eq!(event["object"]["metadata"]["name"], name);
    }
    let bookmark = next(&mut watch).await;
    assert_eq!(bookmark["type"], "BOOKMARK");
    let object = &bookmark["object"];
    assert_eq!(object["apiVersion"], "aggregation.coder.com/v1alpha1");
    assert_eq!(object["kind"], "CoderWorkspace");
    assert_eq!(
        object["metadata"]["annotations"]["k8s.io/initial-events-end"],
        "true"
    );
    let version = object["metadata"]["resourceVersion"].as_str().unwrap();
    assert!(version.parse::<u64>().unwrap() > 1);
    // What comes after it is new.
    stage.label("acme.alice.two", "later").await;
    assert_eq!(next(&mut watch).await["type"], "MODIFIED");
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_45_46_watches_end_as_they_do_for_the_stored_group() {
    let stage = Stage::new("ends").await;
    let mut old = stage.watch(Group::Old, "&resourceVersion=1", JSON).await;
    assert_eq!(old.status, 200);
    let gone = next(&mut old).await;
    assert_eq!(gone["type"], "ERROR");
    assert_eq!(
        (&gone["object"]["code"], &gone["object"]["reason"]),
        (&json!(410), &json!("Expired"))
    );
    assert_eq!(
        timeout(PATIENCE, old.event()).await.unwrap(),
        None,
        "and that is its end"
    );

    // How long one lives is for kube-apiserver to say, which is told for how long it is wanted.
    let (server, hop) = Server::watched(stage.bed).await;
    let version = stage.version().await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let path = stage.path(
            Group::Old,
            WORKSPACES,
            &format!("?watch=1&timeoutSeconds=1&resourceVersion={version}"),
        );
        let caller = server
            .proxy_for("x", &["system:masters"])
            .with_protocol(protocol);
        hop.forget();
        let mut watch = caller.open(Ask::get(&path)).await;
        assert_eq!(
            timeout(PATIENCE, watch.event()).await.unwrap(),
            None,
            "a clean end"
        );
        let [asked] = &hop.about_objects()[..] else {
            panic!("it is asked once: {:?}", hop.about_objects());
        };
        assert!(asked.path.contains("&timeoutSeconds=1&"), "{}", asked.path);
    }
    let mut watch = stage
        .watch(
            Group::Old,
            &format!("&timeoutSeconds=1&resourceVersion={version}"),
            JSON,
        )
        .await;
    assert_eq!(
        timeout(PATIENCE, watch.event()).await.unwrap(),
        None,
        "a clean end"
    );

    for query in [
        "&labelSelector=%3D%3D",
        "&fieldSelector=spec.x%3Dy",
        "&sendInitialEvents=true",
        "&sendInitialEvents=true&resourceVersionMatch=Exact",
        "&resourceVersion=1&resourceVersionMatch=Exact",
    ] {
        let rest = format!("?watch=1{query}");
        let [old, stored] = stage
            .both(WORKSPACES, &rest, |_, path| Ask::get(path))
            .await;
        assert!((400..500).contains(&stored.status), "{query}");
        assert_alike(query, &old, &stored);
    }
    let yaml = |path| Ask::get(path).accept("application/yaml");
    stage.alike(WORKSPACES, "?watch=1", yaml).await.expect(406);
    let protobuf = |path| Ask::get(path).accept("application/vnd.kubernetes.protobuf;stream=watch");
    stage
        .alike(WORKSPACES, "?watch=1", protobuf)
        .await
        .expect(406);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_47_tables_and_metadata_are_watched_too() {
    let stage = Stage::new("forms").await;
    stage.make_workspaces(&["acme.alice.dev"]).await;
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let metadata = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
    for (accept, query) in [
        (table, ""),
        (table, "&includeObject=Object"),
        (metadata, ""),
    ] {
        let mut old = stage.watch(Group::Old, query, accept).await;
        let mut stored = stage.watch(Group::Stored, query, accept).await;
        assert_eq!(old.headers["content-type"], stored.headers["content-type"]);
        for event in 0..2 {
            if event == 1 {
                stage
                    .label(
                        "acme.alice.dev",
                        &format!("{}-{}", accept.len(), query.len()),
                    )
                    .await;
            }
            let (old, stored) = (old.line(), stored.line());
            let (old, stored) = (
                timeout(PATIENCE, old).await.unwrap(),
                timeout(PATIENCE, stored).await.unwrap(),
            );
            let (old, stored) = (old.unwrap(), stored.unwrap());
            assert_eq!(old, super::stage::renamed(&stored));
            let told: Value = serde_json::from_str(&old).unwrap();
            if accept == table {
                let columns = told["object"]["columnDefinitions"]
                    .as_array()
                    .map_or(0, Vec::len);
                assert_eq!(columns > 0, event == 0, "only at first: {old}");
            } else {
                let managed = &told["object"]["metadata"]["managedFields"][0]["apiVersion"];
                assert_eq!(managed, "aggregation.coder.com/v1alpha1");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_48_a_watch_that_nobody_reads_ends_behind_the_server_too() {
    let stage = Stage::new("leaves").await;
    let (server, hop) = Server::watched(stage.bed).await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let caller = server
            .proxy_for("x", &["system:masters"])
            .with_protocol(protocol);
        let watch = caller
            .open(Ask::get(stage.path(Group::Old, WORKSPACES, "?watch=1")))
            .await;
        assert_eq!(hop.open(), 1);
        drop(watch);
        drop(caller);
        server
            .eventually("the watch ends there", async || hop.open() == 0)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_49_when_the_way_behind_breaks_a_watch_ends_cleanly_and_nothing_is_missed() {
    let stage = Stage::new("breaks").await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    let path = stage.path(Group::Old, WORKSPACES, "");
    let list = caller.get(&path).await.expect(200).json();
    let version = list["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    let watch = |version: &str| Ask::get(format!("{path}?watch=1&resourceVersion={version}"));
    let mut before = caller.open(watch(&version)).await;
    stage.make_workspaces(&["acme.alice.before"]).await;
    let seen = next(&mut before).await["object"]["metadata"]["resourceVersion"].clone();
    hop.cut();
    assert_eq!(
        timeout(PATIENCE, before.event()).await.unwrap(),
        None,
        "a clean end"
    );
    stage.make_workspaces(&["acme.alice.after"]).await;
    // As an informer goes on: from the last version that it saw.
    let mut after = caller.open(watch(seen.as_str().unwrap())).await;
    assert_eq!(after.status, 200);
    assert_eq!(
        next(&mut after).await["object"]["metadata"]["name"],
        "acme.alice.after"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn case_50_three_hundred_watches_through_one_kube_apiserver() {
    let stage = Stage::new("many").await;
    let version = stage.version().await;
    let query = format!("&resourceVersion={version}");
    let mut watches = Vec::new();
    // As many clients, so that kube-apiserver's own limit per connection is not met.
    let clients: Vec<_> = (0..10).map(|_| stage.admin.again()).collect();
    for client in &clients {
        for _ in 0..30 {
            let path = stage.path(Group::Old, WORKSPACES, &format!("?watch=1{query}"));
            let watch = timeout(PATIENCE, client.open(Ask::get(path)))
                .await
                .unwrap();
            assert_eq!(watch.status, 200);
            watches.push(watch);
        }
    }
    // All are open at the same time, and writes go on beside them.
    let made = workspace(Group::Old, "acme.alice.dev");
    let make = Ask::new("POST", stage.path(Group::Old, WORKSPACES, "")).json(&made);
    stage.admin.send(make).await.expect(201);
    for (number, watch) in watches.iter_mut().enumerate() {
        let event = timeout(PATIENCE, watch.event()).await.unwrap();
        let event = event.unwrap_or_else(|| panic!("watch {number} has ended"));
        assert_eq!(
            event["object"]["metadata"]["name"], "acme.alice.dev",
            "{number}"
        );
    }
}
