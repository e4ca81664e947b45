use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;

fn alice() -> Identity {
    Identity {
        name: "alice".to_owned(),
        uid: Some("7".to_owned()),
        groups: vec!["b".to_owned(), "a".to_owned()],
        extra: BTreeMap::from([(
            "example.com/scopes".to_owned(),
            vec!["2".to_owned(), "1".to_owned()],
        )]),
    }
}

fn asked(identity: &Identity, attributes: &Attributes) -> Value {
    serde_json::to_value(attributes.review(identity)).unwrap()
}

#[test]
fn a_request_about_an_object_is_asked_as_kube_apiserver_asks() {
    let some = |text: &str| Some(text.to_owned());
    let request = ResourceAttributes {
        verb: some("patch"),
        group: some("aggregation.coder.com"),
        namespace: some("team"),
        resource: some("coderworkspaces"),
        subresource: some("status"),
        name: some("x"),
        ..ResourceAttributes::default()
    };
    let expected = json!({
        "user": "alice", "uid": "7", "groups": ["b", "a"],
        "extra": {"example.com/scopes": ["2", "1"]},
        "resourceAttributes": {"verb": "patch", "group": "aggregation.coder.com",
            "namespace": "team", "resource": "coderworkspaces",
            "subresource": "status", "name": "x"},
    });
    assert_eq!(
        asked(&alice(), &Attributes::Resource(request.into())),
        expected
    );
}

#[test]
fn a_request_about_a_path_has_no_group() {
    let path = Attributes::Path {
        path: "/openapi/v3".to_owned(),
        verb: "get".to_owned(),
    };
    let expected = json!({
        "user": "system:anonymous", "groups": ["system:unauthenticated"],
        "nonResourceAttributes": {"path": "/openapi/v3", "verb": "get"},
    });
    assert_eq!(asked(&Identity::anonymous(), &path), expected);
}
