use super::*;

#[test]
fn an_apply_is_bound_to_the_object_that_is_there() {
    let applied = r#"{"apiVersion":"coder.com/v1alpha1","metadata":{"name":"coder.x"}}"#;
    let bound = bound(applied.as_bytes(), &json!("u")).unwrap();
    let read: Value = serde_json::from_str(&bound).unwrap();
    assert_eq!(
        read,
        json!({"apiVersion": "coder.com/v1alpha1", "metadata": {"name": "coder.x", "uid": "u"}})
    );
}

#[test]
fn somebody_elses_uid_stays() {
    let bound = bound(br#"{"metadata":{"uid":"other"}}"#, &json!("u")).unwrap();
    assert_eq!(bound, r#"{"metadata":{"uid":"other"}}"#);
}

#[test]
fn a_uid_that_says_nothing_binds_nothing() {
    for body in [
        r#"{"metadata":{"uid":""}}"#,
        r#"{"metadata":{"uid":null}}"#,
        "{}",
    ] {
        let bound = bound(body.as_bytes(), &json!("u")).unwrap();
        assert_eq!(bound, r#"{"metadata":{"uid":"u"}}"#);
    }
    for uid in [json!(null), json!("")] {
        assert_eq!(bound(b"{}", &uid), None);
    }
}

#[test]
fn what_is_no_object_cannot_be_bound() {
    for body in ["", "[]", "metadata: {}", r#"{"metadata":3}"#] {
        assert_eq!(bound(body.as_bytes(), &json!("u")), None, "{body:?}");
    }
    assert_eq!(bound(b"\xff", &json!("u")), None);
}

#[test]
fn where_the_source_comes_from_is_seen() {
    let version = Source::Version("v".to_owned());
    for (body, expected) in [
        (r#"{"spec":{"source":{"archive":{}}}}"#, Source::Named),
        (r#"{"spec":{"files":{}}}"#, Source::Named),
        (r#"{"spec":{"files":{},"versionID":"v"}}"#, Source::Named),
        (r#"{"spec":{"files":null,"source":null}}"#, Source::Unsaid),
        (r#"{"spec":{}}"#, Source::Unsaid),
        (r#"{"spec":{"versionID":""}}"#, Source::Unsaid),
        (r#"{"spec":{"versionID":null}}"#, Source::Unsaid),
        (r#"{"spec":{"versionID":"v"}}"#, version),
    ] {
        assert_eq!(Source::of(body.as_bytes()), expected, "{body}");
    }
}

#[test]
fn a_version_that_was_shown_is_no_move() {
    let live = br#"{"spec":{"versionID":"own"},"status":{"activeVersionID":"active"}}"#;
    for (id, expected) in [("own", false), ("active", false), ("other", true)] {
        let version = Source::Version(id.to_owned());
        assert_eq!(version.is_other_version(live), expected, "{id}");
        assert!(version.is_other_version(br#"{"spec":{}}"#), "{id}");
    }
    assert!(!Source::Unsaid.is_other_version(live));
}

#[test]
fn a_bound_apply_says_in_yaml_what_it_said_in_json() {
    let body = "{\"spec\":{\"description\":\"a \u{2028} b \u{85}\"}}";
    let bound = bound(body.as_bytes(), &json!("u")).unwrap();
    let expected = r#"{"metadata":{"uid":"u"},"spec":{"description":"a \u2028 b \u0085"}}"#;
    assert_eq!(bound, expected);
}
