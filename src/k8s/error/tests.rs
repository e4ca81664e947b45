//! Each answer was seen from kube-apiserver 1.36.3, but where a test says otherwise.

use serde_json::{Value, json};

use super::*;
use crate::{
    api::workspace::CoderWorkspace,
    k8s::{
        fake::{Answer, not_found, server, status},
        object::{Key, Known, Objects},
    },
};

const CHANGED: &str = "Operation cannot be fulfilled on coderworkspaces.coder.com \"x\": the object \
    has been modified; please apply your changes to the latest version and try again";

/// The error that a status write gets from `answer`.
async fn error_of(answer: impl Fn() -> Answer + Clone + Send + 'static) -> Error {
    let (client, _) = server(move |_| answer());
    let known = Known {
        key: Key::new("n", "x"),
        uid: "u".to_owned(),
        resource_version: "1".to_owned(),
        generation: 1,
    };
    let objects = Objects::<CoderWorkspace>::new(client);
    objects
        .apply_status(&known, &json!({"id": "i"}))
        .await
        .unwrap_err()
}

async fn refusal(code: u16, reason: &str, message: &str, details: Value) -> Error {
    let body = status(code, reason, message, &details);
    error_of(move || Answer::json(code, &body)).await
}

/// The names of all verdicts that hold.
fn verdicts(error: &Error) -> Vec<&'static str> {
    [
        ("not found", error.is_not_found()),
        ("namespace missing", error.is_namespace_missing()),
        ("kind missing", error.is_kind_missing()),
        ("gone", error.is_gone()),
        ("version", error.is_conflict_of_version()),
        ("exists", error.is_already_exists()),
        ("fields", !error.field_conflicts().is_empty()),
        ("test failed", error.is_patch_test_failed()),
        ("finalizer refused", error.is_finalizer_refused()),
        ("namespace terminating", error.is_namespace_terminating()),
        ("crd terminating", error.is_crd_terminating()),
        ("forbidden", error.is_forbidden()),
        ("invalid", error.is_invalid()),
        ("too large", error.is_too_large()),
        ("transient", error.is_transient()),
    ]
    .into_iter()
    .filter_map(|(name, holds)| holds.then_some(name))
    .collect()
}

#[tokio::test]
async fn only_a_status_that_names_the_object_proves_its_absence() {
    let error = error_of(|| Answer::json(404, &not_found("x"))).await;
    assert_eq!(verdicts(&error), ["not found", "gone"]);

    let error = error_of(|| Answer::json(404, &not_found("y"))).await;
    assert_eq!(verdicts(&error), [""; 0]);

    let error = refusal(
        404,
        "NotFound",
        "namespaces \"n\" not found",
        json!({"name": "n", "kind": "namespaces"}),
    );
    assert_eq!(verdicts(&error.await), ["namespace missing"]);

    let error = error_of(|| Answer::text(404, "404 page not found\n")).await;
    assert_eq!(verdicts(&error), ["kind missing"]);

    // From a proxy; and JSON that kube would read as a Status.
    let error = error_of(|| Answer::text(404, "<html>nothing here</html>")).await;
    assert_eq!(verdicts(&error), [""; 0]);
    let error = error_of(|| Answer::json(404, &json!({"reason": "NotFound", "code": 404}))).await;
    assert_eq!(verdicts(&error), [""; 0]);
}

#[tokio::test]
async fn a_name_that_is_like_the_namespace_is_no_proof() {
    let details = json!({"name": "x", "kind": "namespaces"});
    let error = refusal(404, "NotFound", "namespaces \"x\" not found", details).await;
    assert_eq!(verdicts(&error), ["namespace missing"]);
}

#[tokio::test]
async fn conflicts_of_version_and_of_identity_are_told_apart() {
    let details = json!({"name": "x", "group": "coder.com", "kind": "coderworkspaces"});
    let error = refusal(409, "Conflict", CHANGED, details.clone()).await;
    assert_eq!(verdicts(&error), ["version"]);

    let message = "Operation cannot be fulfilled on coderworkspaces.coder.com \"x\": uid mismatch: \
        the provided object specified uid 6f, and no existing object was found";
    let error = refusal(409, "Conflict", message, details.clone()).await;
    assert_eq!(verdicts(&error), ["gone"]);

    let message = "Operation cannot be fulfilled on CoderWorkspace.coder.com \"x\": the UID in the \
        precondition (a) does not match the UID in record (b). The object might have been deleted \
        and then recreated";
    let error = refusal(409, "Conflict", message, details.clone()).await;
    assert_eq!(verdicts(&error), ["gone"]);

    let message = "Operation cannot be fulfilled on CoderWorkspace.coder.com \"x\": the \
        ResourceVersion in the precondition (809) does not match the ResourceVersion in record (810)";
    let error = refusal(409, "Conflict", message, details.clone()).await;
    assert_eq!(verdicts(&error), ["version"]);

    let message = "CoderWorkspace.coder.com \"x\" is invalid: metadata.uid: Invalid value: \"a\": \
        field is immutable";
    let error = refusal(422, "Invalid", message, details.clone()).await;
    assert_eq!(verdicts(&error), ["gone"]);

    let message = "coderworkspaces.coder.com \"x\" already exists";
    let error = refusal(409, "AlreadyExists", message, details).await;
    assert_eq!(verdicts(&error), ["exists"]);
}

#[tokio::test]
async fn field_conflicts_name_field_and_manager() {
    let details = json!({"causes": [
        {"reason": "FieldManagerConflict", "message": "conflict with \"kubectl\"",
         "field": ".spec.ttlMillis"},
        {"reason": "FieldManagerConflict", "field": ".spec.parameters[name=\"cpu\"].value",
         "message": "conflict with \"kubectl-edit\" using coder.com/v1alpha1"},
        {"reason": "FieldManagerConflict", "message": "conflict with \"an \\\"odd\\\" one\"",
         "field": ".metadata.labels.coder.com/origin"},
    ]});
    let message = "Apply failed with 3 conflicts: conflicts with \"kubectl\":\n- .spec.ttlMillis";
    let error = refusal(409, "Conflict", message, details).await;
    assert_eq!(verdicts(&error), ["fields"]);
    let conflicts: Vec<_> = error
        .field_conflicts()
        .into_iter()
        .map(|conflict| (conflict.field, conflict.manager))
        .collect();
    let expected = [
        (".spec.ttlMillis", "kubectl"),
        (".spec.parameters[name=\"cpu\"].value", "kubectl-edit"),
        (".metadata.labels.coder.com/origin", "an \"odd\" one"),
    ];
    assert_eq!(
        conflicts,
        expected.map(|(f, m)| (f.to_owned(), m.to_owned()))
    );
}

#[tokio::test]
async fn what_is_going_away_is_not_forbidden() {
    let message = "coderworkspaces.coder.com \"x\" is forbidden: unable to create new content in \
        namespace n because it is being terminated";
    let details = json!({"name": "x", "group": "coder.com", "kind": "coderworkspaces", "causes": [
        {"reason": "NamespaceTerminating", "message": "namespace n is being terminated",
         "field": "metadata.namespace"}]});
    let error = refusal(403, "Forbidden", message, details).await;
    assert_eq!(verdicts(&error), ["namespace terminating"]);

    let message = "create not allowed while custom resource definition is terminating";
    let error = refusal(403, "Forbidden", message, json!({})).await;
    assert_eq!(verdicts(&error), ["crd terminating"]);

    // From general knowledge.
    let message = "coderworkspaces.coder.com \"x\" is forbidden: User \"u\" cannot patch resource";
    let error = refusal(403, "Forbidden", message, json!({})).await;
    assert_eq!(verdicts(&error), ["forbidden"]);
}

#[tokio::test]
async fn a_larger_object_is_not_tried_again() {
    let error = refusal(500, "", "etcdserver: request is too large", Value::Null).await;
    assert_eq!(verdicts(&error), ["too large"]);
    let message = "Request entity too large: limit is 3145728";
    let error = refusal(413, "RequestEntityTooLarge", message, json!({})).await;
    assert_eq!(verdicts(&error), ["too large"]);
}

#[tokio::test]
async fn invalid_content_is_told_from_a_failed_test() {
    let message = "CoderWorkspace.coder.com \"x\" is invalid: spec.running: Invalid value: \"null\": \
        spec.running in body must be of type boolean: \"null\"";
    let error = refusal(422, "Invalid", message, json!({})).await;
    assert_eq!(verdicts(&error), ["invalid"]);

    let message = "CoderWorkspace.coder.com \"x\" is invalid: metadata.finalizers: Forbidden: no new \
        finalizers can be added if the object is being deleted, found new finalizers \
        []string{\"coder.com/coderd-cleanup\"}";
    let error = refusal(422, "Invalid", message, json!({})).await;
    assert_eq!(verdicts(&error), ["finalizer refused", "invalid"]);

    // From the source of apiserver (NewGenericServerResponse): the failed path is not named.
    let message = "the server rejected our request due to an error in our request";
    let error = refusal(422, "Invalid", message, json!({})).await;
    assert_eq!(verdicts(&error), ["test failed"]);
}

#[tokio::test(start_paused = true)]
async fn faults_of_the_way_are_transient() {
    let details = json!({"retryAfterSeconds": 3});
    let error = refusal(429, "TooManyRequests", "too many", details).await;
    assert_eq!(verdicts(&error), ["transient"]);
    assert_eq!(error.retry_after().unwrap().as_secs(), 3);

    let error = error_of(|| Answer::text(503, "upstream connect error")).await;
    assert_eq!(verdicts(&error), ["transient"]);

    let error = error_of(Answer::never).await;
    assert_eq!(verdicts(&error), ["transient"]);
    assert_eq!(error.code(), None);

    let error = error_of(|| Answer::text(200, "{\"metadata\":")).await;
    assert_eq!(verdicts(&error), [""; 0]);
}

#[tokio::test]
async fn the_text_names_action_object_and_the_servers_words() {
    let error = refusal(409, "Conflict", CHANGED, json!({})).await;
    assert_eq!(
        error.to_string(),
        "cannot apply the status of CoderWorkspace n/x"
    );
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), CHANGED);

    let long = error_of(|| Answer::json(502, &json!("€".repeat(400)))).await;
    let text = std::error::Error::source(&long).unwrap().to_string();
    assert!(
        text.starts_with("answered 502: \"€") && text.len() < 540,
        "{text}"
    );
}
