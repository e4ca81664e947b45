use http::StatusCode;
use http_body_util::BodyExt;

use super::*;

fn stored() -> Value {
    let entry = |name: &str, kind: &str, verbs: &[&str]| {
        json!({
            "name": name, "singularName": kind.to_lowercase(), "namespaced": true, "kind": kind,
            "verbs": verbs, "shortNames": ["cws"], "categories": ["coder"],
            "storageVersionHash": "x",
        })
    };
    json!({
        "kind": "APIResourceList",
        "groupVersion": "coder.com/v1alpha1",
        "resources": [
            entry("coderworkspaces", "CoderWorkspace", &["delete", "get", "watch"]),
            entry("coderworkspaces/status", "CoderWorkspace", &["get", "patch", "update"]),
            entry("codertemplates", "CoderTemplate", &["get"]),
            entry("codercontrolplanes", "CoderControlPlane", &["get"]),
        ],
    })
}

fn asked(accept: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if !accept.is_empty() {
        headers.insert(header::ACCEPT, accept.parse().unwrap());
    }
    headers
}

async fn read(response: Response<Body>) -> (StatusCode, HeaderMap, Value) {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let value = serde_json::from_slice(&body).unwrap_or_default();
    (head.status, head.headers, value)
}

#[tokio::test]
async fn the_old_list_has_our_kinds_and_nothing_that_is_ambiguous() {
    let discovery = Discovery::renamed(&stored()).unwrap();
    let (_, _, list) = read(discovery.resources.answer()).await;
    assert_eq!(list["groupVersion"], "aggregation.coder.com/v1alpha1");
    let names: Vec<_> = list["resources"].as_array().unwrap().iter().collect();
    assert_eq!(names.len(), 3);
    assert_eq!(
        names[0],
        &json!({
            "name": "coderworkspaces", "singularName": "coderworkspace", "namespaced": true,
            "kind": "CoderWorkspace", "verbs": ["delete", "get", "watch"],
        })
    );
    assert_eq!(names[1]["name"], "coderworkspaces/status");
}

#[tokio::test]
async fn each_form_says_which_one_it_is() {
    let discovery = Discovery::renamed(&stored()).unwrap();
    let v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let v2beta1 = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
    for (accept, media, kind) in [
        (v2.to_owned(), v2, "APIGroupDiscoveryList"),
        (format!("{v2},{v2beta1}"), v2, "APIGroupDiscoveryList"),
        (
            format!("{v2};profile=nopeer,application/json"),
            v2,
            "APIGroupDiscoveryList",
        ),
        (
            "application/json".to_owned(),
            "application/json",
            "APIGroupList",
        ),
        ("*/*".to_owned(), "application/json", "APIGroupList"),
        (String::new(), "application/json", "APIGroupList"),
    ] {
        let (status, headers, body) = read(discovery.groups(&asked(&accept)).unwrap()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers[header::CONTENT_TYPE], media, "{accept}");
        assert_eq!(body["kind"], kind, "{accept}");
    }
    for refused in ["application/yaml", "application/json;as=Other", v2beta1] {
        assert!(discovery.groups(&asked(refused)).is_err(), "{refused}");
    }
}

#[tokio::test]
async fn aggregated_discovery_always_has_a_response_kind() {
    let discovery = Discovery::renamed(&stored()).unwrap();
    let accept = asked("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    let (_, headers, body) = read(discovery.groups(&accept).unwrap()).await;
    let version = &body["items"][0]["versions"][0];
    assert_eq!(
        body["items"][0]["metadata"]["name"],
        "aggregation.coder.com"
    );
    assert_eq!(version["freshness"], "Current");
    let kind = json!({
        "group": "aggregation.coder.com", "version": "v1alpha1", "kind": "CoderWorkspace",
    });
    assert_eq!(
        version["resources"][0],
        json!({
            "resource": "coderworkspaces", "responseKind": kind, "scope": "Namespaced",
            "singularResource": "coderworkspace", "verbs": ["delete", "get", "watch"],
            "subresources": [{
                "subresource": "status", "responseKind": kind,
                "verbs": ["get", "patch", "update"],
            }],
        })
    );
    assert_eq!(version["resources"].as_array().unwrap().len(), 2);

    let mut again = accept;
    again.insert(header::IF_NONE_MATCH, headers[header::ETAG].clone());
    let (status, again, body) = read(discovery.groups(&again).unwrap()).await;
    assert_eq!((status, body), (StatusCode::NOT_MODIFIED, Value::Null));
    assert_eq!(again[header::ETAG], headers[header::ETAG]);
}

#[tokio::test]
async fn a_kind_that_is_not_there_is_left_out_in_both_forms() {
    let v2 = asked("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    let left = |count: usize| {
        let mut stored = stored();
        stored["resources"].as_array_mut().unwrap().truncate(count);
        Discovery::renamed(&stored).unwrap()
    };
    for (discovery, has, expected) in [
        (
            left(3),
            [true, true],
            vec!["coderworkspaces", "codertemplates"],
        ),
        (left(2), [true, false], vec!["coderworkspaces"]),
        (left(0), [false, false], vec![]),
    ] {
        assert_eq!(Resource::ALL.map(|kind| discovery.has(kind)), has);
        let (_, _, list) = read(discovery.resources.answer()).await;
        let names = |list: &Value, member: &str| -> Vec<String> {
            let names = list.as_array().unwrap().iter().map(|one| &one[member]);
            let names = names.map(|name| name.as_str().unwrap().to_owned());
            names.filter(|name| !name.contains('/')).collect()
        };
        assert_eq!(names(&list["resources"], "name"), expected);
        let (_, _, all) = read(discovery.groups(&v2).unwrap()).await;
        let version = &all["items"][0]["versions"][0];
        assert_eq!(version["version"], "v1alpha1", "the group is there");
        assert_eq!(names(&version["resources"], "resource"), expected);
    }
    assert_eq!(Discovery::renamed(&json!({})), None, "no list");
}
