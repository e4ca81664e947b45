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

/// The resource attributes of a list with these selectors.
fn selected(labels: &str, fields: &str) -> Value {
    let request = ResourceRequest {
        verb: "list".to_owned(),
        resource: "coderworkspaces".to_owned(),
        label_selector: labels.to_owned(),
        field_selector: fields.to_owned(),
        ..ResourceRequest::default()
    };
    asked(&alice(), &Attributes::Resource(request))["resourceAttributes"].take()
}

#[test]
fn a_request_about_an_object_is_asked_as_kube_apiserver_asks() {
    let request = ResourceRequest {
        verb: "patch".to_owned(),
        namespace: "team".to_owned(),
        resource: "coderworkspaces".to_owned(),
        subresource: "status".to_owned(),
        name: "x".to_owned(),
        ..ResourceRequest::default()
    };
    let expected = json!({
        "user": "alice", "uid": "7", "groups": ["b", "a"],
        "extra": {"example.com/scopes": ["2", "1"]},
        "resourceAttributes": {"verb": "patch", "group": "aggregation.coder.com",
            "version": "v1alpha1", "namespace": "team", "resource": "coderworkspaces",
            "subresource": "status", "name": "x"},
    });
    assert_eq!(asked(&alice(), &Attributes::Resource(request)), expected);
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

#[test]
fn selectors_are_asked_for_as_they_are() {
    let mut expected = json!({"verb": "list", "group": GROUP, "version": VERSION,
        "resource": "coderworkspaces"});
    assert_eq!(selected("", ""), expected, "an empty one is no question");
    for (labels, fields) in [("a in (b),!c", "metadata.name!=x"), ("a=b=c", ",")] {
        expected["labelSelector"] = json!({"rawSelector": labels});
        expected["fieldSelector"] = json!({"rawSelector": fields});
        assert_eq!(selected(labels, fields), expected);
    }
}

#[test]
fn all_texts_of_the_request_count_for_its_length() {
    let mut request = ResourceRequest::default();
    let texts: [fn(&mut ResourceRequest) -> &mut String; 7] = [
        |request| &mut request.verb,
        |request| &mut request.namespace,
        |request| &mut request.resource,
        |request| &mut request.subresource,
        |request| &mut request.name,
        |request| &mut request.label_selector,
        |request| &mut request.field_selector,
    ];
    for (count, text) in texts.iter().enumerate() {
        assert_eq!(Attributes::Resource(request.clone()).length(), count * 3);
        *text(&mut request) = "abc".to_owned();
    }
    assert_eq!(Attributes::Resource(request).length(), 21);
    let path = Attributes::Path {
        path: "/apis".to_owned(),
        verb: "get".to_owned(),
    };
    assert_eq!(path.length(), 8);
}
