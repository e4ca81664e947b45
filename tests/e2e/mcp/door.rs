//! Who is let in, and what those are told who are not.

use serde_json::{Value, json};

use super::{
    client::{ERAS, Era},
    server::Server,
    stage::Stage,
};

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_token_is_told_where_to_get_one() {
    let stage = Stage::new("door").await;
    for era in ERAS {
        let nobody = stage.server.client("").of(era);
        let refused = nobody.send("tools/list", json!({})).await;
        assert_eq!(refused.status(), 401);
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
        let url = challenge.split('"').nth(1).unwrap().to_owned();
        assert!(
            challenge.starts_with("Bearer resource_metadata="),
            "{challenge}"
        );
        let document: Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
        assert_eq!(document["resource"], stage.server.url("/mcp"));
        let unknown = stage.server.client("not-a-token").of(era);
        let refused = unknown.send("tools/list", json!({})).await;
        assert_eq!(refused.status(), 401);
        let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_issuer_and_the_audience_of_the_flags_count() {
    let stage = Stage::new("audience").await;
    let flags = [
        "--mcp-issuer=https://login.example.com",
        "--mcp-audience=coder-tools",
    ];
    let server = Server::start(stage.bed, &flags).await;
    let document: Value = reqwest::get(server.url("/.well-known/oauth-protected-resource"))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        document["authorization_servers"],
        json!(["https://login.example.com"])
    );

    // Of kube-apiserver alone, of somebody else, of both.
    let plain = stage.token("caller", &[]).await;
    let other = stage.token("caller", &["--audience=others"]).await;
    let kube = audience_of(&plain);
    let kube = format!("--audience={kube}");
    let both = stage
        .token("caller", &["--audience=coder-tools", &kube])
        .await;
    for (token, status) in [(plain, 401), (other, 401), (both.clone(), 200)] {
        let answer = server.client(&token).send("tools/list", json!({})).await;
        assert_eq!(answer.status(), status);
    }
    let health = server
        .client(&both)
        .content("check_health", json!({}))
        .await;
    assert_eq!(health["status"], "ok");
}

/// What a token says that it is for.
fn audience_of(token: &str) -> String {
    let part = token.split('.').nth(1).unwrap();
    let table = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for byte in part.bytes() {
        let value = table.iter().position(|&one| one == byte).unwrap();
        held = (held << 6) | u32::try_from(value).unwrap();
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).unwrap());
        }
    }
    let claims: Value = serde_json::from_slice(&bytes).unwrap();
    claims["aud"][0].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_known_hosts_and_pages_are_answered() {
    let stage = Stage::new("hosts").await;
    let caller = stage.server.client(&stage.token("caller", &[]).await);
    let with = async |name: &'static str, value: &'static str| {
        let request = caller.request("tools/list", json!({})).header(name, value);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for host in [
        "localhost:1",
        "coder-k8s-mcp.coder-system.svc",
        "coder-k8s-mcp:8090",
    ] {
        assert_eq!(with("host", host).await.0, 200, "{host}");
    }
    let (status, text) = with("host", "evil.example").await;
    assert_eq!(status, 403);
    assert!(text.contains("--mcp-allowed-hosts"), "{text}");
    let (status, text) = with("origin", "http://localhost").await;
    assert_eq!(status, 403);
    assert!(text.contains("--mcp-allowed-origins"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_of_the_protocol_is_refused() {
    let stage = Stage::new("http").await;
    let token = stage.token("caller", &[]).await;
    let http = reqwest::Client::new();
    let url = stage.server.url("/mcp");
    for method in ["GET", "DELETE", "PUT"] {
        let request = http
            .request(method.parse().unwrap(), &url)
            .bearer_auth(&token);
        assert_eq!(request.send().await.unwrap().status(), 405, "{method}");
    }
    assert_eq!(
        reqwest::get(stage.server.url("/")).await.unwrap().status(),
        404
    );
    assert_eq!(
        reqwest::get(stage.server.url("/healthz"))
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        reqwest::get(stage.server.url("/readyz"))
            .await
            .unwrap()
            .status(),
        200
    );
    let large = stage.server.client(&token);
    let arguments = json!({"name": "check_health", "arguments": {"x": "x".repeat(3 << 20)}});
    let refused = large.request("tools/call", arguments).send().await;
    // The connection may be gone before all of it was sent.
    assert!(refused.is_err() || refused.unwrap().status() == 413);
    let text = http.post(&url).bearer_auth(&token).body("{");
    let text = text.header("accept", "application/json, text/event-stream");
    let text = text.header("content-type", "application/json");
    assert!(text.send().await.unwrap().status().is_client_error());
}

#[tokio::test(flavor = "multi_thread")]
async fn both_eras_begin_as_they_do_and_see_the_same() {
    let stage = Stage::new("eras").await;
    let caller = stage.server.client(&stage.token("caller", &[]).await);
    let begin = json!({
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    });
    let mut request = caller
        .of(Era::Old)
        .request("initialize", begin)
        .build()
        .unwrap();
    request.headers_mut().remove("mcp-protocol-version");
    let answer = reqwest::Client::new().execute(request).await.unwrap();
    assert_eq!(
        answer.headers().get("mcp-session-id"),
        None,
        "there are no sessions"
    );
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["result"]["protocolVersion"], "2025-06-18");
    assert_eq!(answer["result"]["serverInfo"]["name"], "coder-k8s");

    let found = caller.ask("server/discover", json!({})).await.unwrap();
    let versions = found["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!("2026-07-28")), "{found}");

    let old = caller
        .of(Era::Old)
        .ask("tools/list", json!({}))
        .await
        .unwrap();
    let new = caller.ask("tools/list", json!({})).await.unwrap();
    assert_eq!(old["tools"], new["tools"]);
    assert!(
        new["ttlMs"].as_u64().unwrap() > 0 && new["cacheScope"] == "public",
        "{new}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_has_a_token_or_what_was_said() {
    let stage = Stage::new("log").await;
    let server = Server::start(stage.bed, &[]).await;
    let token = stage.token("caller", &[]).await;
    for era in ERAS {
        let caller = server.client(&token).of(era);
        let arguments = json!({
            "namespace": "nowhere", "name": "a.b.c", "running": "an-argument-in-full",
        });
        assert!(
            caller
                .call("set_workspace_running", arguments)
                .await
                .is_error
        );
        let unknown = server.client("another-secret-token").of(era);
        unknown.send("tools/list", json!({})).await;
    }
    let line = "result=\"InvalidArguments\"";
    // As a whole, with its end: the log is read while it is written.
    let whole = |log: &str| {
        let mut lines = log.split_inclusive('\n');
        let found = lines.find(|one| one.contains(line) && one.ends_with('\n'));
        found.map(str::to_owned)
    };
    server
        .eventually("the audit line", async || whole(&server.log()).is_some())
        .await;
    let log = server.log();
    let audit = whole(&log).unwrap();
    let caller = format!(
        "caller=\"system:serviceaccount:{}:caller\"",
        stage.namespace
    );
    for word in [
        &caller,
        "tool=\"set_workspace_running\"",
        "namespace=\"nowhere\"",
        "name=\"a.b.c\"",
    ] {
        assert!(audit.contains(word), "{word}: {audit}");
    }
    for secret in [
        token.as_str(),
        "another-secret-token",
        "an-argument-in-full",
    ] {
        assert!(!log.contains(secret), "{secret}");
    }
}
