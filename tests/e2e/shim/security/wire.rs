//! How it is sent: what hides, what is too much, and what would break a careless reader.

use super::{
    Ground,
    tried::{CLOSED, expected},
};
use crate::e2e::shim::caller::{Ask, Protocol};

/// The head of a request on HTTP/1.1 as kube-apiserver sends it for somebody who may do everything.
fn head(method: &str, path: &str, headers: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nX-Remote-User: root\r\n\
         X-Remote-Group: system:masters\r\n{headers}\r\n"
    )
}

impl Ground {
    /// What came back on HTTP/1.1 is one answer, the one that is promised, and nothing was passed on.
    #[track_caller]
    fn refused_once(&self, what: &str, answer: &str) {
        let (status, reason) = expected(what);
        self.nothing_passed(what);
        if status == CLOSED {
            assert_eq!(answer, "", "{what}");
            return;
        }
        let begin = format!("HTTP/1.1 {status} ");
        assert!(answer.starts_with(&begin), "{what}: {answer:?}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{what}: {answer}");
        assert!(answer.contains(reason), "{what}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_header_gets_through_that_says_who_asks_or_where() {
    let ground = Ground::new("headers").await;
    let secret = "Bearer of the caller";
    let ask = Ask::get(ground.path("acme.alice.dev"))
        .header("authorization", secret)
        .header("x-remote-extra-scopes", "all")
        .header("x-remote-uid", "u")
        .header("cookie", "session=1")
        .header("proxy-authorization", "Basic eA==")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "http")
        .header("x-real-ip", "203.0.113.9")
        .header("if-none-match", "\"x\"")
        .header("if-match", "\"x\"")
        .header("range", "bytes=0-1")
        .header("expect", "100-continue")
        .header("accept-encoding", "gzip, br");
    let known = [
        "accept",
        "accept-encoding",
        "audit-id",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "traceparent",
        "tracestate",
        "user-agent",
        "x-forwarded-for",
    ];
    for protocol in [Protocol::Http1, Protocol::Http2] {
        ground.hop.forget();
        let caller = ground.master().with_protocol(protocol);
        caller.send(ask.clone()).await.expect(200);
        let passed = ground.hop.about_objects().pop().unwrap();
        let names = passed.headers.keys().map(http::HeaderName::as_str);
        let unknown: Vec<_> = names.filter(|name| !known.contains(name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let sent = passed.headers["authorization"].to_str().unwrap();
        assert!(sent.starts_with("Bearer ey"), "the server's own");
        assert_eq!(passed.headers["accept-encoding"], "identity");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_cannot_hide_within_one_another() {
    let ground = Ground::new("smuggling").await;
    let master = ground.master();
    let hidden = format!(
        "DELETE {} HTTP/1.1\r\nHost: x\r\n\r\n",
        ground.path("acme.alice.dev")
    );
    let length = hidden.len();
    let head = |headers: &str| {
        let headers = format!("Content-Type: application/json\r\n{headers}");
        head("POST", &ground.path("?dryRun=All"), &headers)
    };
    for (what, request) in [
        (
            "two lengths",
            head(&format!(
                "Content-Length: 0\r\nContent-Length: {length}\r\n"
            )) + &hidden,
        ),
        (
            "a length that is none",
            head("Content-Length: +5\r\n") + &hidden,
        ),
        (
            "a length that is none",
            head("Content-Length: -1\r\n") + &hidden,
        ),
        (
            "an unknown transfer encoding",
            head("Transfer-Encoding: xchunked\r\n") + "0\r\n\r\n" + &hidden,
        ),
        (
            "a name with a space",
            head("Content-Length : 0\r\n") + &hidden,
        ),
        (
            "a folded header",
            head("X-Test: a\r\n Content-Length: 0\r\n") + &hidden,
        ),
        (
            "another protocol",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned() + &hidden,
        ),
        ("no HTTP", "\0\0\0\0".to_owned() + &hidden),
    ] {
        let answer = master.raw(request.as_bytes()).await;
        ground.refused_once(what, &answer);
    }
    // Both a length and chunks: the chunks count, and the connection is not used any further.
    let both = head(&format!(
        "Content-Length: {}\r\nTransfer-Encoding: chunked\r\n",
        length + 5
    ));
    let answer = master.raw((both + "0\r\n\r\n" + &hidden).as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    let passed = ground.hop.about_objects();
    let methods: Vec<_> = passed.iter().map(|seen| &seen.method).collect();
    assert_eq!(methods, ["POST"], "{answer}");
    let path = ground.path("acme.alice.dev");
    master.get(path).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_of_anything_is_refused() {
    let ground = Ground::new("oversized").await;
    let limit = 3 * 1024 * 1024;
    let what = "a body of more than 3 MiB";
    let master = ground.master();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let body = vec![b' '; limit + 1];
        for (method, rest, media) in [
            ("POST", "", "application/json"),
            ("PUT", "acme.alice.dev", "application/yaml"),
            ("PATCH", "acme.alice.dev", "application/merge-patch+json"),
            ("DELETE", "acme.alice.dev", "application/json"),
        ] {
            let text = "Request entity too large: limit is 3145728";
            if protocol == Protocol::Http2 {
                let ask = Ask::new(method, ground.path(rest)).body(media, body.clone());
                let reply = master.send(ask).await;
                ground.refused(what, &reply);
                assert_eq!(reply.json()["message"], text);
                continue;
            }
            let length = body.len();
            let headers = format!("Content-Type: {media}\r\nContent-Length: {length}\r\n");
            let head = head(method, &ground.path(rest), &headers);
            let answer = master.raw(&[head.as_bytes(), &body].concat()).await;
            ground.refused_once(what, &answer);
            assert!(answer.contains(text), "{answer}");
        }
    }
    // Without a length: cut off where it is too long.
    let chunked = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let head_of_chunk = format!("{:x}\r\n", limit + 1);
    let head_of_all = head("POST", &ground.path(""), chunked) + &head_of_chunk;
    let endless = [
        head_of_all.as_bytes(),
        &vec![b' '; limit + 1],
        b"\r\n0\r\n\r\n",
    ];
    ground.refused_once(what, &master.raw(&endless.concat()).await);

    for (what, headers) in [
        (
            "headers of 2 MiB",
            format!("X-Test: {}\r\n", "x".repeat(2 * 1024 * 1024)),
        ),
        ("more than 2000 headers", "X-Test: x\r\n".repeat(2100)),
    ] {
        let request = head("GET", &ground.path(""), &headers);
        ground.refused_once(what, &master.raw(request.as_bytes()).await);
    }
    // It lives, and serves others.
    ground
        .master()
        .get(ground.path("acme.alice.dev"))
        .await
        .expect(200);
    assert_eq!(ground.server.program.status(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_sent_ends_the_process() {
    let ground = Ground::new("hostile").await;
    let master = ground.master();
    let deep = |open: &str, count: usize| open.repeat(count);
    for (media, body) in [
        ("application/json", deep("[", 1_000_000)),
        ("application/json", deep("{\"a\":", 500_000)),
        ("application/yaml", deep("[", 100_000)),
        (
            "application/yaml",
            "a: &a [x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\nd: [*c,*c,*c]\n".to_owned(),
        ),
        ("application/yaml", deep("- ", 100_000)),
        ("application/json", "\"\\ud800".to_owned()),
        ("application/json", String::new()),
        (
            "application/json",
            "{\"apiVersion\":\"aggregation.coder.com/v1alpha1".to_owned(),
        ),
    ] {
        for (method, rest) in [("POST", ""), ("PUT", "acme.alice.dev")] {
            let ask = Ask::new(method, ground.path(rest)).body(media, body.clone());
            let reply = master.send(ask).await;
            assert!(
                (400..500).contains(&reply.status),
                "{media}: {} {}",
                reply.status,
                reply.text()
            );
        }
        let media = if media.ends_with("json") {
            "application/merge-patch+json"
        } else {
            "application/apply-patch+yaml"
        };
        let ask = Ask::new(
            "PATCH",
            ground.path("acme.alice.dev?fieldManager=x&force=true"),
        )
        .body(media, body.clone());
        let reply = master.send(ask).await;
        assert!(
            (400..500).contains(&reply.status),
            "{media}: {} {}",
            reply.status,
            reply.text()
        );
    }
    assert_eq!(ground.server.program.status(), None, "it lives");
    master.get(ground.path("acme.alice.dev")).await.expect(200);
}
