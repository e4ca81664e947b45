use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

use super::*;
use crate::{
    api::{
        names::{MANAGER_CODERD, MANAGER_CONTROLLER},
        status::{Origin, Sync},
        workspace::{CoderWorkspace, WorkspaceSpec, WorkspaceStatus},
    },
    k8s::fake::{Answer, Log, Seen, not_found, server, status},
};

const PATH: &str = "/apis/coder.com/v1alpha1/namespaces/team/coderworkspaces/acme.ann.dev";
const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

fn known() -> Known {
    Known {
        key: Key::new("team", "acme.ann.dev"),
        uid: "uid-1".to_owned(),
        resource_version: "41".to_owned(),
        generation: 2,
    }
}

fn stored(spec: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "coder.com/v1alpha1", "kind": "CoderWorkspace",
        "metadata": {"namespace": "team", "name": "acme.ann.dev", "uid": "uid-1",
            "resourceVersion": "42", "generation": 3},
    });
    if !spec.is_null() {
        object["spec"] = spec.clone();
    }
    object
}

fn objects(
    answer: impl Fn(&Seen) -> Answer + Clone + Send + 'static,
) -> (Objects<CoderWorkspace>, Log) {
    let (client, log) = server(answer);
    (Objects::new(client), log)
}

#[tokio::test]
async fn an_object_without_spec_is_read() {
    let (objects, log) = objects(|_| Answer::json(200, &stored(&Value::Null)));
    let object = objects.get(&known().key).await.unwrap().unwrap();
    assert_eq!(object.spec, WorkspaceSpec::default());
    assert_eq!(Known::of(&object.metadata).unwrap().resource_version, "42");
    let seen = log.only();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", PATH));
    // No resourceVersion: read from the store, not from a cache.
    assert!(seen.query.is_empty());
}

#[tokio::test]
async fn absence_is_believed_only_with_proof() {
    let (proved, _) = objects(|_| Answer::json(404, &not_found("acme.ann.dev")));
    assert!(proved.get(&known().key).await.unwrap().is_none());
    let (removed_kind, _) = objects(|_| Answer::text(404, "404 page not found\n"));
    assert!(
        removed_kind
            .get(&known().key)
            .await
            .unwrap_err()
            .is_kind_missing()
    );
}

#[tokio::test]
async fn other_kinds_are_read_alike() {
    let (client, log) = server(|seen| {
        let details = json!({"name": "gone", "kind": "secrets"});
        if seen.path.ends_with("/gone") {
            let refusal = status(404, "NotFound", "secrets \"gone\" not found", &details);
            return Answer::json(404, &refusal);
        }
        Answer::json(
            200,
            &json!({"metadata": {"name": "s"}, "data": {"k": "dg=="}}),
        )
    });
    let secrets = Objects::<Secret>::new(client);
    let secret = secrets.get(&Key::new("team", "s")).await.unwrap().unwrap();
    assert_eq!(secret.data.unwrap()["k"].0, b"v");
    assert!(
        secrets
            .get(&Key::new("team", "gone"))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(log.all()[0].path, "/api/v1/namespaces/team/secrets/s");
}

#[tokio::test]
async fn a_name_cannot_lead_elsewhere() {
    let (objects, log) = objects(|_| Answer::json(200, &stored(&Value::Null)));
    for name in ["", "a/b", "..", "a?b=c", "a%2fb", "a b", "ä", "A"] {
        let error = objects.get(&Key::new("team", name)).await.unwrap_err();
        assert!(
            !error.is_transient() && error.code().is_none(),
            "{name}: {error}"
        );
        assert!(objects.get(&Key::new(name, "x")).await.is_err(), "{name}");
    }
    assert!(log.all().is_empty());
}

#[tokio::test]
async fn an_apply_demands_uid_and_version() {
    let (objects, log) = objects(|_| Answer::json(200, &stored(&json!({"running": false}))));
    let set = json!({"spec": {"organization": "acme", "running": false, "ttlMillis": null}});
    let known = known();
    let object = objects.apply(&known, MANAGER_CODERD, Force::No, set.clone());
    assert_eq!(object.await.unwrap().spec.running, Some(false));
    let seen = log.only();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("PATCH", PATH));
    assert_eq!(seen.parameter("fieldManager"), Some("coderd"));
    assert_eq!(seen.parameter("force"), None);
    assert_eq!(seen.header("content-type"), "application/apply-patch+yaml");
    assert_eq!(seen.header("accept"), "application/json");
    assert_eq!(
        seen.body,
        json!({
            "apiVersion": "coder.com/v1alpha1", "kind": "CoderWorkspace",
            "metadata": {"namespace": "team", "name": "acme.ann.dev", "uid": "uid-1",
                "resourceVersion": "41"},
            "spec": {"organization": "acme", "running": false},
        })
    );

    objects
        .apply(&known, MANAGER_CODERD, Force::Yes, set)
        .await
        .unwrap();
    let forced = &log.all()[1];
    assert_eq!(forced.parameter("force"), Some("true"));
    assert_eq!(forced.body["metadata"]["uid"], "uid-1");
    assert_eq!(forced.body["metadata"]["resourceVersion"], "41");
}

#[tokio::test]
async fn an_import_demands_neither_and_tells_what_it_found() {
    let (objects, log) = objects(|seen| {
        let code = if seen.body["spec"]["organization"] == "new" {
            201
        } else {
            200
        };
        Answer::json(code, &stored(&seen.body["spec"]))
    });
    let import = |organization| {
        let set = json!({"spec": {"organization": organization}});
        let objects = objects.clone();
        async move {
            objects
                .import(&known().key, MANAGER_CODERD, set)
                .await
                .unwrap()
        }
    };
    assert!(matches!(import("new").await, Imported::Created(_)));
    assert!(matches!(import("old").await, Imported::Existed(_)));
    for seen in log.all() {
        assert_eq!(seen.parameter("fieldManager"), Some("coderd"));
        assert_eq!(seen.parameter("force"), None);
        assert_eq!(
            seen.body["metadata"],
            json!({"namespace": "team", "name": "acme.ann.dev"})
        );
    }
}

#[tokio::test]
async fn a_status_write_brings_back_metadata_only() {
    let (objects, log) = objects(|_| {
        let mut answer = stored(&Value::Null);
        answer["apiVersion"] = json!("meta.k8s.io/v1");
        answer["kind"] = json!("PartialObjectMetadata");
        Answer::json(200, &answer)
    });
    let status = WorkspaceStatus {
        id: Some("w1".to_owned()),
        sync: Some(Sync::default()),
        ..WorkspaceStatus::default()
    };
    let after = objects.apply_status(&known(), &status).await.unwrap();
    assert_eq!(
        after,
        Known {
            resource_version: "42".to_owned(),
            generation: 3,
            ..known()
        }
    );
    let seen = log.only();
    assert_eq!(seen.path, format!("{PATH}/status"));
    assert_eq!(seen.header("accept"), METADATA_ONLY);
    assert_eq!(seen.headers.get_all("accept").iter().count(), 1);
    assert_eq!(seen.parameter("fieldManager"), Some(MANAGER_CONTROLLER));
    assert_eq!(seen.parameter("force"), Some("true"));
    // `sync` is an empty map here, which the server would refuse.
    assert_eq!(seen.body["status"], json!({"id": "w1"}));
    assert_eq!(seen.body["metadata"]["uid"], "uid-1");
    assert_eq!(seen.body["metadata"]["resourceVersion"], "41");
    assert_eq!(seen.body.get("spec"), None);
}

#[tokio::test]
async fn the_origin_label_is_the_controllers_whole_set() {
    let (objects, log) = objects(|_| Answer::json(200, &stored(&Value::Null)));
    let after = objects
        .apply_origin_label(&known(), Origin::Coderd, Force::No)
        .await;
    assert_eq!(after.unwrap().resource_version, "42");
    let seen = log.only();
    assert_eq!(seen.path, PATH);
    assert_eq!(seen.header("accept"), METADATA_ONLY);
    assert_eq!(seen.parameter("fieldManager"), Some(MANAGER_CONTROLLER));
    assert_eq!(seen.parameter("force"), None);
    assert_eq!(
        seen.body,
        json!({
            "apiVersion": "coder.com/v1alpha1", "kind": "CoderWorkspace",
            "metadata": {"namespace": "team", "name": "acme.ann.dev", "uid": "uid-1",
                "resourceVersion": "41", "labels": {"coder.com/origin": "coderd"}},
        })
    );
}

#[tokio::test]
async fn a_delete_demands_uid_and_version() {
    let success = json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
        "status": "Success", "details": {"name": "acme.ann.dev", "uid": "uid-1"}});
    let (objects, log) = objects(move |_| Answer::json(200, &success));
    assert_eq!(objects.delete(&known()).await.unwrap(), Deletion::Done);
    let seen = log.only();
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("DELETE", PATH));
    assert_eq!(
        seen.body["preconditions"],
        json!({"uid": "uid-1", "resourceVersion": "41"})
    );
}

#[tokio::test]
async fn a_delete_ends_in_proof_or_in_waiting() {
    let (held, _) = objects(|_| Answer::json(200, &stored(&Value::Null)));
    assert_eq!(held.delete(&known()).await.unwrap(), Deletion::Pending);
    let (gone, _) = objects(|_| Answer::json(404, &not_found("acme.ann.dev")));
    assert_eq!(gone.delete(&known()).await.unwrap(), Deletion::Done);
    let changed = status(
        409,
        "Conflict",
        "the ResourceVersion in the precondition (1) …",
        &json!({}),
    );
    let (changed, _) = objects(move |_| Answer::json(409, &changed));
    assert!(
        changed
            .delete(&known())
            .await
            .unwrap_err()
            .is_conflict_of_version()
    );
    let (removed_kind, _) = objects(|_| Answer::text(404, "404 page not found"));
    assert!(removed_kind.delete(&known()).await.is_err());
}

#[tokio::test]
async fn a_refused_write_is_sent_once() {
    let (objects, log) = objects(|_| Answer::text(503, "busy"));
    objects
        .apply_status(&known(), &json!({"id": "i"}))
        .await
        .unwrap_err();
    assert_eq!(log.all().len(), 1);
}
