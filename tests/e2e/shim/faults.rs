//! When what stands behind the aggregated API is not there, or not as it should be.

use bytes::Bytes;
use http::Response;
use serde_json::json;

use super::{
    caller::Ask,
    certificate::{Authority, PLAIN},
    hop::{Instead, answer},
    server::{Server, Settings},
    stage::{Group, Stage, TEMPLATES, WORKSPACES, template, workspace},
};

/// One request of each verb, all of which would do something.
fn each_verb(stage: &Stage) -> Vec<Ask> {
    let path = |rest: &str| stage.path(Group::Old, WORKSPACES, rest);
    let object = workspace(Group::Old, "acme.alice.dev");
    vec![
        Ask::get(path("acme.alice.dev")),
        Ask::get(path("")),
        Ask::get(path("?watch=1")),
        Ask::new("POST", path("")).json(&object),
        Ask::new("PUT", path("acme.alice.dev")).json(&object),
        Ask::new("PATCH", path("acme.alice.dev")).body("application/merge-patch+json", "{}"),
        Ask::new("DELETE", path("acme.alice.dev")),
        Ask::new("DELETE", path("")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn case_75_without_kube_apiserver_it_is_unavailable_and_nothing_is_said_to_be_missing() {
    let stage = Stage::new("unreached").await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    caller
        .get(stage.path(Group::Old, WORKSPACES, ""))
        .await
        .expect(200);

    // The kinds are not there: kube-apiserver knows no such path.
    hop.rule(|seen| {
        let response = Response::builder()
            .status(404)
            .header("content-type", "text/plain");
        let response = response.body(Bytes::from("404 page not found\n")).unwrap();
        seen.is_about_objects().then_some(Instead::Answer(response))
    });
    for ask in each_verb(&stage) {
        let what = format!("{} {}", ask.method, ask.path);
        let reply = caller.send(ask).await;
        assert_eq!(reply.status, 503, "{what}: {}", reply.text());
        assert_eq!(reply.header("retry-after"), "1", "{what}");
        assert_eq!(reply.json()["reason"], "ServiceUnavailable");
    }
    // A Status that does not say what is missing.
    hop.heal();
    hop.rule(|seen| {
        let status =
            json!({ "kind": "Status", "apiVersion": "v1", "code": 404, "reason": "NotFound" });
        seen.is_about_objects().then(|| answer(404, &status))
    });
    for ask in each_verb(&stage) {
        let reply = caller.send(ask).await;
        assert_eq!(reply.status, 503, "{}", reply.text());
    }
    // Nobody listens.
    drop(hop);
    for ask in each_verb(&stage) {
        let what = format!("{} {}", ask.method, ask.path);
        let reply = caller.send(ask).await;
        assert_eq!(reply.status, 503, "{what}: {}", reply.text());
        assert_eq!(reply.header("retry-after"), "1", "{what}");
    }
    assert_eq!(
        server.probe("/readyz").await,
        200,
        "it could not serve better elsewhere"
    );
    // What is told of the resources does not depend on it.
    caller
        .get("/apis/aggregation.coder.com/v1alpha1")
        .await
        .expect(200);
    caller.get("/openapi/v3").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_75_a_write_whose_answer_was_lost_is_not_sent_again() {
    let stage = Stage::new("lost").await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    hop.rule(|seen| {
        (seen.method == "POST" && seen.is_about_objects()).then_some(Instead::DropAfter)
    });
    let make = Ask::new("POST", stage.path(Group::Old, WORKSPACES, ""))
        .json(&workspace(Group::Old, "acme.alice.dev"));
    let reply = caller.send(make).await.expect(504);
    assert_eq!(reply.json()["reason"], "Timeout");
    assert_eq!(hop.about_objects().len(), 1);
    caller
        .get(stage.path(Group::Old, WORKSPACES, "acme.alice.dev"))
        .await
        .expect(200);

    // A read is asked once more.
    hop.heal();
    hop.forget();
    hop.rule(|seen| seen.is_about_objects().then_some(Instead::Drop));
    let read = stage.path(Group::Old, WORKSPACES, "acme.alice.dev");
    caller.get(&read).await.expect(503);
    assert_eq!(hop.about_objects().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_a_form_that_was_not_asked_for_does_not_pass() {
    let stage = Stage::new("forms").await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    let stored = "coder.com/v1alpha1 of the stored group";
    for (status, media) in [
        (200, "application/cbor"),
        (200, "application/vnd.kubernetes.protobuf;stream=watch"),
        (200, "text/plain"),
        (404, "application/cbor"),
        (502, "text/html"),
    ] {
        hop.heal();
        hop.rule(move |seen| {
            let response = Response::builder()
                .status(status)
                .header("content-type", media);
            let response = response.body(Bytes::from(stored)).unwrap();
            seen.is_about_objects().then_some(Instead::Answer(response))
        });
        for ask in each_verb(&stage) {
            let what = format!("{media}: {} {}", ask.method, ask.path);
            // What a deletion reads first is no object, and nothing was done.
            let is_read_first = ask.method == "DELETE" && ask.path.ends_with("/acme.alice.dev");
            let (code, reason) = match status {
                200 if is_read_first => (500, "InternalError"),
                _ => (504, "Timeout"),
            };
            let reply = caller.send(ask).await;
            assert_eq!(reply.status, code, "{what}: {}", reply.text());
            assert_eq!(reply.json()["reason"], reason, "{what}");
            assert!(!reply.text().contains(stored), "{what}");
        }
    }
    // A line of text says why not, in the words of the old group.
    hop.heal();
    hop.rule(|seen| {
        let response = Response::builder()
            .status(503)
            .header("content-type", "text/plain");
        let text = "no coderworkspaces.coder.com now\n";
        let response = response.body(Bytes::from(text)).unwrap();
        seen.is_about_objects().then_some(Instead::Answer(response))
    });
    let reply = caller
        .get(stage.path(Group::Old, WORKSPACES, ""))
        .await
        .expect(503);
    assert_eq!(
        reply.text(),
        "no coderworkspaces.aggregation.coder.com now\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn case_76_who_comes_too_often_is_told_when_to_come_again() {
    let stage = Stage::new("often").await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    // As kube-apiserver's own limit answers.
    hop.rule(|seen| {
        let response = Response::builder()
            .status(429)
            .header("content-type", "text/plain; charset=utf-8")
            .header("x-content-type-options", "nosniff")
            .header("retry-after", "7");
        let text = "Too many requests, please try again later.\n";
        let response = response.body(Bytes::from(text)).unwrap();
        seen.is_about_objects().then_some(Instead::Answer(response))
    });
    for ask in each_verb(&stage) {
        hop.forget();
        let method = ask.method.to_string();
        let reply = caller.send(ask).await.expect(429);
        assert_eq!(reply.header("retry-after"), "7");
        assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(reply.text(), "Too many requests, please try again later.\n");
        let mut sent = hop.about_objects();
        // Before a delete, the object is looked at.
        sent.retain(|seen| seen.method == method);
        assert!(sent.len() <= 1, "it is not asked again here");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_servers_own_account_is_no_refusal_of_the_caller() {
    let stage = Stage::new("account").await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    hop.rule(|seen| {
        let name = "system:serviceaccount:coder-system:coder-k8s-apiserver";
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden",
            "message": format!("coderworkspaces.coder.com is forbidden: User \"{name}\" cannot list"),
            "details": { "group": "coder.com", "kind": "coderworkspaces" }, "code": 403,
        });
        seen.is_about_objects().then(|| answer(403, &status))
    });
    let reply = caller
        .get(stage.path(Group::Old, WORKSPACES, ""))
        .await
        .expect(500);
    assert_eq!(reply.json()["reason"], "InternalError");

    // A token that is not good any more is a fault of the installation, too.
    hop.heal();
    hop.rule(|seen| {
        let status = json!({ "kind": "Status", "code": 401, "reason": "Unauthorized" });
        seen.is_about_objects().then(|| answer(401, &status))
    });
    hop.forget();
    let reply = caller
        .get(stage.path(Group::Old, WORKSPACES, ""))
        .await
        .expect(503);
    assert_eq!(reply.header("retry-after"), "1");
    assert_eq!(hop.about_objects().len(), 2, "once more with a fresh token");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_49_another_answer_that_breaks_off_does_not_look_whole() {
    let stage = Stage::new("halves").await;
    for number in 0..4 {
        let mut object = workspace(Group::Stored, &format!("acme.alice.w{number}"));
        object["metadata"]["annotations"] = json!({ "note": "long ".repeat(50_000) });
        stage.make(WORKSPACES, &object).await;
    }
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    hop.cut_after(300_000);
    let path = stage.path(Group::Old, WORKSPACES, "");
    let answer = caller.try_send(Ask::get(&path)).await;
    // What had come may be lost with the connection: then it has not begun, and is refused.
    let status = answer.map(|reply| reply.status).ok();
    assert!(
        matches!(status, None | Some(504)),
        "half a list is none: {status:?}"
    );
    assert_eq!(server.program.status(), None, "{}", server.log_tail());
}

#[tokio::test(flavor = "multi_thread")]
async fn case_77_the_trail_of_a_request_is_kept() {
    let stage = Stage::new("trail").await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server
        .proxy_for("x", &["system:masters"])
        .with_header("audit-id", "11111111-2222-3333-4444-555555555555")
        .with_header("x-forwarded-for", "203.0.113.7")
        .with_header("user-agent", "old-client/v1 (linux)")
        .with_header(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        );
    caller
        .get(stage.path(Group::Old, WORKSPACES, ""))
        .await
        .expect(200);
    let seen = hop.about_objects().pop().unwrap();
    assert_eq!(
        seen.headers["audit-id"],
        "11111111-2222-3333-4444-555555555555"
    );
    assert_eq!(seen.headers["x-forwarded-for"], "203.0.113.7, 127.0.0.1");
    assert_eq!(seen.headers["user-agent"], "old-client/v1 (linux)");
    assert!(seen.headers.contains_key("traceparent"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_rights_says_which_one_is_missing() {
    let stage = Stage::new("rights").await;
    let settings = Settings {
        // Anybody but the account that has rights.
        kubeconfig: Some(
            stage
                .bed
                .service_account_kubeconfig(&stage.namespace, "default")
                .await
                .unwrap(),
        ),
        certificate: Some(Authority::new().sign(PLAIN)),
        ..Settings::default()
    };
    let server = Server::launch(stage.bed, settings).await;
    server
        .eventually("it names the binding", async || {
            let log = server.program.log_text().unwrap_or_default();
            log.contains("--role=extension-apiserver-authentication-reader")
        })
        .await;
    assert_eq!(server.probe("/readyz").await, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_to_be_read_first_is_not_done_where_it_cannot_be_read() {
    let stage = Stage::new("unread").await;
    stage.make_workspaces(&["acme.alice.dev"]).await;
    stage
        .make(TEMPLATES, &template(Group::Stored, "acme.docker"))
        .await;
    let (server, hop) = Server::watched(stage.bed).await;
    let caller = server.proxy_for("x", &["system:masters"]);
    let broken = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500,
        "reason": "InternalError", "message": "etcd",
    });
    hop.rule(move |seen| {
        (seen.is_about_objects() && seen.method == "GET").then(|| answer(500, &broken))
    });
    let path = stage.path(Group::Old, TEMPLATES, "acme.docker");
    let bare = json!({
        "apiVersion": Group::Old.version(), "kind": "CoderTemplate",
        "metadata": { "name": "acme.docker", "resourceVersion": "1" }, "spec": {},
    });
    for ask in [
        Ask::new(
            "DELETE",
            stage.path(Group::Old, WORKSPACES, "acme.alice.dev"),
        ),
        Ask::new("PUT", path).json(&bare),
    ] {
        hop.forget();
        let what = format!("{} {}", ask.method, ask.path);
        let reply = caller.send(ask).await;
        assert_eq!(reply.status, 500, "{what}: {}", reply.text());
        let methods: Vec<_> = hop
            .about_objects()
            .into_iter()
            .map(|seen| seen.method)
            .collect();
        assert_eq!(methods, ["GET"], "{what}");
    }
}
