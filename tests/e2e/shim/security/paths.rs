//! What is asked for: a path that is not exactly one of ours leads nowhere.

use super::{Ground, VERSION};
use crate::e2e::shim::caller::{Ask, Protocol};

/// Paths that look as if they led to somebody's secrets.
fn odd_paths(namespace: &str) -> Vec<(&'static str, String)> {
    let here = format!("{VERSION}/namespaces/{namespace}");
    vec![
        (
            "an encoded slash",
            format!("{here}/coderworkspaces/acme%2Falice"),
        ),
        ("an encoded slash", format!("{here}%2Fcoderworkspaces")),
        (
            "an encoded slash",
            format!("{VERSION}/namespaces/a%2F..%2Fb/coderworkspaces"),
        ),
        ("dot segments", format!("{here}/coderworkspaces/../secrets")),
        (
            "dot segments",
            format!("{VERSION}/../../coder.com/v1alpha1/namespaces/{namespace}/coderworkspaces"),
        ),
        (
            "dot segments",
            format!("{here}/coderworkspaces/./acme.alice.dev"),
        ),
        (
            "encoded dot segments",
            format!("{here}/coderworkspaces/%2e%2e/secrets"),
        ),
        (
            "encoded dot segments",
            format!("{here}/coderworkspaces/%2E"),
        ),
        (
            "encoded twice",
            format!("{here}/coderworkspaces/%252e%252e"),
        ),
        (
            "double slashes",
            format!("/{VERSION}/namespaces/{namespace}/coderworkspaces"),
        ),
        ("double slashes", format!("{here}//coderworkspaces")),
        ("double slashes", format!("{here}/coderworkspaces//")),
        ("upper case", format!("{here}/CoderWorkspaces")),
        (
            "upper case",
            format!("/APIS/aggregation.coder.com/v1alpha1/namespaces/{namespace}/coderworkspaces"),
        ),
        (
            "upper case",
            format!("/apis/Aggregation.Coder.com/v1alpha1/namespaces/{namespace}/coderworkspaces"),
        ),
        (
            "control characters",
            format!("{here}/coderworkspaces/a%0d%0ab"),
        ),
        ("control characters", format!("{here}/coderworkspaces/a%00")),
        ("no UTF-8", format!("{here}/coderworkspaces/%ff")),
        (
            "another group",
            format!("/apis/coder.com/v1alpha1/namespaces/{namespace}/coderworkspaces"),
        ),
        (
            "another group",
            format!("/api/v1/namespaces/{namespace}/secrets"),
        ),
        (
            "another group",
            "/apis/coder.com.evil/v1alpha1/coderworkspaces".to_owned(),
        ),
        (
            "another version",
            format!("/apis/aggregation.coder.com/v1/namespaces/{namespace}/coderworkspaces"),
        ),
        ("another resource", format!("{here}/secrets")),
        (
            "another resource",
            format!("{here}/coderworkspaces.coder.com"),
        ),
        (
            "another subresource",
            format!("{here}/coderworkspaces/acme.alice.dev/scale"),
        ),
        (
            "another subresource",
            format!("{here}/coderworkspaces/acme.alice.dev/status/x"),
        ),
        (
            "another subresource",
            format!("{here}/coderworkspaces/acme.alice.dev/proxy"),
        ),
        ("another path of kube-apiserver", "/version".to_owned()),
        ("another path of kube-apiserver", "/metrics".to_owned()),
        ("another path of kube-apiserver", "/logs/".to_owned()),
        ("another path of kube-apiserver", "/".to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_is_what_it_says_or_nothing() {
    let ground = Ground::new("paths").await;
    let master = ground.master();
    let masters = [master.with_protocol(Protocol::Http1), master.again()];
    let namespace = &ground.stage.namespace;
    for (what, path) in odd_paths(namespace) {
        for caller in &masters {
            for method in ["GET", "DELETE"] {
                let reply = caller.send(Ask::new(method, path.as_str())).await;
                ground.refused(what, &reply);
            }
        }
    }
    // Deleting everywhere at once is not routed by kube-apiserver either.
    let everywhere = format!("{VERSION}/coderworkspaces");
    ground.refused(
        "deleting in all namespaces",
        &master.send(Ask::new("DELETE", everywhere)).await,
    );

    // A query within a path is part of a name, and goes as that.
    let within = master
        .get(ground.path("acme.alice.dev%3Fwatch=1%23x"))
        .await
        .expect(404);
    assert_eq!(within.json()["details"]["name"], "acme.alice.dev?watch=1#x");
    let passed = ground.hop.about_objects();
    assert_eq!(passed.len(), 1);
    assert!(
        passed[0].path.ends_with("/acme.alice.dev%3Fwatch%3D1%23x"),
        "{}",
        passed[0].path
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_that_nobody_serves_do_nothing() {
    let ground = Ground::new("methods").await;
    let master = ground.master().with_protocol(Protocol::Http1);
    for method in ["OPTIONS", "TRACE", "PROPFIND", "get"] {
        let reply = master
            .send(Ask::new(method, ground.path("acme.alice.dev")))
            .await;
        ground.refused("another method", &reply);
    }
    for (method, path) in [
        ("POST", "/apis"),
        ("DELETE", VERSION),
        ("PUT", "/openapi/v3"),
    ] {
        let reply = master.send(Ask::new(method, path)).await;
        ground.refused("writing to a document", &reply);
    }
    let upgrade = Ask::get(ground.path("?watch=1"))
        .header("connection", "upgrade")
        .header("upgrade", "websocket");
    ground.refused("an upgrade", &master.send(upgrade).await);
    // Go drops what it cannot read of a query, and would select nothing.
    for query in [
        "fieldSelector=metadata.name%3Da,metadata.name!%3D;",
        "watch=%zz",
        "dryRun=All;",
    ] {
        let reply = master.get(ground.path(&format!("?{query}"))).await;
        ground.refused("a query that others read otherwise", &reply);
    }
    for query in ["fieldSelector=metadata.name%3D%ff", "dryRun=All&%c3=b"] {
        let reply = master.get(ground.path(&format!("?{query}"))).await;
        ground.refused("a query that is no UTF-8", &reply);
    }
    // Go reads it up to the semicolon.
    let apply = Ask::new("PATCH", ground.path("acme.alice.new?fieldManager=x"))
        .body("application/apply-patch+yaml;x=é", "{}");
    ground.refused("an unreadable Content-Type", &master.send(apply).await);

    // Nothing of it would be renamed.
    for (what, suffix, media) in [
        ("a body in CBOR", "cbor", "application/cbor"),
        ("a body in an unknown form", "x", "text/plain"),
    ] {
        let body = r#"{"apiVersion":"coder.com/v1alpha1","kind":"CoderWorkspace"}"#;
        for (method, rest, media) in [
            ("POST", "", media.to_owned()),
            ("PUT", "acme.alice.dev", media.to_owned()),
            (
                "PATCH",
                "acme.alice.dev",
                format!("application/apply-patch+{suffix}"),
            ),
            ("DELETE", "acme.alice.dev", media.to_owned()),
            ("DELETE", "", media.to_owned()),
        ] {
            let ask = Ask::new(method, ground.path(rest)).body(&media, body);
            ground.refused(what, &master.send(ask).await);
        }
    }
    for (what, media) in [
        (
            "an answer in CBOR alone",
            "application/cbor, application/cbor-seq",
        ),
        (
            "an answer in an unknown form alone",
            "application/vnd.kubernetes.protobuf, text/html",
        ),
    ] {
        for rest in ["", "acme.alice.dev", "?watch=1"] {
            let ask = Ask::get(ground.path(rest)).accept(media);
            ground.refused(what, &master.send(ask).await);
        }
        let ask = Ask::new("DELETE", ground.path("acme.alice.dev")).accept(media);
        ground.refused(what, &master.send(ask).await);
    }

    // What a header says of the method does not count.
    let overridden =
        Ask::get(ground.path("acme.alice.dev")).header("x-http-method-override", "DELETE");
    master.send(overridden).await.expect(200);
    assert_eq!(ground.hop.about_objects().pop().unwrap().method, "GET");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_authorized_is_what_is_asked_for() {
    let ground = Ground::new("queries").await;
    let Ground { stage, server, hop } = &ground;
    stage.make_workspaces(&["acme.alice.secret"]).await;
    let resource = "--resource=coderworkspaces.aggregation.coder.com";
    let name = "--resource-name=acme.alice.dev";
    stage
        .kubectl(&[
            "create",
            "role",
            "eve",
            "--verb=list,delete",
            resource,
            name,
        ])
        .await;
    stage
        .kubectl(&["create", "rolebinding", "eve", "--role=eve", "--user=eve"])
        .await;
    let eve = server.proxy_for("eve", &[]);
    let one = "?fieldSelector=metadata.name%3Dacme.alice.dev";
    // Go reads no query of more than 10,000 parts, and so would list everything.
    for (more, what) in [
        ("&x", "more than 64 parameters"),
        ("&a=b", "more than 64 parameters"),
    ] {
        let query = format!("{one}{}", more.repeat(10_000));
        ground.refused(what, &eve.get(ground.path(&query)).await);
        let query = format!("acme.alice.dev?dryRun=All{}", more.repeat(10_000));
        let ask = Ask::new("DELETE", ground.path(&query));
        ground.refused(what, &eve.send(ask).await);
    }
    // Parts without anything in them are none.
    let empty = format!("{one}{}", "&".repeat(10_000));
    let list = eve.get(ground.path(&empty)).await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    assert!(hop.about_objects().pop().unwrap().path.ends_with(one));

    // The same pairs in the same order, in the server's own spelling.
    hop.forget();
    let query = "?labelSelector=a+in%20(b%2Cc)&&limit=%35&%6cimit=&pretty&x=%3B&y=a=%C3%BC";
    ground.master().get(ground.path(query)).await.expect(200);
    let passed = hop.about_objects().pop().unwrap().path;
    let (_, passed) = passed.split_once('?').unwrap();
    let expected = "labelSelector=a+in+%28b%2Cc%29&limit=5&limit=&pretty=&x=%3B&y=a%3D%C3%BC";
    assert_eq!(passed, expected);
}
