//! Who is believed, and what about them reaches the cluster's authorizer.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::{
    caller::{Ask, Caller, Protocol},
    certificate::{Authority, PLAIN, Wanted},
    hop::{Instead, answer},
    server::{self, Server},
    stage::{Group, Stage, WORKSPACES},
};

const AGGREGATION: &str = "/apis/aggregation.coder.com/v1alpha1";

#[tokio::test(flavor = "multi_thread")]
async fn cases_4_10_11_12_the_user_that_kube_apiserver_tells_is_the_one_reviewed() {
    let stage = Stage::new("told").await;
    let (server, hop) = Server::watched(stage.bed).await;
    let path = stage.path(Group::Old, WORKSPACES, "");

    let alice = server
        .proxy()
        .with_header("X-Remote-User", "alice")
        .with_header("X-Remote-Uid", "not to be trusted")
        .with_header("X-Remote-Group", "developers")
        .with_header("X-Remote-Extra-Example.com%2fscopes", "a")
        .with_header("X-Remote-Extra-Example.com%2fscopes", "b");
    alice.get(&path).await.expect(403);
    let reviews = hop.access_reviews();
    assert_eq!(
        reviews,
        [json!({
            "user": "alice",
            "groups": ["developers", "system:authenticated"],
            "extra": { "example.com/scopes": ["a", "b"] },
            "resourceAttributes": {
                "verb": "list",
                "group": "aggregation.coder.com",
                "version": "v1alpha1",
                "resource": "coderworkspaces",
                "namespace": stage.namespace,
            },
        })],
        "X-Remote-Uid is not among the headers that kube-apiserver lists"
    );

    // Someone in very many groups.
    let groups: Vec<_> = (0..500)
        .map(|number| format!("group-{number:03}-{}", "x".repeat(110)))
        .collect();
    let many: Vec<_> = groups.iter().map(String::as_str).collect();
    for (protocol, user) in [(Protocol::Http1, "one"), (Protocol::Http2, "two")] {
        hop.forget();
        let caller = server.proxy_for(user, &many).with_protocol(protocol);
        caller.get(&path).await.expect(403);
        let reviews = hop.access_reviews();
        assert_eq!(reviews[0]["user"], user);
        let told = reviews[0]["groups"].as_array().unwrap();
        assert_eq!(told.len(), 501, "and system:authenticated");
        assert_eq!(told[499], groups[499].as_str());
    }
    assert!(hop.about_objects().is_empty(), "nothing was passed on");
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_5_7_headers_are_believed_from_kube_apiserver_alone() {
    let stage = Stage::new("believed").await;
    let (server, hop) = Server::watched(stage.bed).await;
    let proxies = Authority::of_bed(stage.bed, "proxy-authority");
    let clients = Authority::of_bed(stage.bed, "authority");
    let front = Wanted {
        common_name: "front-proxy-client",
        ..PLAIN
    };
    let expired = Wanted {
        expired: true,
        ..front
    };
    let nobody = server.direct();
    let refused = [
        ("no certificate", nobody.again()),
        (
            "another common name",
            nobody.with_certificate(proxies.sign(PLAIN)),
        ),
        (
            "an authority that nobody knows",
            nobody.with_certificate(Authority::new().sign(front)),
        ),
        ("expired", nobody.with_certificate(proxies.sign(expired))),
        (
            "the authority of clients",
            nobody.with_certificate(clients.sign(front)),
        ),
    ];
    let forged = |caller: &Caller| {
        caller
            .with_header("x-remote-user", "admin")
            .with_header("x-remote-group", "system:masters")
    };
    for (what, caller) in &refused {
        for path in [
            AGGREGATION.to_owned(),
            stage.path(Group::Old, WORKSPACES, ""),
        ] {
            let reply = forged(caller).get(&path).await;
            assert_eq!(reply.status, 401, "{what}: {}", reply.text());
            let status = reply.json();
            assert_eq!(status["reason"], "Unauthorized");
            assert_eq!(status["message"], "Unauthorized");
        }
    }
    assert!(hop.access_reviews().is_empty(), "nobody was asked");
    assert!(hop.about_objects().is_empty(), "nothing was passed on");

    forged(&server.proxy())
        .get(stage.path(Group::Old, WORKSPACES, ""))
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_13_14_documents_need_no_groups_and_probes_need_nobody() {
    let server = server::shared().await;
    server
        .proxy_for("system:aggregator", &[])
        .get("/openapi/v3")
        .await
        .expect(200);
    let aggregator = server.proxy_for("system:kube-aggregator", &[]);
    aggregator.get(AGGREGATION).await.expect(200);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let nobody = server.direct().with_protocol(protocol);
        for path in ["/healthz", "/livez", "/readyz"] {
            assert_eq!(nobody.get(path).await.expect(200).text(), "ok");
        }
        for path in [
            "/readyz/x",
            "/healthz/ping",
            "/apis",
            AGGREGATION,
            "/openapi/v3",
            "/metrics",
        ] {
            let reply = nobody.get(path).await.expect(401);
            assert_eq!(reply.json()["reason"], "Unauthorized", "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_at_their_own_address_alone() {
    let stage = Stage::new("metrics").await;
    let (server, _hop) = Server::watched(stage.bed).await;
    let known = server.proxy_for("x", &["system:masters"]);
    known
        .get(stage.path(Group::Old, WORKSPACES, ""))
        .await
        .expect(200);
    let at = async |port: u16, path: &str| {
        let url = format!("http://127.0.0.1:{port}{path}");
        let reply = reqwest::get(url).await.unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap())
    };
    let (status, text) = at(server.metrics, "/metrics").await;
    assert_eq!(status, 200);
    let counted = text.lines().any(|line| {
        line.starts_with("coder_k8s_apiserver_requests_total{")
            && line.contains("verb=\"list\"")
            && line.contains("code=\"200\"")
    });
    assert!(counted, "{text}");
    // Nothing of it is told where the API or probes are served, whoever asks, and nothing else there.
    let health = at(server.health, "/metrics").await;
    let known = known.get("/metrics").await;
    let nobody = server.direct().get("/metrics").await;
    for (expected, (status, text)) in [
        (404, health),
        (404, (known.status, known.text())),
        (401, (nobody.status, nobody.text())),
    ] {
        assert_eq!(status, expected, "{text}");
        assert!(!text.contains("coder_k8s_"), "{text}");
    }
    for path in ["/healthz", "/readyz", "/apis", AGGREGATION] {
        assert_eq!(at(server.metrics, path).await.0, 404, "{path}");
    }
}

/// One request of each verb.
fn one_of_each(stage: &Stage) -> Vec<Ask> {
    let path = |rest: &str| stage.path(Group::Old, WORKSPACES, rest);
    let everywhere = format!("{AGGREGATION}/coderworkspaces");
    let mut asks = vec![
        Ask::get(path("a.b.c")),
        Ask::get(path("a%3Cb%3E&c")),
        Ask::get(path("a.b.c/status")),
        Ask::new("HEAD", path("a.b.c")),
        Ask::get(path("")),
        Ask::get(everywhere.as_str()),
        Ask::get(path("?watch=1")),
        Ask::get(path("?fieldSelector=metadata.name%3Dx")),
        Ask::new("DELETE", path("a.b.c")),
        Ask::new("DELETE", path("")),
        Ask::new("PUT", path("a.b.c")).json(&json!({})),
        Ask::new("PUT", path("a.b.c/status")).json(&json!({})),
        Ask::new("POST", path("")).json(&json!({})),
    ];
    let patch = Ask::new("PATCH", path("a.b.c"));
    asks.push(patch.clone().body("application/merge-patch+json", "{}"));
    asks.push(patch.body("application/apply-patch+yaml", "{}"));
    asks
}

#[tokio::test(flavor = "multi_thread")]
async fn case_15_who_may_not_is_told_so_in_the_words_of_kube_apiserver() {
    let stage = Stage::new("denied").await;
    let (server, hop) = Server::watched(stage.bed).await;
    for user in ["bob", "o'<neil> & \"co\"\u{e9}"] {
        let direct = server.proxy_for(user, &["system:authenticated"]);
        let through = stage.user(user);
        for ask in one_of_each(&stage) {
            let what = format!("{} {}", ask.method, ask.path);
            let (ours, theirs) = (direct.send(ask.clone()).await, through.send(ask).await);
            assert_eq!(theirs.status, 403, "{what}");
            assert_eq!(ours.status, 403, "{what}: {}", ours.text());
            assert_eq!(ours.text(), theirs.text(), "{what}");
            for header in ["content-type", "x-content-type-options"] {
                assert_eq!(ours.header(header), theirs.header(header), "{what}");
            }
        }
    }
    assert!(hop.about_objects().is_empty(), "nothing was passed on");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_16_without_a_verdict_nothing_is_allowed() {
    let stage = Stage::new("verdict").await;
    stage
        .allow("carol", "list", "coderworkspaces.aggregation.coder.com")
        .await;
    let (server, hop) = Server::watched(stage.bed).await;
    let carol = server.proxy_for("carol", &[]);
    hop.rule(|seen| {
        seen.path
            .ends_with("/subjectaccessreviews")
            .then_some(Instead::Drop)
    });
    let path = stage.path(Group::Old, WORKSPACES, "");
    let reply = carol.get(&path).await.expect(500);
    assert_eq!(reply.json()["reason"], "InternalError");
    hop.heal();
    hop.rule(|seen| {
        let denied = json!({ "kind": "Status", "code": 403, "reason": "Forbidden" });
        seen.path
            .ends_with("/subjectaccessreviews")
            .then(|| answer(403, &denied))
    });
    carol.get(&path).await.expect(500);
    assert!(hop.about_objects().is_empty(), "nothing was passed on");
    hop.heal();
    carol.get(&path).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_17_a_verdict_holds_for_ten_seconds_whatever_it_is() {
    let stage = Stage::new("memory").await;
    stage
        .allow("dora", "list", "coderworkspaces.aggregation.coder.com")
        .await;
    let (server, hop) = Server::watched(stage.bed).await;
    let path = stage.path(Group::Old, WORKSPACES, "");
    let (dora, evil) = (server.proxy_for("dora", &[]), server.proxy_for("evil", &[]));
    let reviews = |user: &str| {
        let reviews = hop.access_reviews();
        reviews
            .iter()
            .filter(|review| review["user"] == user)
            .count()
    };
    for _ in 0..3 {
        dora.get(&path).await.expect(200);
        evil.get(&path).await.expect(403);
    }
    assert_eq!((reviews("dora"), reviews("evil")), (1, 1));

    // What was taken away is missed as soon as it is asked for again, which is after some answers from
    // memory.
    let asked = AtomicUsize::new(0);
    stage.kubectl(&["delete", "rolebinding", "dora-list"]).await;
    server
        .eventually("it is refused", async || {
            let status = dora.get(&path).await.status;
            asked.fetch_add(1, Ordering::Relaxed);
            evil.get(&path).await.expect(403);
            assert!(matches!(status, 200 | 403), "{status}");
            status == 403
        })
        .await;
    assert!(reviews("dora") >= 2);
    server
        .eventually("both", async || {
            evil.get(&path).await.expect(403);
            reviews("evil") >= 2
        })
        .await;
    let asked = asked.into_inner();
    assert!(
        reviews("dora") < asked && reviews("evil") < asked,
        "of {asked}, most are answered from memory"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn case_18_selectors_are_part_of_what_is_reviewed() {
    let stage = Stage::new("selectors").await;
    let (server, hop) = Server::watched(stage.bed).await;
    let erin = server.proxy_for("erin", &[]);
    let labels = (
        "team=a,tier in (x,y),!old",
        "team%3Da,tier%20in%20(x,y),!old",
    );
    let fields = ("metadata.name!=z", "metadata.name!%3Dz");
    for (labels, fields, ignored) in [
        (labels, fields, None),
        (("a=b=c", "a%3Db%3Dc"), fields, Some("label")),
        (labels, ("a", "a"), Some("field")),
    ] {
        let query = format!("?labelSelector={}&fieldSelector={}", labels.1, fields.1);
        erin.get(stage.path(Group::Old, WORKSPACES, &query))
            .await
            .expect(403);
        let ours = hop.access_reviews().pop().unwrap();
        let asked = &ours["resourceAttributes"];
        assert_eq!(asked["labelSelector"], json!({ "rawSelector": labels.0 }));
        assert_eq!(asked["fieldSelector"], json!({ "rawSelector": fields.0 }));
        // kube-apiserver reads them, and what it cannot read narrows nothing.
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": ours,
        });
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let answer = stage.admin.send(Ask::new("POST", path).json(&review)).await;
        let status = answer.expect(201).json()["status"].clone();
        let words = ignored.map(|which| {
            format!("spec.resourceAttributes.{which}Selector ignored due to parse error")
        });
        assert_eq!(status["evaluationError"].as_str(), words.as_deref());
        assert_eq!(status["allowed"], false);
    }
}
