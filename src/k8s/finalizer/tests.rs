use serde_json::{Value, json};

use super::*;
use crate::{
    api::{names::FINALIZER, workspace::CoderWorkspace},
    k8s::fake::{Answer, not_found, server, status},
};

fn object(finalizers: &[&str]) -> CoderWorkspace {
    serde_json::from_value(json!({
        "apiVersion": "coder.com/v1alpha1", "kind": "CoderWorkspace",
        "metadata": {"namespace": "team", "name": "x", "uid": "u1", "resourceVersion": "7",
            "generation": 1, "finalizers": finalizers},
        "spec": {},
    }))
    .unwrap()
}

fn tests_and(changes: &[Value]) -> Value {
    let mut operations = vec![
        json!({"op": "test", "path": "/metadata/uid", "value": "u1"}),
        json!({"op": "test", "path": "/metadata/resourceVersion", "value": "7"}),
    ];
    operations.extend_from_slice(changes);
    json!(operations)
}

fn changed() -> Answer {
    Answer::json(
        200,
        &json!({"metadata": {"namespace": "team", "name": "x", "uid": "u1", "resourceVersion": "8"}}),
    )
}

fn terminating(mut object: CoderWorkspace) -> CoderWorkspace {
    let now = "2026-11-21T13:00:00Z".parse().unwrap();
    object.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now));
    object
}

#[tokio::test]
async fn the_first_finalizer_makes_the_list() {
    let (client, log) = server(|_| changed());
    let outcome = add(&client, &object(&[]), FINALIZER).await.unwrap();
    assert!(matches!(outcome, Outcome::Done(known) if known.resource_version == "8"));
    let seen = log.only();
    assert_eq!(seen.method, "PATCH");
    assert_eq!(
        seen.path,
        "/apis/coder.com/v1alpha1/namespaces/team/coderworkspaces/x"
    );
    assert_eq!(seen.header("content-type"), "application/json-patch+json");
    assert!(seen.header("accept").contains("as=PartialObjectMetadata"));
    assert_eq!(seen.parameter("fieldManager"), Some("coder-k8s"));
    let list = json!({"op": "add", "path": "/metadata/finalizers", "value": [FINALIZER]});
    assert_eq!(seen.body, tests_and(&[list]));
}

#[tokio::test]
async fn another_finalizer_is_added_behind_the_others() {
    let (client, log) = server(|_| changed());
    add(&client, &object(&["a/b"]), FINALIZER).await.unwrap();
    let entry = json!({"op": "add", "path": "/metadata/finalizers/-", "value": FINALIZER});
    assert_eq!(log.only().body, tests_and(&[entry]));
}

#[tokio::test]
async fn the_right_entry_is_removed() {
    let (client, log) = server(|_| changed());
    let outcome = remove(&client, &object(&["a/b", FINALIZER, "c/d"]), FINALIZER).await;
    assert!(matches!(outcome.unwrap(), Outcome::Done(_)));
    let path = "/metadata/finalizers/1";
    assert_eq!(
        log.only().body,
        tests_and(&[
            json!({"op": "test", "path": path, "value": FINALIZER}),
            json!({"op": "remove", "path": path}),
        ])
    );
}

#[tokio::test]
async fn what_is_as_asked_is_not_written() {
    let (client, log) = server(|_| changed());
    let with = object(&[FINALIZER]);
    assert!(matches!(
        add(&client, &with, FINALIZER).await,
        Ok(Outcome::Done(_))
    ));
    assert!(matches!(
        add(&client, &terminating(with), FINALIZER).await,
        Ok(Outcome::Done(_))
    ));
    assert!(matches!(
        remove(&client, &object(&["a/b"]), FINALIZER).await,
        Ok(Outcome::Done(known)) if known.resource_version == "7"
    ));
    assert!(log.all().is_empty());
}

#[tokio::test]
async fn nothing_is_added_to_what_is_being_deleted() {
    let (client, log) = server(|_| changed());
    let outcome = add(&client, &terminating(object(&["a/b"])), FINALIZER).await;
    assert_eq!(outcome.unwrap(), Outcome::Terminating);
    assert!(log.all().is_empty());

    let refusal = status(
        422,
        "Invalid",
        "CoderWorkspace.coder.com \"x\" is invalid: metadata.finalizers: Forbidden: no new \
         finalizers can be added if the object is being deleted, found new finalizers []string{…}",
        &json!({}),
    );
    let (client, _) = server(move |_| Answer::json(422, &refusal));
    let outcome = add(&client, &object(&[]), FINALIZER).await;
    assert_eq!(outcome.unwrap(), Outcome::Terminating);
}

#[tokio::test]
async fn a_changed_object_is_stale_and_a_fault_is_an_error() {
    let words = "the server rejected our request due to an error in our request";
    for answer in [
        status(422, "Invalid", words, &json!({})),
        status(409, "Conflict", "the object has been modified", &json!({})),
        not_found("x").clone(),
    ] {
        let code = u16::try_from(answer["code"].as_u64().unwrap()).unwrap();
        let (client, _) = server(move |_| Answer::json(code, &answer));
        for outcome in [
            add(&client, &object(&[]), FINALIZER).await,
            remove(&client, &object(&[FINALIZER]), FINALIZER).await,
        ] {
            if code == 404 {
                let error = outcome.as_ref().err();
                assert!(error.is_none(), "{error:?}");
            }
            assert_eq!(outcome.unwrap(), Outcome::Stale, "{code}");
        }
    }
    let (client, _) = server(|_| Answer::text(500, "oh"));
    let error = add(&client, &object(&[]), FINALIZER).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot add a finalizer to CoderWorkspace team/x"
    );
}
