//! Deletion (cases 67, 68 and 72): as the stored group deletes, told in the words of the old one.

use serde_json::{Value, json};

use super::{
    caller::Ask,
    stage::{Group, Stage, WORKSPACES, workspace},
    twins::{Shape, Twins},
};

const JSON: &str = "application/json";

async fn twins(test: &str, names: &[&str]) -> Twins {
    let twins = Twins::new(test).await;
    for name in names {
        let mut object = workspace(Group::Stored, name);
        object["metadata"]["labels"] = json!({ "number": name.rsplit('.').next().unwrap() });
        twins.make(WORKSPACES, &object).await;
    }
    twins
}

fn delete(name: &str) -> Shape {
    Shape::new("DELETE", WORKSPACES, &format!("/acme.alice.{name}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn case_67_a_deletion_is_told_in_the_words_of_the_old_group() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|name| format!("acme.alice.{name}"));
    let twins = twins("delete", &names.each_ref().map(String::as_str)).await;
    let deleted = twins.same(delete("a"), 200).await.json();
    assert_eq!(deleted["status"], "Success");
    assert_eq!(deleted["details"]["group"], "aggregation.coder.com");
    assert_eq!(deleted["details"]["kind"], "coderworkspaces");
    twins.same(delete("a"), 404).await;

    // Options of any version: clients send their own, core's or none.
    for (name, version) in [
        ("b", "{version}"),
        ("c", "v1"),
        ("d", "meta.k8s.io/v1"),
        ("e", "{other}"),
    ] {
        let options = json!({ "kind": "DeleteOptions", "apiVersion": version });
        twins.same(delete(name).json(options), 200).await;
    }
    let other = json!({ "preconditions": { "uid": "another" } });
    let refused = twins.same(delete("f").json(other), 409).await.json();
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.starts_with(
            "Operation cannot be fulfilled on CoderWorkspace.aggregation.coder.com \"acme.alice.f\""
        ),
        "{message}"
    );
    twins
        .same(
            delete("f").json(json!({ "preconditions": { "resourceVersion": "1" } })),
            409,
        )
        .await;
    for (media, body, status) in [
        (JSON, "{", 400),
        (JSON, "[]", 400),
        (JSON, r#"{"kind":"Pod","apiVersion":"v1"}"#, 400),
        (JSON, r#"{"propagationPolicy":"Sideways"}"#, 422),
        (
            JSON,
            r#"{"propagationPolicy":"Orphan","orphanDependents":true}"#,
            422,
        ),
        (JSON, r#"{"gracePeriodSeconds":"soon"}"#, 400),
    ] {
        let reply = twins.compare(&delete("f").body(media, body)).await.unwrap();
        assert_eq!(reply.status, status, "{body}: {}", reply.text());
    }

    // Options have to be read here, and protobuf is not.
    let ask = Ask::new(
        "DELETE",
        twins.old.path(Group::Old, WORKSPACES, "acme.alice.f"),
    );
    twins
        .old
        .admin
        .send(ask.body("text/plain", "{}"))
        .await
        .expect(415);

    // Foreground: the object itself, which waits for the collector.
    let foreground = json!({ "propagationPolicy": "Foreground" });
    let held = twins.same(delete("f").json(foreground), 200).await.json();
    assert_eq!(held["apiVersion"], "aggregation.coder.com/v1alpha1");
    assert_eq!(
        held["metadata"]["finalizers"],
        json!(["foregroundDeletion"])
    );
    let query = Shape::new(
        "DELETE",
        WORKSPACES,
        "/acme.alice.g?propagationPolicy=Background",
    );
    twins.same(query, 200).await;
    twins
        .same(
            delete("h").body("application/yaml", "kind: DeleteOptions\napiVersion: v1\n"),
            200,
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_68_a_collection_is_deleted_by_selector() {
    let twins = twins(
        "collection",
        &["acme.alice.a", "acme.alice.b", "acme.alice.c"],
    )
    .await;
    let select = |query: &str| Shape::new("DELETE", WORKSPACES, query);
    let dry = twins
        .same(select("?labelSelector=number%20in%20(a,b)&dryRun=All"), 200)
        .await
        .json();
    assert_eq!(dry["items"].as_array().unwrap().len(), 2);
    let deleted = twins
        .same(select("?labelSelector=number%20in%20(a,b)"), 200)
        .await
        .json();
    assert_eq!(deleted["kind"], "CoderWorkspaceList");
    assert_eq!(deleted["apiVersion"], "aggregation.coder.com/v1alpha1");
    assert_eq!(
        deleted["items"][1]["apiVersion"],
        "aggregation.coder.com/v1alpha1"
    );
    let left = twins
        .same(Shape::new("GET", WORKSPACES, ""), 200)
        .await
        .json();
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    twins
        .same(select("?fieldSelector=spec.running%3Dtrue"), 400)
        .await;
    twins.same(select("?labelSelector=%3D%3D"), 400).await;
    let everywhere = twins.compare(&select("").everywhere()).await.unwrap();
    assert_eq!(everywhere.status, 404);
    twins.same(select(""), 200).await;
    assert_eq!(
        twins
            .same(Shape::new("GET", WORKSPACES, ""), 200)
            .await
            .json()["items"],
        json!([])
    );
}

/// A `ConfigMap` that belongs to `owner`, by the version of `group`.
async fn dependent(stage: &Stage, name: &str, group: Group, owner: &Value, blocks: bool) {
    let object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "ownerReferences": [{
                "apiVersion": group.version(),
                "kind": "CoderWorkspace",
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "blockOwnerDeletion": blocks,
            }],
        },
    });
    let path = format!("/api/v1/namespaces/{}/configmaps", stage.namespace);
    stage
        .admin
        .send(Ask::new("POST", path).json(&object))
        .await
        .expect(201);
}

async fn status(stage: &Stage, path: &str) -> u16 {
    let path = format!("/api/v1/namespaces/{}/configmaps/{path}", stage.namespace);
    stage.admin.get(path).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn case_72_dependents_of_either_version_go_with_their_owner() {
    let stage = Stage::new("collect").await;
    let gone = async |what: &str, names: &[&str]| {
        stage
            .server
            .eventually(what, async || {
                for name in names {
                    if status(&stage, name).await != 404 {
                        return false;
                    }
                }
                true
            })
            .await;
    };
    let owner = stage
        .make(WORKSPACES, &workspace(Group::Stored, "acme.alice.owner"))
        .await;
    let other = stage
        .make(WORKSPACES, &workspace(Group::Stored, "acme.alice.other"))
        .await;
    dependent(&stage, "by-stored", Group::Stored, &owner, false).await;
    dependent(&stage, "by-old", Group::Old, &owner, false).await;
    dependent(&stage, "of-other", Group::Old, &other, false).await;
    let path = stage.path(Group::Old, WORKSPACES, "acme.alice.owner");
    stage.admin.send(Ask::new("DELETE", path)).await.expect(200);
    gone("both dependents are collected", &["by-stored", "by-old"]).await;

    // Foreground: the owner stays until those that hold it are gone, and they are held by a finalizer.
    dependent(&stage, "holds", Group::Old, &other, true).await;
    let hold = json!({ "metadata": { "finalizers": ["tests.invalid/hold"] } });
    let config_map = format!("/api/v1/namespaces/{}/configmaps/holds", stage.namespace);
    let patch = |body: &Value| {
        Ask::new("PATCH", config_map.as_str())
            .body("application/merge-patch+json", body.to_string())
    };
    stage.admin.send(patch(&hold)).await.expect(200);
    let path = stage.path(Group::Old, WORKSPACES, "acme.alice.other");
    let foreground =
        json!({ "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground" });
    stage
        .admin
        .send(Ask::new("DELETE", path.as_str()).json(&foreground))
        .await
        .expect(200);
    gone(
        "the dependent that holds nothing is collected",
        &["of-other"],
    )
    .await;
    let holding = stage
        .admin
        .get(config_map.as_str())
        .await
        .expect(200)
        .json();
    let held = stage.admin.get(path.as_str()).await.expect(200).json();
    assert!(held["metadata"]["deletionTimestamp"].is_string(), "{held}");
    assert!(holding["metadata"]["finalizers"].is_array(), "{holding}");
    stage
        .admin
        .send(patch(&json!({ "metadata": { "finalizers": null } })))
        .await
        .expect(200);
    stage
        .server
        .eventually("the owner is gone", async || {
            stage.admin.get(path.as_str()).await.status == 404
        })
        .await;
}
