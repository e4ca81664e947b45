use super::*;

fn map(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

#[test]
fn nothing_of_a_request_passes_but_what_is_named() {
    let came = map(&[
        ("authorization", "Bearer secret"),
        ("cookie", "a=b"),
        ("x-remote-user", "root"),
        ("x-remote-extra-a", "b"),
        ("impersonate-user", "root"),
        ("host", "elsewhere"),
        ("connection", "user-agent"),
        ("transfer-encoding", "chunked"),
        ("content-length", "3"),
        ("te", "trailers"),
        ("if-none-match", "x"),
        ("accept-encoding", "gzip"),
        ("user-agent", "kubectl/v1.36.3"),
        ("content-type", "Application/JSON; charset=utf-8"),
        ("accept", "application/json"),
        ("audit-id", "1"),
        ("traceparent", "2"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-host", "h"),
    ]);
    let accept = HeaderValue::from_static("application/json");
    let sent = request(&came, Some(accept), "::ffff:10.0.0.2".parse().unwrap());
    let mut sent: Vec<_> = sent
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    sent.sort();
    assert_eq!(
        sent,
        [
            "accept-encoding: identity",
            "accept: application/json",
            "audit-id: 1",
            "traceparent: 2",
            "user-agent: kubectl/v1.36.3",
            "x-forwarded-for: 10.0.0.1, 10.0.0.2",
        ]
    );
}

#[test]
fn an_absent_agent_stays_absent() {
    let sent = request(&HeaderMap::new(), None, "10.0.0.2".parse().unwrap());
    assert!(!sent.contains_key(header::USER_AGENT));
    assert!(!sent.contains_key(header::ACCEPT));
}

#[test]
fn warnings_come_back_in_the_right_words() {
    let came = map(&[
        ("warning", r#"299 - "unknown field \"spec.x\"""#),
        (
            "warning",
            r#"299 - "coder.com/v1alpha1 CoderWorkspace is deprecated""#,
        ),
        ("audit-id", "1"),
        ("cache-control", "no-cache, private"),
        ("x-kubernetes-pf-flowschema-uid", "2"),
        ("content-length", "3"),
        ("date", "today"),
        ("location", "/elsewhere"),
        ("set-cookie", "a=b"),
        ("content-type", "application/json"),
        ("retry-after", "1"),
    ]);
    let mut passed: Vec<_> = response(&came, false)
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    passed.sort();
    assert_eq!(
        passed,
        [
            "content-type: application/json",
            "retry-after: 1",
            r#"warning: 299 - "aggregation.coder.com/v1alpha1 CoderWorkspace is deprecated""#,
            r#"warning: 299 - "unknown field \"spec.x\"""#,
        ]
    );
}
