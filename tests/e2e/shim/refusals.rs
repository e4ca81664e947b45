//! Refusals of writes (cases 69 to 71): what is too large, against the rules of the kind, or for a namespace
//! that is not there.

use serde_json::json;

use super::{
    caller::Ask,
    stage::{Group, TEMPLATES, WORKSPACES, workspace},
    twins::{Shape, Twins},
    writes::{NAME, dev, post},
};

#[tokio::test(flavor = "multi_thread")]
async fn case_69_the_largest_body_is_the_stored_groups() {
    const LIMIT: usize = 3 * 1024 * 1024;
    let twins = Twins::new("large").await;
    let sized = |size: usize| {
        let mut object = dev();
        object["apiVersion"] = json!("{version}");
        let mut text = object.to_string();
        // Space, so that the object itself is small. Both versions in the same length.
        text.insert_str(1, &" ".repeat(size - text.len()));
        Shape::new("POST", WORKSPACES, "?dryRun=All").json(text)
    };
    for size in [LIMIT - 1024, LIMIT - 100] {
        twins.same(sized(size), 201).await;
    }
    let refused = twins.same(sized(LIMIT + 100), 413).await.json();
    assert_eq!(
        refused["message"],
        "Request entity too large: limit is 3145728"
    );
    assert_eq!(refused["reason"], "RequestEntityTooLarge");
    // 2.5 MiB that mean something: taken here, refused by the rules of the kind or by etcd.
    let template = json!({
        "apiVersion": "{version}", "kind": "CoderTemplate",
        "metadata": { "name": "acme.docker" },
        "spec": { "files": { "main.tf": "x".repeat(5 * LIMIT / 6) } },
    });
    let reply = twins
        .compare(&Shape::new("POST", TEMPLATES, "").json(template))
        .await
        .unwrap();
    assert_ne!(reply.status, 413, "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn case_70_rules_of_the_kind_speak_of_the_old_group() {
    let twins = Twins::new("rules").await;
    let mut object = dev();
    object["spec"]["ttlMillis"] = json!(1);
    object["spec"]["parameters"] = json!([{ "name": "a", "value": "b", "valueFrom": {} }]);
    let refused = twins.same(post(&object), 422).await.json();
    let message = refused["message"].as_str().unwrap();
    let begin = "CoderWorkspace.aggregation.coder.com \"acme.alice.dev\" is invalid: ";
    assert!(message.starts_with(begin), "{message}");
    let details = &refused["details"];
    assert_eq!(details["group"], "aggregation.coder.com");
    assert_eq!(details["kind"], "CoderWorkspace");
    assert!(
        details["causes"].as_array().unwrap().len() >= 2,
        "{details}"
    );
    let mut object = dev();
    object["metadata"]["name"] = json!("coder.com");
    twins.same(post(&object), 422).await;
    object["metadata"]["name"] = json!("UPPER");
    twins.same(post(&object), 422).await;
    let mut object = dev();
    object["spec"]["templateName"] = json!({ "coder.com": "coder.com/v1alpha1" });
    twins.same(post(&object), 422).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_71_a_namespace_that_is_missing_or_ends_is_told_apart() {
    let twins = Twins::new("ending").await;
    let stage = &twins.old;
    for group in [Group::Old, Group::Stored] {
        let path = stage
            .path(group, WORKSPACES, "")
            .replace(&stage.namespace, "no-such-namespace");
        let refused = stage
            .admin
            .send(Ask::new("POST", path).json(&workspace(group, NAME)))
            .await;
        let refused = refused.expect(404).json();
        assert_eq!(
            refused["message"],
            "namespaces \"no-such-namespace\" not found"
        );
        assert_eq!(
            refused["details"],
            json!({ "name": "no-such-namespace", "kind": "namespaces" })
        );
    }
    // An object that holds the namespace back.
    for stage in [&twins.old, &twins.stored] {
        let mut held = workspace(Group::Stored, "acme.alice.held");
        held["metadata"]["finalizers"] = json!(["tests.invalid/hold"]);
        stage.make(WORKSPACES, &held).await;
        stage
            .kubectl(&["delete", "namespace", &stage.namespace, "--wait=false"])
            .await;
    }
    let refused = twins.same(post(&dev()), 403).await.json();
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.contains("because it is being terminated"),
        "{message}"
    );
    assert!(
        message
            .starts_with("coderworkspaces.aggregation.coder.com \"acme.alice.dev\" is forbidden"),
        "{message}"
    );
    for stage in [&twins.old, &twins.stored] {
        let path = stage.path(Group::Old, WORKSPACES, "acme.alice.held");
        let patch = Ask::new("PATCH", path).body(
            "application/merge-patch+json",
            r#"{"metadata":{"finalizers":null}}"#,
        );
        stage.admin.send(patch).await.expect(200);
    }
}
