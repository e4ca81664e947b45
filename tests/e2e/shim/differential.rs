//! The same request to both groups: status, headers and every byte of the body are the same after
//! renaming.

use serde_json::json;

use super::{
    caller::Ask,
    stage::{Group, TEMPLATES, WORKSPACES, template, workspace},
    twins::{Shape, Twins},
};

pub const NAMES: [&str; 4] = [
    "acme.alice.one",
    "acme.alice.two",
    "acme.alice.three",
    "acme.bob.one",
];
pub const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
pub const PARTIAL: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
const PARTIAL_LIST: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
pub const KUBECTL: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
pub const COLLECTOR: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,\
    application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/// Twins with objects that name the group where it must not be renamed.
pub async fn twins(test: &str) -> Twins {
    let twins = Twins::new(test).await;
    twins
        .make(TEMPLATES, &template(Group::Stored, "acme.docker"))
        .await;
    let owners = twins.read(TEMPLATES, "acme.docker").await;
    for (number, name) in NAMES.iter().enumerate() {
        let mut object = workspace(Group::Stored, name);
        object["metadata"]["labels"] =
            json!({ "number": number.to_string(), "coder.com/origin": "kubernetes" });
        if number == 1 {
            let version = Group::Stored.version();
            object["metadata"]["annotations"] = json!({
                "apiVersion": version,
                "words": "coderworkspaces.coder.com is no \"coder.com/v1alpha1\" <&> \u{e9}\u{1f600}",
            });
        }
        for (stage, owner) in [(&twins.old, &owners[0]), (&twins.stored, &owners[1])] {
            object["metadata"]["ownerReferences"] = json!([{
                "apiVersion": Group::Stored.version(), "kind": "CoderTemplate", "name": "acme.docker",
                "uid": owner["metadata"]["uid"],
            }]);
            stage.make(WORKSPACES, &object).await;
        }
    }
    let mut bare = template(Group::Stored, "acme.bare");
    bare["spec"] = json!({ "displayName": "coder.com/v1alpha1" });
    bare["metadata"]["labels"] = json!({ "bare": "yes" });
    twins.make(TEMPLATES, &bare).await;
    twins
}

pub fn get(rest: &str) -> Shape {
    Shape::new("GET", WORKSPACES, rest)
}

/// Reads of every kind.
fn reads() -> Vec<Shape> {
    let mut shapes = Vec::new();
    let accepts = [
        "",
        "*/*",
        "application/json",
        "application/yaml",
        "application/*",
        TABLE,
        PARTIAL,
        PARTIAL_LIST,
        KUBECTL,
        COLLECTOR,
        "application/json;pretty=1",
        "text/html",
        "application/cbor,application/json",
        "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
        "application/yaml;as=Table;v=v1;g=meta.k8s.io",
        "application/json;as=Nothing;v=v1;g=meta.k8s.io",
        "application/json;q=0.1,application/yaml;q=0.9",
        "application/yaml;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
        "nonsense",
        "text/html,*/*;q=0.1",
    ];
    for accept in accepts {
        for rest in [
            "",
            "/acme.alice.two",
            "/acme.alice.none",
            "?limit=2",
            "/acme.alice.one?pretty=1",
        ] {
            shapes.push(get(rest).accept(accept));
        }
        let bare = Shape::new("GET", TEMPLATES, "?labelSelector=bare%3Dyes");
        shapes.push(bare.accept(accept));
        shapes.push(Shape::new("GET", TEMPLATES, "/acme.docker").accept(accept));
    }
    for object in ["None", "Metadata", "Object", "Everything"] {
        for rest in ["", "/acme.alice.two"] {
            shapes.push(get(&format!("{rest}?includeObject={object}")).accept(TABLE));
        }
    }
    for query in [
        "?labelSelector=number%3D1",
        "?labelSelector=number%20in%20(0,2)",
        "?labelSelector=%21number",
        "?labelSelector=a%3D%3D%3Db",
        "?fieldSelector=metadata.name%3Dacme.alice.two",
        "?fieldSelector=spec.running%3Dtrue",
        "?fieldSelector=metadata.namespace%3D{namespace}",
        "?fieldSelector=nonsense",
        "?limit=-1",
        "?limit=many",
        "?continue=nonsense",
        "?resourceVersion=0",
        "?resourceVersion=nonsense",
        "?resourceVersionMatch=Exact",
        "?resourceVersion=0&resourceVersionMatch=Exact",
        "?resourceVersion=1&resourceVersionMatch=Sideways",
        "?sendInitialEvents=true",
        "?timeoutSeconds=soon",
        "?pretty=true",
        "?export=true",
        "?watch=0",
        "?nonsense=1&nonsense=2",
        "?resourceVersion=0&resourceVersionMatch=NotOlderThan&limit=2",
        "?limit=2&limit=1",
    ] {
        shapes.push(get(query));
        shapes.push(get(query).accept(COLLECTOR));
    }
    for query in [
        "resourceVersion=0",
        "fieldSelector=metadata.namespace%3D{namespace}",
    ] {
        let watch = get(&format!("?watch=1&timeoutSeconds=1&{query}"));
        shapes.extend([
            watch.clone(),
            watch.clone().accept(TABLE),
            watch.accept(COLLECTOR),
        ]);
    }
    for query in [
        "resourceVersion=1",
        "resourceVersion=nonsense",
        "sendInitialEvents=true",
        "fieldSelector=spec.running%3Dtrue",
        "labelSelector=%3D",
        "resourceVersionMatch=NotOlderThan",
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
    ] {
        shapes.push(get(&format!("?watch=true&timeoutSeconds=1&{query}")));
    }
    shapes.push(get("?watch=1&timeoutSeconds=1").accept("application/yaml"));
    for agent in ["curl/8.0", "Wget/1", "Mozilla/5.0 (X11)", "kubectl/v1.36.3"] {
        shapes.push(get("").header("user-agent", agent));
        shapes.push(get("/acme.alice.none").header("user-agent", agent));
    }
    shapes.push(get("?fieldSelector=metadata.namespace%3D{namespace}").everywhere());
    for name in [
        "/UPPER",
        "/a%20b",
        "/-",
        "/coder.com",
        "/%C3%A9",
        "/acme.alice.one/status",
        "/acme.alice.two?resourceVersion=0",
    ] {
        shapes.push(get(name));
    }
    shapes.push(Shape::new("HEAD", WORKSPACES, "/acme.alice.one"));
    shapes.push(Shape::new("HEAD", WORKSPACES, "/acme.alice.none"));
    shapes
}

#[tokio::test(flavor = "multi_thread")]
async fn every_read_is_answered_alike() {
    let twins = twins("reads").await;
    agree(&twins, &reads()).await;
}

/// All of them, or the list of those that differ.
pub async fn agree(twins: &Twins, shapes: &[Shape]) {
    let mut problems = Vec::new();
    for shape in shapes {
        if let Err(problem) = twins.compare(shape).await {
            problems.push(problem);
        }
    }
    let (count, all) = (problems.len(), shapes.len());
    problems.truncate(20);
    assert!(
        count == 0,
        "{count} of {all} differ:\n{}",
        problems.join("\n\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn protobuf_is_never_answered_by_the_old_group() {
    let twins = twins("protobuf").await;
    for rest in ["", "/acme.alice.one", "/acme.alice.none"] {
        let reply = twins.old.admin.send(
            Ask::get(
                twins
                    .old
                    .path(Group::Old, WORKSPACES, rest.trim_start_matches('/')),
            )
            .accept(PROTOBUF),
        );
        let reply = reply.await;
        assert!(
            matches!(reply.status, 404 | 406),
            "{} {}",
            reply.status,
            reply.text()
        );
    }
}
