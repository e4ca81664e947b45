use http::Method;
use proptest::prelude::*;

use super::*;
use crate::apiserver::names::STORED_VERSION_PATH;

fn find(method: &str, path: &str) -> Route {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    Route::find(&method.parse().unwrap(), path, &Query::read(query).unwrap())
}

/// The target of a path below the version, with the path that is asked for instead.
fn target(method: &str, rest: &str) -> Option<(Verb, String)> {
    match find(method, &format!("{VERSION_PATH}{rest}")) {
        Route::Target(target) => Some((target.verb, target.path(""))),
        Route::Probe(_) | Route::Document(_) | Route::Unknown => None,
    }
}

#[test]
fn each_shape_of_a_request_has_its_verb() {
    let named = "/namespaces/team/coderworkspaces/coder.anna.dev";
    let all = "/namespaces/team/coderworkspaces";
    let status = format!("{named}/status");
    for (method, path, verb) in [
        ("GET", named, Verb::Get),
        ("HEAD", named, Verb::Get),
        ("GET", all, Verb::List),
        ("GET", "/codertemplates", Verb::List),
        ("POST", all, Verb::Create),
        ("POST", named, Verb::Create),
        ("PUT", named, Verb::Update),
        ("PUT", all, Verb::Update),
        ("PATCH", named, Verb::Patch),
        ("DELETE", named, Verb::Delete),
        ("DELETE", all, Verb::DeleteCollection),
        ("GET", &status, Verb::Get),
        ("DELETE", &status, Verb::Delete),
    ] {
        assert_eq!(
            target(method, path),
            Some((verb, path.to_owned())),
            "{method} {path}"
        );
    }
}

#[test]
fn a_watch_is_what_kube_apiserver_takes_for_one() {
    for (query, verb) in [
        ("watch=1", Verb::Watch),
        ("watch=true", Verb::Watch),
        ("watch", Verb::Watch),
        ("watch=", Verb::Watch),
        ("watch=yes", Verb::Watch),
        ("w%61tch=true", Verb::Watch),
        ("watch=0", Verb::List),
        ("watch=false", Verb::List),
        ("watch=FALSE", Verb::List),
        ("watch=false&watch=true", Verb::List),
        ("xwatch=true", Verb::List),
        ("", Verb::List),
    ] {
        let path = format!("/coderworkspaces?{query}");
        assert_eq!(target("GET", &path).unwrap().0, verb, "{query}");
    }
    assert_eq!(
        target("GET", "/namespaces/a/coderworkspaces/b?watch=1")
            .unwrap()
            .0,
        Verb::Get
    );
}

#[test]
fn what_kube_apiserver_does_not_route_goes_nowhere() {
    for (method, path) in [
        ("GET", "/namespaces"),
        ("GET", "/namespaces/team"),
        ("GET", "/namespaces/team/pods"),
        ("GET", "/namespaces/team/coderworkspaces/a/scale"),
        ("GET", "/namespaces/team/coderworkspaces/a/status/b"),
        ("GET", "/coderworkspaces/a"),
        ("POST", "/coderworkspaces"),
        ("PUT", "/coderworkspaces"),
        ("DELETE", "/coderworkspaces"),
        // kube-apiserver has this form of a watch, which no client in use asks for.
        ("GET", "/watch/coderworkspaces"),
        ("GET", "/watch/namespaces/team/coderworkspaces"),
        ("GET", "/watch/namespaces/team/codertemplates/coder.x"),
        ("GET", "/codercontrolplanes"),
        ("OPTIONS", "/namespaces/team/coderworkspaces"),
        ("TRACE", "/namespaces/team/coderworkspaces/a"),
        ("GET", "/CoderWorkspaces"),
        ("GET", "/coderworkspaces.coder.com"),
        ("GET", "x/coderworkspaces"),
    ] {
        assert_eq!(target(method, path), None, "{method} {path}");
    }
}

#[test]
fn tricks_with_paths_lead_nowhere() {
    for path in [
        "/namespaces/team//coderworkspaces",
        "//namespaces/team/coderworkspaces",
        "/namespaces/team/coderworkspaces//",
        "/namespaces/./coderworkspaces",
        "/namespaces/../coderworkspaces",
        "/namespaces/%2e%2e/coderworkspaces",
        "/namespaces/team/coderworkspaces/..",
        "/namespaces/team/coderworkspaces/a%2Fb",
        "/namespaces/team/coderworkspaces/a%2fstatus",
        "/namespaces/team/coderworkspaces/a%252Fb",
        "/namespaces/team/coderworkspaces/a%00",
        "/namespaces/team/coderworkspaces/a%0d%0aX-Remote-User: b",
        "/namespaces/team/coderworkspaces/%ff",
        "/namespaces//coderworkspaces",
    ] {
        assert_eq!(target("GET", path), None, "{path}");
    }
    for path in [
        "/apis/aggregation.coder.com.evil/v1alpha1/coderworkspaces",
        "/apis/aggregation.coder.com/v1alpha1x/coderworkspaces",
        "/APIS/aggregation.coder.com/v1alpha1/coderworkspaces",
        "/apis/coder.com/v1alpha1/coderworkspaces",
        "/apis/aggregation.coder.com/../coder.com/v1alpha1/coderworkspaces",
        "/api/v1/secrets",
        "/apis/x",
        "/",
        "",
        "*",
        "/readyz/",
        "/readyz/x",
        "/healthz/..",
        "/metrics",
        "/openapi/v2",
        "/openapi/v3/apis/coder.com/v1alpha1",
        "/version",
    ] {
        assert_eq!(find("GET", path), Route::Unknown, "{path}");
    }
}

#[test]
fn documents_are_found() {
    for (path, document) in [
        ("/apis", Document::Groups),
        ("/apis/", Document::Groups),
        ("/apis/aggregation.coder.com", Document::Group),
        ("/apis/aggregation.coder.com/", Document::Group),
        ("/apis/aggregation.coder.com/v1alpha1", Document::Resources),
        ("/apis/aggregation.coder.com/v1alpha1/", Document::Resources),
        ("/openapi/v3", Document::OpenApiIndex),
        (
            "/openapi/v3/apis/aggregation.coder.com/v1alpha1?hash=x",
            Document::OpenApi,
        ),
    ] {
        assert_eq!(find("GET", path), Route::Document(document), "{path}");
    }
    assert_eq!(find("GET", "/readyz?verbose"), Route::Probe(Probe::Ready));
    assert_eq!(find("GET", "/healthz"), Route::Probe(Probe::Live));
}

proptest! {
    #[test]
    fn no_path_leaves_the_group(path in "(/[a-z.%0-9/]{0,12}){0,6}", method in "(GET|PUT|DELETE)") {
        let full = format!("{VERSION_PATH}{path}");
        if let Route::Target(target) = Route::find(&method.parse::<Method>().unwrap(), &full, &Query::default()) {
            let sent = target.path(STORED_VERSION_PATH);
            let rest = sent.strip_prefix(STORED_VERSION_PATH).unwrap();
            prop_assert!(rest.contains(target.resource.plural()));
            prop_assert!(!rest.contains("//") && !rest.contains("/../") && !rest.contains("%2"));
        }
    }

    #[test]
    fn a_name_is_sent_as_it_was_understood(name in "[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?") {
        prop_assume!(!name.contains(".."));
        let path = format!("/namespaces/team/codertemplates/{name}");
        prop_assert_eq!(target("GET", &path).unwrap().1, path);
    }
}
