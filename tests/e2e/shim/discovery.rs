//! What the aggregated API says of itself, and what kube-apiserver makes of it.

use serde_json::{Value, json};

use super::{
    caller::{Ask, Protocol},
    server,
    stage::{Group, Stage, WORKSPACES, old_kubectl, renamed, workspace},
};

const V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const V2_BETA: &str = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
pub(super) const DOCUMENT: &str = "/openapi/v3/apis/aggregation.coder.com/v1alpha1";

#[tokio::test(flavor = "multi_thread")]
async fn case_19_discovery_comes_in_the_form_that_is_asked_for() {
    let server = server::shared().await;
    let caller = server.proxy_for("system:kube-aggregator", &["system:masters"]);
    let both = format!("{V2},{V2_BETA}");
    let plain_too = format!("{both},application/json");
    for (accept, form, kind, version) in [
        (V2, V2, "APIGroupDiscoveryList", "apidiscovery.k8s.io/v2"),
        (
            both.as_str(),
            V2,
            "APIGroupDiscoveryList",
            "apidiscovery.k8s.io/v2",
        ),
        (
            plain_too.as_str(),
            V2,
            "APIGroupDiscoveryList",
            "apidiscovery.k8s.io/v2",
        ),
        ("application/json", "application/json", "APIGroupList", "v1"),
        ("*/*", "application/json", "APIGroupList", "v1"),
    ] {
        for path in ["/apis", "/apis/"] {
            let reply = caller.send(Ask::get(path).accept(accept)).await.expect(200);
            assert_eq!(reply.header("content-type"), form, "{accept}");
            let list = reply.json();
            assert_eq!(
                (&list["kind"], &list["apiVersion"]),
                (&json!(kind), &json!(version))
            );
            if kind == "APIGroupList" {
                assert_eq!(list["groups"][0]["name"], "aggregation.coder.com");
                continue;
            }
            let found = &list["items"][0]["versions"][0];
            assert_eq!(found["version"], "v1alpha1");
            assert_eq!(found["freshness"], "Current");
            assert_eq!(reply.header("vary"), "Accept");
            let tag = reply.header("etag").to_owned();
            assert!(
                tag.starts_with('"') && tag.len() == 130,
                "sha512 in quotes: {tag}"
            );
            let again = Ask::get(path).accept(accept).header("if-none-match", &tag);
            let again = caller.send(again).await.expect(304);
            assert!(again.body.is_empty());
            let other = Ask::get(path)
                .accept(accept)
                .header("if-none-match", "\"other\"");
            caller.send(other).await.expect(200);
        }
    }
    // The forms of older clients are refused, so that nobody takes one for another.
    for accept in [V2_BETA, "application/vnd.kubernetes.protobuf"] {
        let none = caller.send(Ask::get("/apis").accept(accept)).await;
        let status = none.expect(406).json();
        assert_eq!(status["reason"], "NotAcceptable", "{accept}");
        let message = status["message"].as_str().unwrap();
        assert!(message.contains(V2), "it says what there is: {message}");
    }

    // What is said of the resources is what kube-apiserver says of those that it serves itself.
    let resources = caller
        .get("/apis/aggregation.coder.com/v1alpha1")
        .await
        .expect(200)
        .json();
    let admin = server::administrator(server.bed);
    let stored = admin
        .get("/apis/coder.com/v1alpha1")
        .await
        .expect(200)
        .json();
    for resource in resources["resources"].as_array().unwrap() {
        let twin = stored["resources"].as_array().unwrap().iter();
        let twin = twin
            .clone()
            .find(|one| one["name"] == resource["name"])
            .unwrap();
        for field in ["singularName", "namespaced", "kind", "verbs"] {
            assert_eq!(resource[field], twin[field], "{} {field}", resource["name"]);
        }
        for field in ["shortNames", "categories", "storageVersionHash"] {
            assert_eq!(resource[field], Value::Null, "{field} would be there twice");
        }
    }
    assert_eq!(resources["resources"].as_array().unwrap().len(), 4);
    assert_eq!(resources["groupVersion"], "aggregation.coder.com/v1alpha1");
    let group = caller
        .get("/apis/aggregation.coder.com")
        .await
        .expect(200)
        .json();
    assert_eq!(
        group["preferredVersion"]["groupVersion"],
        "aggregation.coder.com/v1alpha1"
    );
}

/// What kube-apiserver says of a group version of ours: its resources, and how fresh they are.
pub(super) async fn merged(admin: &super::caller::Caller, group: &str) -> Option<Value> {
    let list = admin
        .send(Ask::get("/apis").accept(V2))
        .await
        .expect(200)
        .json();
    let items = list["items"].as_array().unwrap().clone();
    let found = items
        .into_iter()
        .find(|item| item["metadata"]["name"] == group)?;
    Some(found["versions"][0].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_20_21_22_kubectl_finds_both_groups_and_means_the_stored_one() {
    let stage = Stage::new("finds").await;
    stage.make_workspaces(&["acme.alice.dev"]).await;
    stage
        .server
        .eventually("the old group is listed as current", async || {
            let merged = merged(&stage.admin, "aggregation.coder.com").await;
            merged.is_some_and(|version| {
                version["freshness"] == "Current"
                    && version["resources"]
                        .as_array()
                        .is_some_and(|all| all.len() == 2)
            })
        })
        .await;
    let new = stage.bed.kubectl().to_path_buf();
    for kubectl in [Some(new), old_kubectl()].into_iter().flatten() {
        let run = async |arguments: &[&str]| {
            let (fine, text) = stage.try_kubectl(&kubectl, arguments, "").await;
            assert!(fine, "{kubectl:?} {arguments:?}: {text}");
            text
        };
        let resources = run(&[
            "api-resources",
            "--api-group=aggregation.coder.com",
            "--no-headers",
        ])
        .await;
        assert_eq!(resources.lines().count(), 2, "{resources}");
        let names: Vec<_> = resources
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert_eq!(names, ["codertemplates", "coderworkspaces"]);
        for (resource, version) in [
            (
                "coderworkspaces.aggregation.coder.com",
                "aggregation.coder.com/v1alpha1",
            ),
            (
                "coderworkspaces.v1alpha1.aggregation.coder.com",
                "aggregation.coder.com/v1alpha1",
            ),
            ("coderworkspaces.coder.com", "coder.com/v1alpha1"),
            // The bare names, and the short one, mean the stored group.
            ("coderworkspaces", "coder.com/v1alpha1"),
            ("coderworkspace", "coder.com/v1alpha1"),
            ("cws", "coder.com/v1alpha1"),
        ] {
            let found = run(&[
                "get",
                resource,
                "acme.alice.dev",
                "-o",
                "jsonpath={.apiVersion}",
            ])
            .await;
            assert_eq!(found, version, "{resource}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_23_openapi_has_one_document_at_an_address_that_tells_its_content() {
    let server = server::shared().await;
    let caller = server
        .proxy_for("system:aggregator", &[])
        .with_protocol(Protocol::Http1);
    let index = caller.get("/openapi/v3").await.expect(200).json();
    let paths = index["paths"].as_object().unwrap();
    assert_eq!(
        paths.keys().collect::<Vec<_>>(),
        ["apis/aggregation.coder.com/v1alpha1"]
    );
    let address = paths["apis/aggregation.coder.com/v1alpha1"]["serverRelativeURL"]
        .as_str()
        .unwrap();
    assert!(address.starts_with(&format!("{DOCUMENT}?hash=")));

    let kept = caller.get(address).await.expect(200);
    assert_eq!(kept.header("cache-control"), "public, immutable");
    assert!(kept.header("expires").ends_with(" GMT"));
    for other in [format!("{DOCUMENT}?hash=0123"), DOCUMENT.to_owned()] {
        let other = caller.get(other).await.expect(200);
        assert_eq!(other.header("cache-control"), "");
        assert_eq!(other.header("expires"), "");
        assert_eq!(other.body, kept.body);
        assert_eq!(other.header("etag"), kept.header("etag"));
    }
    let text = kept.text();
    assert!(!text.contains("/apis/coder.com/"), "paths of another group");
    assert!(
        !text.contains("com.coder.v1alpha1."),
        "schemas of another group"
    );
    assert!(
        !text.contains("\"group\":\"coder.com\""),
        "kinds of another group"
    );
    assert!(
        text.contains("\"fieldValidation\""),
        "or kubectl validates by itself"
    );
    assert!(
        !text.contains("strategic-merge-patch"),
        "or kubectl apply uses it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_24_25_kubectl_explains_and_validates_as_for_the_stored_group() {
    let stage = Stage::new("explain").await;
    stage
        .server
        .eventually("kube-apiserver has the document", async || {
            stage.admin.get(DOCUMENT).await.status == 200
        })
        .await;
    let new = stage.bed.kubectl().to_path_buf();
    for kubectl in [Some(new), old_kubectl()].into_iter().flatten() {
        let explain = async |group: Group, what: &str| {
            let version = format!("--api-version={}", group.version());
            let (fine, text) = stage
                .try_kubectl(&kubectl, &["explain", what, &version], "")
                .await;
            assert!(fine, "{text}");
            text
        };
        for what in [
            "coderworkspaces.spec",
            "codertemplates.spec",
            "coderworkspaces",
            "codertemplates.status.conditions",
        ] {
            let (old, stored) = (
                explain(Group::Old, what).await,
                explain(Group::Stored, what).await,
            );
            assert!(
                old.starts_with("GROUP:      aggregation.coder.com\n"),
                "{old}"
            );
            let expected = stored.replace(
                "GROUP:      coder.com\n",
                "GROUP:      aggregation.coder.com\n",
            );
            assert_eq!(old, expected, "{what}");
        }

        let validate = async |group: Group, mode: &str| {
            let mut object = workspace(group, "acme.alice.dev");
            object["spec"]["nonsense"] = json!(1);
            let mode = format!("--validate={mode}");
            let arguments = ["create", &mode, "--dry-run=server", "-f", "-"];
            stage
                .try_kubectl(&kubectl, &arguments, &object.to_string())
                .await
        };
        for mode in ["strict", "warn", "ignore"] {
            let (old, stored) = (
                validate(Group::Old, mode).await,
                validate(Group::Stored, mode).await,
            );
            assert_eq!(old.0, mode != "strict");
            assert_eq!(
                old.1.contains("unknown field \"spec.nonsense\""),
                mode != "ignore",
                "{}",
                old.1
            );
            let expected = renamed(&stored.1).replace(
                "coderworkspace.coder.com/",
                "coderworkspace.aggregation.coder.com/",
            );
            assert_eq!(old, (stored.0, expected));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_26_27_other_documents_stay_as_they_are() {
    let stage = Stage::new("documents").await;
    let direct = stage.server.proxy_for("system:aggregator", &[]);
    for _ in 0..2 {
        assert_eq!(direct.get("/openapi/v2").await.status, 404, "always");
    }
    let merged = Ask::get("/openapi/v2").accept("application/json");
    let merged = stage.admin.send(merged).await.expect(200).json();
    assert_eq!(merged["swagger"], "2.0");
    let paths = merged["paths"].as_object().unwrap();
    let path = "/apis/coder.com/v1alpha1/namespaces/{namespace}/coderworkspaces";
    assert!(paths.contains_key(path), "the stored group is there");

    stage
        .server
        .eventually("both groups are in the index", async || {
            let index = stage.admin.get("/openapi/v3").await.expect(200).json();
            let paths = index["paths"].as_object().unwrap();
            [
                "apis/coder.com/v1alpha1",
                "apis/aggregation.coder.com/v1alpha1",
            ]
            .iter()
            .all(|key| paths.contains_key(*key))
        })
        .await;
    let stored = stage
        .admin
        .get("/openapi/v3/apis/coder.com/v1alpha1")
        .await
        .expect(200)
        .text();
    assert!(stored.contains("com.coder.v1alpha1.CoderWorkspace"));
    assert!(!stored.contains("aggregation.coder.com"));
    // Through kube-apiserver it is the very document of the aggregated API.
    let theirs = stage.admin.get(DOCUMENT).await.expect(200).json();
    let ours = direct.get(DOCUMENT).await.expect(200).json();
    assert_eq!(theirs, ours);
    assert!(
        stage
            .path(Group::Old, WORKSPACES, "")
            .starts_with("/apis/aggregation.coder.com/v1alpha1")
    );
}
