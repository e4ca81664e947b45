use http::Request;
use serde_json::{Value, json};

use super::*;

/// What is asked of RBAC for a request.
fn asked(method: Method, path: &str) -> Value {
    let path = format!("/apis/aggregation.coder.com/v1alpha1{path}");
    let request = Request::builder().method(method).uri(path).body(());
    let head = Head::read(request.unwrap().into_parts().0).unwrap();
    let Route::Target(target) = Route::find(&head.method, &head.path, &head.query) else {
        panic!("{head:?}")
    };
    match attributes(&target, target.verb, &head) {
        Attributes::Resource(attributes) => json!(attributes),
        Attributes::Path { path, .. } => panic!("{path}"),
    }
}

#[test]
fn rights_are_asked_for_what_the_request_is_about() {
    assert_eq!(
        asked(
            Method::PUT,
            "/namespaces/team/coderworkspaces/x/status?fieldSelector=a"
        ),
        json!({"verb": "update", "group": "aggregation.coder.com", "version": "v1alpha1",
            "namespace": "team", "resource": "coderworkspaces", "subresource": "status", "name": "x"})
    );
    assert_eq!(
        asked(Method::GET, "/codertemplates?labelSelector=&fieldSelector="),
        json!({"verb": "list", "group": "aggregation.coder.com", "version": "v1alpha1",
            "resource": "codertemplates"}),
        "an empty selector is no question"
    );
}

#[test]
fn selectors_are_asked_for_as_they_are() {
    let path = "/namespaces/team/coderworkspaces?labelSelector=a+in+(b),!c&fieldSelector=metadata.name%3Dx";
    for (method, query, verb, name) in [
        (Method::GET, "", "list", Some("x")),
        (Method::GET, "&watch=1", "watch", Some("x")),
        (Method::DELETE, "", "deletecollection", None),
    ] {
        let asked = asked(method, &format!("{path}{query}"));
        assert_eq!(asked["verb"], verb);
        assert_eq!(
            asked["labelSelector"],
            json!({"rawSelector": "a in (b),!c"})
        );
        let fields = json!({"rawSelector": "metadata.name=x"});
        assert_eq!(asked["fieldSelector"], fields);
        assert_eq!(asked["name"].as_str(), name, "{verb}");
    }
}
