use http::StatusCode;
use http_body_util::BodyExt;

use super::*;

fn stored() -> Value {
    let path = |kind: &str| {
        json!({"get": {
            "description": "read the specified CoderWorkspace of coder.com/v1alpha1",
            "operationId": format!("readCoderComV1alpha1Namespaced{kind}"),
            "tags": ["coderCom_v1alpha1"],
            "x-kubernetes-group-version-kind":
                {"group": "coder.com", "version": "v1alpha1", "kind": kind},
            "responses": {"200": {"content": {"application/json": {"schema":
                {"$ref": format!("#/components/schemas/com.coder.v1alpha1.{kind}")}}}}},
        }})
    };
    let named = |plural: &str| {
        format!("/apis/coder.com/v1alpha1/namespaces/{{namespace}}/{plural}/{{name}}/status")
    };
    let schema = |kind: &str| {
        json!({
            "type": "object",
            "properties": {
                "description": {"type": "string", "description": "any"},
                "group": {"type": "string"},
                "metadata": {"$ref": "#/components/schemas/io.k8s.ObjectMeta"},
            },
            "x-kubernetes-group-version-kind":
                [{"group": "coder.com", "version": "v1alpha1", "kind": kind}],
        })
    };
    json!({
        "openapi": "3.0.0",
        "paths": {
            "/apis/coder.com/v1alpha1/": {"get": {}},
            "/apis/coder.com/v1alpha1/coderworkspaces": path("CoderWorkspace"),
            (named("codertemplates")): path("CoderTemplate"),
            (named("codercontrolplanes")): path("CoderControlPlane"),
        },
        "components": {"schemas": {
            "com.coder.v1alpha1.CoderWorkspace": schema("CoderWorkspace"),
            "com.coder.v1alpha1.CoderTemplate": schema("CoderTemplate"),
            "com.coder.v1alpha1.CoderControlPlane": schema("CoderControlPlane"),
            "io.k8s.ObjectMeta": {"properties": {"owner": {"$ref": "#/components/schemas/io.k8s.Owner"}}},
            "io.k8s.Owner": {"type": "object"},
            "io.k8s.Shared": {"type": "object"},
        }},
    })
}

async fn read(response: Response<Body>) -> (StatusCode, HeaderMap, Value) {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let value = serde_json::from_slice(&body).unwrap_or_default();
    (head.status, head.headers, value)
}

#[tokio::test]
async fn paths_operations_and_schemas_are_renamed() {
    let openapi = OpenApi::renamed(stored());
    let (_, _, document) = read(
        openapi
            .document(&Query::default(), &HeaderMap::new(), Timestamp::UNIX_EPOCH)
            .unwrap(),
    )
    .await;
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        paths,
        [
            "/apis/aggregation.coder.com/v1alpha1/coderworkspaces",
            "/apis/aggregation.coder.com/v1alpha1/namespaces/{namespace}/codertemplates/{name}/status",
        ]
    );
    let get = &document["paths"][paths[0]]["get"];
    assert_eq!(
        get["operationId"],
        "readAggregationCoderComV1alpha1NamespacedCoderWorkspace"
    );
    assert_eq!(get["tags"], json!(["aggregationCoderCom_v1alpha1"]));
    assert_eq!(
        get["x-kubernetes-group-version-kind"]["group"],
        "aggregation.coder.com"
    );
    assert_eq!(
        get["description"],
        "read the specified CoderWorkspace of coder.com/v1alpha1"
    );
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert_eq!(
        schemas.keys().collect::<Vec<_>>(),
        [
            "com.coder.aggregation.v1alpha1.CoderTemplate",
            "com.coder.aggregation.v1alpha1.CoderWorkspace",
            "io.k8s.ObjectMeta",
            "io.k8s.Owner",
            "io.k8s.Shared",
        ]
    );
    let schema = &schemas["com.coder.aggregation.v1alpha1.CoderWorkspace"];
    assert_eq!(
        schema["x-kubernetes-group-version-kind"][0]["group"],
        "aggregation.coder.com"
    );
    assert_eq!(schema["properties"]["group"], json!({"type": "string"}));
    assert!(schema["properties"]["description"].is_object());
}

#[tokio::test]
async fn the_index_leads_to_our_document_only_and_its_hash_is_for_ever() {
    let openapi = OpenApi::renamed(stored());
    let (_, _, index) = read(openapi.index.answer()).await;
    let paths = index["paths"].as_object().unwrap();
    assert_eq!(
        paths.keys().collect::<Vec<_>>(),
        ["apis/aggregation.coder.com/v1alpha1"]
    );
    let address = paths["apis/aggregation.coder.com/v1alpha1"]["serverRelativeURL"]
        .as_str()
        .unwrap();
    let (path, query) = address.split_once('?').unwrap();
    let query = &Query::read(query).unwrap();
    assert_eq!(path, "/openapi/v3/apis/aggregation.coder.com/v1alpha1");

    let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    let (status, headers, _) = read(openapi.document(query, &HeaderMap::new(), now).unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers[header::CACHE_CONTROL], "public, immutable");
    assert_eq!(headers[header::EXPIRES], "Sun, 21 Nov 2027 12:00:00 GMT");

    let (status, other, _) = read(
        openapi
            .document(&Query::of("hash", "00"), &HeaderMap::new(), now)
            .unwrap(),
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    assert!(!other.contains_key(header::CACHE_CONTROL));

    let mut known = HeaderMap::new();
    known.insert(header::IF_NONE_MATCH, headers[header::ETAG].clone());
    let (status, _, body) = read(openapi.document(&Query::default(), &known, now).unwrap()).await;
    assert_eq!((status, body), (StatusCode::NOT_MODIFIED, Value::Null));
}

#[test]
fn the_stored_document_is_where_the_index_says() {
    let index =
        |url: &str| json!({"paths": {"apis/coder.com/v1alpha1": {"serverRelativeURL": url}}});
    assert_eq!(
        stored_path(&index("/openapi/v3/x?hash=1")).unwrap(),
        "/openapi/v3/x?hash=1"
    );
    assert_eq!(stored_path(&index("http://elsewhere/")), None);
    assert_eq!(stored_path(&json!({"paths": {}})), None);
}

#[test]
fn binary_forms_are_refused() {
    let openapi = OpenApi::renamed(stored());
    for (accept, expected) in [
        (
            "application/com.github.proto-openapi.spec.v3.v1.0+protobuf",
            false,
        ),
        (
            "application/com.github.proto-openapi.spec.v3.v1.0+protobuf, application/json",
            true,
        ),
        ("*/*", true),
        ("", true),
    ] {
        let mut asked = HeaderMap::new();
        asked.insert(header::ACCEPT, accept.parse().unwrap());
        let answer = openapi.document(&Query::default(), &asked, Timestamp::UNIX_EPOCH);
        assert_eq!(answer.is_ok(), expected, "{accept}");
    }
}

#[tokio::test]
async fn it_says_which_kinds_it_describes_and_without_any_is_still_a_document() {
    let mut half = stored();
    let paths = half["paths"].as_object_mut().unwrap();
    paths.retain(|path, _| !path.contains("codertemplates"));
    for (stored, has) in [
        (stored(), [true, true]),
        (half, [true, false]),
        (nothing(), [false, false]),
    ] {
        let openapi = OpenApi::renamed(stored);
        assert_eq!(Resource::ALL.map(|kind| openapi.has(kind)), has);
        let asked = (&Query::default(), &HeaderMap::new());
        let answer = openapi.document(asked.0, asked.1, Timestamp::UNIX_EPOCH);
        let (status, _, document) = read(answer.unwrap()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(document["openapi"], "3.0.0");
        assert!(document["paths"].is_object(), "{document}");
    }
}
