use http::HeaderValue;
use serde_json::{Value, json};
use tokio::time::advance;

use super::*;
use crate::k8s::fake::{Answer, Log, Seen, server};

fn answer(status: &Value) -> Answer {
    Answer::json(201, &json!({"status": status}))
}

/// Knows the token `good`, and fails at `broken`.
fn tokens() -> (Tokens, Log) {
    let (client, log) = server(|seen: &Seen| match seen.body["spec"]["token"].as_str() {
        Some("good") => answer(&json!({"authenticated": true, "user": {
            "username": "u", "uid": "7", "groups": ["b", "a"], "extra": {"k": ["2", "1"]}}})),
        Some("nameless") => answer(&json!({"authenticated": true, "user": {"username": ""}})),
        Some("userless") => answer(&json!({"authenticated": true})),
        Some("denied") => answer(&json!({"authenticated": false, "user": {"username": "u"}})),
        Some("broken") => Answer::text(403, "no"),
        _ => answer(&json!({"error": "invalid bearer token"})),
    });
    (Tokens::new(client, [7; 32], 1), log)
}

#[tokio::test(start_paused = true)]
async fn the_owner_is_whom_the_review_names() {
    let (tokens, log) = tokens();
    let owner = tokens.owner("good").await.unwrap().unwrap();
    assert_eq!(
        (owner.name.as_str(), owner.uid.as_deref()),
        ("u", Some("7"))
    );
    assert_eq!(owner.groups, ["b", "a"]);
    assert_eq!(owner.extra["k"], ["2", "1"]);
    assert_eq!(log.only().body["spec"], json!({"token": "good"}));
    for bad in ["bad", "nameless", "userless", "denied"] {
        assert_eq!(tokens.owner(bad).await.unwrap(), None, "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_good_for_ten_seconds_and_an_error_not_at_all() {
    for (token, requests) in [("good", 2), ("bad", 2), ("broken", 22)] {
        let (tokens, log) = tokens();
        for _ in 0..11 {
            let owner = tokens.owner(token).await;
            assert_eq!(owner.is_err(), token == "broken");
            let again = tokens.owner(token).await;
            assert_eq!(owner.ok(), again.ok());
            advance(Duration::from_secs(1)).await;
        }
        assert_eq!(log.all().len(), requests, "{token}");
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_are_told_apart_and_not_kept() {
    let (tokens, log) = tokens();
    for token in ["good", "goo", "d", "good ", ""] {
        assert_eq!(
            tokens.owner(token).await.unwrap().is_some(),
            token == "good"
        );
    }
    assert_eq!(log.all().len(), 5);
    let other = Tokens::new(server(|_| Answer::never()).0, [8; 32], 1);
    assert_ne!(tokens.digest("good"), other.digest("good"));
    let plain: Key = Sha256::digest("good").into();
    assert_ne!(tokens.digest("good"), plain);
    assert_eq!(format!("{tokens:?}"), "Tokens { .. }");
}

#[tokio::test(start_paused = true)]
async fn a_token_has_to_be_meant_for_the_audience() {
    let (client, log) = server(|seen: &Seen| {
        let mut status = json!({"authenticated": true, "user": {"username": "u"}});
        if let Some(audience) = seen.body["spec"]["token"]
            .as_str()
            .filter(|&one| one != "none")
        {
            status["audiences"] = json!([audience]);
        }
        answer(&status)
    });
    let tokens = Tokens::new(client, [7; 32], 1).for_audience(Some("mcp".to_owned()));
    for (token, is_good) in [("mcp", true), ("other", false), ("none", false)] {
        let owner = tokens.owner(token).await.unwrap();
        assert_eq!(owner.is_some(), is_good, "{token}");
    }
    let asked = &log.all()[0].body["spec"];
    assert_eq!(asked, &json!({"token": "mcp", "audiences": ["mcp"]}));
}

#[test]
fn a_bearer_token_is_the_second_word() {
    for (value, expected) in [
        (None, None),
        (Some("Bearer t"), Some("t")),
        (Some("bearer t"), Some("t")),
        (Some("BEARER t u v"), Some("t")),
        (Some("  Bearer t  "), Some("t")),
        (Some("Bearer"), None),
        (Some("Bearer "), None),
        (Some("Bearer  t"), None),
        (Some("Basic dTpw"), None),
        (Some("Bearert"), None),
        (Some("t"), None),
        (Some(""), None),
    ] {
        let mut headers = HeaderMap::new();
        headers.extend(value.map(|text| (header::AUTHORIZATION, HeaderValue::from_static(text))));
        assert_eq!(bearer(&headers).unwrap(), expected, "{value:?}");
    }
    let garbled = HeaderValue::from_bytes(b"Bearer \xff").unwrap();
    assert!(bearer(&HeaderMap::from_iter([(header::AUTHORIZATION, garbled)])).is_err());
}
