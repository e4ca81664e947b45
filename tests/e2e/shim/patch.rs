//! Patches (cases 57 to 59): each type means what it means for the stored group, also where it names the
//! group.

use serde_json::{Value, json};

use super::{
    caller::Ask,
    stage::{Group, WORKSPACES, workspace},
    twins::{Shape, Twins},
};

pub const NAME: &str = "acme.alice.dev";
pub const MERGE: &str = "application/merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";
pub const APPLY: &str = "application/apply-patch+yaml";

/// Twins with one workspace, made by `kubectl`.
pub async fn twins(test: &str) -> Twins {
    let twins = Twins::new(test).await;
    for stage in [&twins.old, &twins.stored] {
        let ask = Ask::new(
            "POST",
            stage.path(Group::Stored, WORKSPACES, "?fieldManager=kubectl"),
        );
        let ask = ask.json(&workspace(Group::Stored, NAME));
        stage.admin.send(ask).await.expect(201);
    }
    twins
}

pub fn patch(media: &str, query: &str, body: impl Into<String>) -> Shape {
    Shape::new("PATCH", WORKSPACES, &format!("/{NAME}{query}")).body(media, body)
}

pub fn managers(object: &Value) -> Vec<(&str, &str)> {
    let fields = object["metadata"]["managedFields"].as_array().unwrap();
    fields
        .iter()
        .map(|entry| {
            (
                entry["manager"].as_str().unwrap(),
                entry["operation"].as_str().unwrap(),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn case_57_a_merge_patch_may_name_version_and_managed_fields() {
    let twins = twins("merge").await;
    let named = r#"{"apiVersion":"{version}","metadata":{"labels":{"a":"b"}}}"#;
    twins.same(patch(MERGE, "", named), 200).await;
    let foreign = twins
        .same(patch(MERGE, "", r#"{"apiVersion":"{other}"}"#), 422)
        .await;
    assert!(
        foreign
            .text()
            .contains("must be aggregation.coder.com/v1alpha1"),
        "{}",
        foreign.text()
    );
    twins
        .same(patch(MERGE, "", r#"{"apiVersion":null}"#), 500)
        .await;

    // What was read goes back with its owners, in the words of the group.
    let mut shape = patch(MERGE, "", "");
    let bodies = twins.read(WORKSPACES, NAME).await.map(|object| {
        let metadata =
            json!({ "managedFields": object["metadata"]["managedFields"], "labels": { "a": "c" } });
        json!({ "metadata": metadata }).to_string()
    });
    shape.bodies = Some(bodies);
    let seen = twins.same(shape.clone(), 200).await.json();
    assert!(managers(&seen).contains(&("kubectl", "Update")), "{seen}");

    let stale = r#"{"metadata":{"resourceVersion":"1","labels":{"a":"d"}}}"#;
    twins.same(patch(MERGE, "", stale), 409).await;
    shape.bodies = Some(twins.read(WORKSPACES, NAME).await.map(|object| {
        let version = &object["metadata"]["resourceVersion"];
        json!({ "metadata": { "resourceVersion": version, "labels": { "a": "d" } } }).to_string()
    }));
    twins.same(shape, 200).await;
    for body in [
        "",
        "[]",
        "1",
        "{",
        r#"{"spec":{"running":"maybe"}}"#,
        r#"{"kind":"Pod"}"#,
    ] {
        let refused = twins.compare(&patch(MERGE, "", body)).await.unwrap();
        assert!(
            (400..500).contains(&refused.status),
            "{body}: {}",
            refused.text()
        );
    }
    // All owners forgotten.
    let reset = twins
        .same(
            patch(MERGE, "", r#"{"metadata":{"managedFields":[{}]}}"#),
            200,
        )
        .await
        .json();
    assert_eq!(reset["metadata"]["managedFields"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_58_a_json_patch_sees_the_names_of_the_old_group() {
    let twins = twins("jsonpatch").await;
    let entry = "/metadata/managedFields/0/apiVersion";
    for (operations, status) in [
        (
            json!([{ "op": "test", "path": "/apiVersion", "value": "{version}" }]),
            200,
        ),
        (
            json!([{ "op": "test", "path": "/apiVersion", "value": "apps/v1" }]),
            422,
        ),
        (
            json!([{ "op": "replace", "path": "/apiVersion", "value": "{version}" }]),
            200,
        ),
        (
            json!([{ "op": "replace", "path": "/apiVersion", "value": "{other}" }]),
            422,
        ),
        (
            json!([{ "op": "test", "path": entry, "value": "{version}" }]),
            200,
        ),
        (
            json!([{ "op": "replace", "path": entry, "value": "{version}" },
                { "op": "add", "path": "/metadata/labels", "value": { "version": "coder.com" } }]),
            200,
        ),
        (
            json!([{ "op": "test", "path": "/metadata/labels/version", "value": "coder.com" }]),
            200,
        ),
        (
            json!([{ "op": "copy", "from": "/apiVersion", "path": "/metadata/generateName" }]),
            422,
        ),
        (
            json!([{ "op": "remove", "path": "/metadata/annotations/none" }]),
            422,
        ),
        (json!([{ "op": "jump", "path": "/spec" }]), 422),
        (json!({ "op": "test" }), 400),
    ] {
        let reply = twins
            .compare(&patch(JSON_PATCH, "", operations.to_string()))
            .await
            .unwrap();
        assert_eq!(reply.status, status, "{operations}: {}", reply.text());
    }

    // The whole document, as it was read.
    let mut shape = patch(JSON_PATCH, "", "");
    shape.bodies = Some(twins.read(WORKSPACES, NAME).await.map(|mut object| {
        let as_read = object.clone();
        object["spec"]["running"] = json!(true);
        json!([
            { "op": "test", "path": "", "value": as_read },
            { "op": "replace", "path": "", "value": object },
        ])
        .to_string()
    }));
    let seen = twins.same(shape, 200).await.json();
    assert_eq!(seen["spec"]["running"], true);
    assert!(managers(&seen).contains(&("kubectl", "Update")), "{seen}");

    let [fields, _] = twins
        .read(WORKSPACES, NAME)
        .await
        .map(|object| object["metadata"]["managedFields"].clone());
    assert_eq!(fields[0]["apiVersion"], "aggregation.coder.com/v1alpha1");
    let mut shape = patch(JSON_PATCH, "", "");
    shape.bodies = Some(twins.read(WORKSPACES, NAME).await.map(|object| {
        let fields = &object["metadata"]["managedFields"];
        json!([
            { "op": "test", "path": "/metadata/managedFields/0", "value": fields[0] },
            { "op": "replace", "path": "/metadata/managedFields", "value": fields },
        ])
        .to_string()
    }));
    twins.same(shape, 200).await;
    let many = vec![json!({ "op": "test", "path": "/kind", "value": "CoderWorkspace" }); 10_001];
    twins
        .same(patch(JSON_PATCH, "", json!(many).to_string()), 413)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_59_other_patch_types_are_refused_in_exactly_the_same_words() {
    let twins = twins("strategic").await;
    let media = "application/strategic-merge-patch+json";
    let refused = twins.same(patch(media, "", "{}"), 415).await.json();
    assert_eq!(
        refused["message"],
        "the body of the request was in an unknown format - accepted media types include: \
         application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    );
    for media in [
        "application/json",
        "application/apply-patch+cbor",
        "application/cbor",
        "text/plain",
        "nonsense",
    ] {
        twins.same(patch(media, "", "{}"), 415).await;
    }
    let post = |media: &str| Shape::new("POST", WORKSPACES, "").body(media, "{}");
    for media in [
        "application/cbor",
        "text/html",
        "nonsense",
        "application/merge-patch+json",
    ] {
        let refused = twins.compare(&post(media)).await.unwrap();
        assert!(
            matches!(refused.status, 400 | 415),
            "{media}: {}",
            refused.text()
        );
    }
}
