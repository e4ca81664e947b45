//! get and list: everything that kube-apiserver can be asked for, in both groups.

use std::io::Read;

use serde_json::{Map, Value, json};

use super::{
    caller::Ask,
    oracle,
    stage::{Group, Stage, TEMPLATES, WORKSPACES, template, workspace},
};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// Three workspaces and a template.
pub(super) async fn furnished(test: &str) -> Stage {
    let stage = Stage::new(test).await;
    for (name, team) in [
        ("acme.alice.one", "a"),
        ("acme.alice.two", "b"),
        ("acme.bob.one", "a"),
    ] {
        let mut object = workspace(Group::Stored, name);
        object["metadata"]["labels"] = json!({ "team": team, "coder.com/team": team });
        stage.make(WORKSPACES, &object).await;
    }
    stage
        .make(TEMPLATES, &template(Group::Stored, "acme.docker"))
        .await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_28_29_40_get_is_alike_for_what_is_there_and_what_is_not() {
    let stage = furnished("get").await;
    for method in ["GET", "HEAD"] {
        let ask = |path| Ask::new(method, path);
        for (plural, rest) in [
            (WORKSPACES, "acme.alice.one"),
            (WORKSPACES, "acme.alice.one/status"),
            (TEMPLATES, "acme.docker"),
            (WORKSPACES, "acme.alice.one?resourceVersion=0"),
            (WORKSPACES, "acme.alice.one?pretty=true"),
            (WORKSPACES, "acme.alice.one?export=true"),
            (WORKSPACES, "missing"),
            (WORKSPACES, "missing/status"),
            (TEMPLATES, "missing"),
            ("others", "missing"),
        ] {
            let reply = stage.alike(plural, rest, ask).await;
            assert_eq!(reply.body.is_empty(), method == "HEAD", "{rest}");
        }
    }
    let object = stage
        .admin
        .get(stage.path(Group::Old, WORKSPACES, "acme.alice.one"))
        .await;
    let object = object.expect(200).json();
    assert_eq!(object["apiVersion"], "aggregation.coder.com/v1alpha1");
    assert_eq!(
        object["metadata"]["managedFields"][0]["apiVersion"],
        "aggregation.coder.com/v1alpha1"
    );
    assert_eq!(object["metadata"]["labels"]["coder.com/team"], "a");

    // kube-apiserver would say here that the object, which is there, is not found.
    let nothing = stage.path(Group::Old, WORKSPACES, "acme.alice.one/nothing");
    assert_eq!(
        stage.admin.get(nothing).await.expect(404).text(),
        "404 page not found\n"
    );

    let missing = stage
        .admin
        .get(stage.path(Group::Old, WORKSPACES, "x"))
        .await
        .expect(404)
        .json();
    assert_eq!(missing["reason"], "NotFound");
    assert_eq!(
        missing["message"],
        "coderworkspaces.aggregation.coder.com \"x\" not found"
    );
    let details =
        json!({ "name": "x", "group": "aggregation.coder.com", "kind": "coderworkspaces" });
    assert_eq!(missing["details"], details);
}

fn names(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| item["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_30_34_lists_are_alike_whatever_selects() {
    let stage = furnished("list").await;
    for rest in [
        "",
        "?labelSelector=team%3Da",
        "?labelSelector=coder.com/team%3Da",
        "?labelSelector=team%20in%20(b,c)",
        "?labelSelector=team%3Dnone",
        "?labelSelector=%3D%3D",
        "?fieldSelector=metadata.name%3Dacme.bob.one",
        "?fieldSelector=metadata.name!%3Dacme.bob.one",
        "?fieldSelector=spec.templateName%3Ddocker",
        "?fieldSelector=%3D",
        "?pretty=1",
        "?timeoutSeconds=3",
        "?timeoutSeconds=x",
        "?watch=false",
        "?limit=x",
        "?unknown=1",
    ] {
        stage.alike(WORKSPACES, rest, Ask::get).await;
    }
    let list = |query| {
        let path = stage.path(Group::Old, WORKSPACES, query);
        async { stage.admin.get(path).await.expect(200).json() }
    };
    let all = list("").await;
    assert_eq!(all["apiVersion"], "aggregation.coder.com/v1alpha1");
    assert_eq!(all["kind"], "CoderWorkspaceList");
    assert_eq!(
        all["items"][0]["apiVersion"],
        "aggregation.coder.com/v1alpha1"
    );
    assert_eq!(
        names(&all),
        ["acme.alice.one", "acme.alice.two", "acme.bob.one"]
    );
    assert_eq!(
        list("?labelSelector=team%3Dnone").await["items"],
        json!([]),
        "not null"
    );

    // Everywhere; other tests are everywhere too.
    let everywhere = "/apis/aggregation.coder.com/v1alpha1/coderworkspaces?labelSelector=team%3Db";
    let everywhere = stage.admin.get(everywhere).await.expect(200).json();
    let ours = everywhere["items"].as_array().unwrap().iter();
    let ours: Vec<_> = ours
        .filter(|item| item["metadata"]["namespace"] == stage.namespace.as_str())
        .map(|item| item["metadata"]["name"].clone())
        .collect();
    assert_eq!(ours, ["acme.alice.two"]);

    // Lists of templates go without files, as they always did; the object has them.
    let path = stage.path(Group::Old, TEMPLATES, "");
    let templates = stage.admin.get(path).await.expect(200).json();
    assert_eq!(names(&templates), ["acme.docker"]);
    assert_eq!(templates["items"][0]["spec"]["files"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_31_pages_follow_one_another_until_the_end() {
    let stage = Stage::new("pages").await;
    let made: Vec<_> = (0..7)
        .map(|number| format!("acme.alice.w{number}"))
        .collect();
    let made: Vec<_> = made.iter().map(String::as_str).collect();
    stage.make_workspaces(&made).await;
    // The same version for both groups, so that the tokens have to be the same too.
    let at = stage
        .admin
        .get(stage.path(Group::Stored, WORKSPACES, ""))
        .await
        .json();
    let at = at["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut query = format!("?limit=3&resourceVersion={at}&resourceVersionMatch=Exact");
    let mut seen = Vec::new();
    loop {
        let [old, stored] = stage
            .both(WORKSPACES, &query, |_, path| Ask::get(path))
            .await;
        let (old, stored) = (old.expect(200).json(), stored.expect(200).json());
        assert_eq!(old["metadata"], stored["metadata"], "{query}");
        assert_eq!(names(&old), names(&stored));
        seen.extend(names(&old));
        match old["metadata"]["continue"].as_str() {
            Some(token) if !token.is_empty() => query = format!("?limit=3&continue={token}"),
            Some(_) | None => break,
        }
    }
    assert_eq!(seen, made);
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_35_36_tables_and_metadata_are_alike() {
    let stage = furnished("tables").await;
    let protobuf_first = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;\
         g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,\
         application/json";
    for (rest, accept) in [
        ("", TABLE),
        ("?includeObject=None", TABLE),
        ("?includeObject=Metadata", TABLE),
        ("?includeObject=Object", TABLE),
        ("?includeObject=Other", TABLE),
        ("acme.alice.one", TABLE),
        ("acme.alice.one?includeObject=Object", TABLE),
        ("missing", TABLE),
        (
            "",
            "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
        ),
        (
            "",
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        ),
        (
            "acme.alice.one",
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        ),
        (
            "acme.alice.one",
            "application/yaml;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        ),
        ("", "application/json;as=Nothing;g=meta.k8s.io;v=v1"),
    ] {
        let reply = stage
            .alike(WORKSPACES, rest, |path| Ask::get(path).accept(accept))
            .await;
        if accept == TABLE && rest.ends_with("=Object") && reply.status == 200 {
            let object = &reply.json()["rows"][0]["object"];
            assert_eq!(object["apiVersion"], "aggregation.coder.com/v1alpha1");
        }
    }
    // The garbage collector asks so; it gets JSON, for protobuf cannot be renamed.
    let ask = Ask::get(stage.path(Group::Old, WORKSPACES, "")).accept(protobuf_first);
    let reply = stage.admin.send(ask).await.expect(200);
    assert!(reply.header("content-type").starts_with("application/json"));
    let list = reply.json();
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(
        list["items"][0]["metadata"]["managedFields"][0]["apiVersion"],
        "aggregation.coder.com/v1alpha1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_for_yaml_comes_as_json() {
    let stage = Stage::new("long").await;
    let many = (0..40).map(|number| {
        let mut object = workspace(Group::Stored, &format!("acme.alice.w{number}"));
        object["metadata"]["annotations"] = json!({ "long": "x".repeat(250 * 1024) });
        object
    });
    let made = many.map(|object| {
        let stage = &stage;
        async move { stage.make(WORKSPACES, &object).await }
    });
    futures::future::join_all(made).await;
    for (rest, media) in [
        ("acme.alice.w0", "application/yaml"),
        ("?limit=20", "application/yaml"),
        ("", "application/json"),
    ] {
        let path = stage.path(Group::Old, WORKSPACES, rest);
        let reply = stage.admin.send(Ask::get(path).accept("application/yaml"));
        let reply = reply.await.expect(200);
        assert_eq!(reply.header("content-type"), media, "{rest}");
        let said: Value = serde_json::from_str(&oracle::said(&reply)).unwrap();
        let expected = stage.admin.get(stage.path(Group::Old, WORKSPACES, rest));
        let mut expected = expected.await.expect(200).json();
        if rest.is_empty() || rest.starts_with('?') {
            // Each page has a key of its own, and each list is of its moment.
            expected["metadata"] = said["metadata"].clone();
        }
        assert!(said == expected, "{rest}");
    }
    // What was carried out is told, in whatever form.
    let all = Ask::new("DELETE", stage.path(Group::Old, WORKSPACES, "")).accept("application/yaml");
    let deleted = stage.admin.send(all).await.expect(200);
    assert_eq!(deleted.header("content-type"), "application/json");
    assert_eq!(deleted.json()["items"].as_array().unwrap().len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn kube_apiserver_reads_the_yaml_of_the_old_group_as_what_it_is() {
    let stage = Stage::new("yaml").await;
    let texts = [
        "yes",
        "No",
        "on",
        "y",
        "true",
        "~",
        "null",
        "",
        "0777",
        "0x1F",
        "1_000",
        "1e3",
        ".inf",
        "12:30",
        "2001-01-01",
        "=",
        "<<",
        "- a",
        "a: b",
        "a #b",
        "*a",
        "\\",
        "'",
        "\"",
        " a ",
        "\ta\n",
        "a\n\nb\n",
        "\u{85}a",
        "a \u{2028} b",
        "\u{feff}",
        "\u{7f}",
        "é😀",
    ];
    let files: Map<String, Value> = texts
        .iter()
        .enumerate()
        .map(|(number, text)| (format!("f{number}.tf"), json!(text)))
        .collect();
    let mut template = template(Group::Stored, "acme.docker");
    template["spec"]["files"] = json!(files);
    stage.make(TEMPLATES, &template).await;

    let path = stage.path(Group::Old, TEMPLATES, "acme.docker");
    let yaml = stage.admin.send(Ask::get(path).accept("application/yaml"));
    let yaml = yaml.await.expect(200).text();
    let path = stage.path(
        Group::Stored,
        TEMPLATES,
        "acme.docker?dryRun=All&fieldValidation=Strict",
    );
    let yaml = yaml.replace("aggregation.coder.com/v1alpha1", "coder.com/v1alpha1");
    let put = Ask::new("PUT", path).body("application/yaml", yaml);
    let read = stage.admin.send(put).await.expect(200).json();
    assert_eq!(read["spec"]["files"], json!(files));
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_37_38_media_types_are_alike_also_where_they_are_refused() {
    let stage = furnished("media").await;
    for rest in ["", "acme.alice.one", "missing"] {
        for accept in [
            "application/json",
            "application/yaml",
            "*/*",
            "application/*",
            "text/html",
            "application/yaml;q=0.5,application/json;q=0.1",
            "application/vnd.kubernetes.protobuf,application/json",
            "application/vnd.kubernetes.protobuf,application/yaml",
            "application/json;pretty=1",
            "application/json;stream=watch",
            "nonsense",
        ] {
            if rest == "missing" && accept.starts_with("application/vnd") {
                // A Status can be protobuf; here it is JSON (§4.3).
                continue;
            }
            stage
                .alike(WORKSPACES, rest, |path| Ask::get(path).accept(accept))
                .await;
        }
    }
    let path = stage.path(Group::Old, WORKSPACES, "acme.alice.one");
    let yaml = Ask::get(&path).accept("application/yaml");
    let yaml = stage.admin.send(yaml).await.expect(200);
    assert_eq!(yaml.header("content-type"), "application/yaml");
    assert!(
        yaml.text()
            .starts_with("apiVersion: aggregation.coder.com/v1alpha1\n")
    );

    // Also in protobuf: for errors there is one.
    let protobuf = |path| Ask::get(path).accept("application/vnd.kubernetes.protobuf");
    stage
        .alike(WORKSPACES, "acme.alice.one", protobuf)
        .await
        .expect(406);

    for agent in ["curl/8.0", "Wget/1", "Mozilla/5.0 (X11)", "kubectl/v1.36"] {
        let reply = stage
            .alike(WORKSPACES, "acme.alice.one", |path| {
                Ask::get(path).header("user-agent", agent)
            })
            .await;
        assert_eq!(
            reply.text().starts_with("{\n  "),
            !agent.starts_with("kubectl"),
            "{agent}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_39_a_long_list_is_compressed_for_those_who_ask() {
    let stage = Stage::new("gzip").await;
    for number in 0..3 {
        let mut object = workspace(Group::Stored, &format!("acme.alice.w{number}"));
        object["metadata"]["annotations"] = json!({ "note": "long ".repeat(20_000) });
        stage.make(WORKSPACES, &object).await;
    }
    let path = stage.path(Group::Old, WORKSPACES, "");
    let plain = stage.admin.get(&path).await.expect(200);
    assert!(plain.body.len() > 128 * 1024);
    assert_eq!(plain.header("content-encoding"), "");

    let ask = Ask::get(&path).header("accept-encoding", "gzip");
    let reply = stage.admin.send(ask.clone()).await.expect(200);
    assert_eq!(reply.header("content-encoding"), "gzip");
    let vary: Vec<_> = reply.headers.get_all("vary").iter().collect();
    assert!(format!("{vary:?}").contains("Accept-Encoding"), "{vary:?}");
    assert!(reply.body.len() < plain.body.len() / 10);
    let mut text = String::new();
    flate2::read::GzDecoder::new(&reply.body[..])
        .read_to_string(&mut text)
        .unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(list["items"], plain.json()["items"]);

    // The server itself does it, not kube-apiserver in front of it.
    let direct = stage.server.proxy_for("x", &["system:masters"]);
    let reply = direct.send(ask).await.expect(200);
    assert_eq!(reply.header("content-encoding"), "gzip");
}
