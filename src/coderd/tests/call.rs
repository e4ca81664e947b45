//! What each call sends. That coderd takes it, and how it answers, is shown by `tests/coderd`.

use std::{collections::BTreeMap, future::Future, pin::Pin};

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::coderd::{
    AutomaticUpdates, Error, LogLine, NewBuild, NewVersion, NewWorkspace, Parameter, Secrets,
    Transition, Variable,
    types::{NewTemplate, TemplatePatch},
};

const ID: Uuid = Uuid::from_u128(0xA);
const OTHER: Uuid = Uuid::from_u128(0xB);

type Outcome<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

/// Makes a call whose reply cannot be read, and gives method, path with query, and body.
async fn sent(call: impl for<'a> FnOnce(&'a Client) -> Outcome<'a>) -> (String, Value) {
    let fake = Fake::new([message(418, "", "")]);
    let client = fake.client();
    call(&client).await.unwrap_err();
    let request = fake.seen().remove(0);
    let (_, path) = request
        .uri()
        .path_and_query()
        .unwrap()
        .as_str()
        .split_once("/v2")
        .unwrap();
    assert!(
        request
            .uri()
            .to_string()
            .starts_with("http://coder.test/prefix/api/v2/")
    );
    assert!(
        request.headers()["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("coder-k8s/")
    );
    let body = if request.body().is_empty() {
        assert!(!request.headers().contains_key("content-type"));
        Value::Null
    } else {
        assert_eq!(request.headers()["content-type"], "application/json");
        serde_json::from_slice(request.body()).unwrap()
    };
    (format!("{} {path}", request.method()), body)
}

macro_rules! assert_sent {
    (|$client:ident| $call:expr, $line:expr, $body:expr) => {{
        let (line, body) = sent(|$client| Box::pin(async move { $call.await.map(|_| ()) })).await;
        assert_eq!(line, $line.replace("ID", &ID.to_string()));
        assert_eq!(body, $body);
    }};
}

#[tokio::test(start_paused = true)]
async fn reads_go_to_their_routes() {
    let none = Value::Null;
    assert_sent!(|it| it.build_info(), "GET /buildinfo", none);
    assert_sent!(|it| it.user("me"), "GET /users/me", none);
    assert_sent!(
        |it| it.organization("a b"),
        "GET /organizations/a%20b",
        none
    );
    assert_sent!(|it| it.workspaces(), "GET /workspaces", none);
    assert_sent!(|it| it.workspace(ID), "GET /workspaces/ID", none);
    assert_sent!(
        |it| it.workspace_by_name("al", "w"),
        "GET /users/al/workspace/w",
        none
    );
    assert_sent!(|it| it.build(ID), "GET /workspacebuilds/ID", none);
    assert_sent!(
        |it| it.build_by_number("al", "w", 3),
        "GET /users/al/workspace/w/builds/3",
        none
    );
    assert_sent!(
        |it| it.builds(ID, 5),
        "GET /workspaces/ID/builds?limit=5",
        none
    );
    assert_sent!(
        |it| it.build_parameters(ID),
        "GET /workspacebuilds/ID/parameters",
        none
    );
    assert_sent!(
        |it| it.build_log(ID, 1),
        "GET /workspacebuilds/ID/logs",
        none
    );
    assert_sent!(|it| it.templates(), "GET /templates", none);
    assert_sent!(
        |it| it.deprecated_templates(),
        "GET /templates?q=deprecated%3Atrue",
        none
    );
    assert_sent!(
        |it| it.deleted_template(ID),
        "GET /templates?q=deleted%3Atrue+ids%3AID",
        none
    );
    assert_sent!(|it| it.template(ID), "GET /templates/ID", none);
    assert_sent!(
        |it| it.template_by_name("o", "t"),
        "GET /organizations/o/templates/t",
        none
    );
    assert_sent!(|it| it.version(ID), "GET /templateversions/ID", none);
    assert_sent!(
        |it| it.version_by_name(ID, "v.1"),
        "GET /templates/ID/versions/v.1",
        none
    );
    assert_sent!(
        |it| it.version_parameters(ID),
        "GET /templateversions/ID/rich-parameters",
        none
    );
    assert_sent!(
        |it| it.version_log(ID, 1),
        "GET /templateversions/ID/logs",
        none
    );
    assert_sent!(
        |it| it.provisioner_jobs(ID, 9),
        "GET /organizations/ID/provisionerjobs?limit=9",
        none
    );
    assert_sent!(|it| it.file(ID, 9), "GET /files/ID", none);
}

#[tokio::test(start_paused = true)]
async fn workspace_writes_name_only_what_they_set() {
    let least = NewWorkspace {
        name: "w".to_owned(),
        template_id: Some(OTHER),
        ..NewWorkspace::default()
    };
    assert_sent!(
        |it| it.create_workspace("al", &least),
        "POST /users/al/workspaces",
        json!({ "name": "w", "template_id": OTHER })
    );
    let values = vec![Parameter {
        name: "p".to_owned(),
        value: "1".to_owned(),
    }];
    let most = NewWorkspace {
        name: "w".to_owned(),
        template_id: None,
        template_version_id: Some(OTHER),
        autostart_schedule: Some("0 8 * * 1-5".to_owned()),
        ttl_ms: Some(60_000),
        rich_parameter_values: values.clone(),
        automatic_updates: Some(AutomaticUpdates::Always),
    };
    assert_sent!(
        |it| it.create_workspace("al", &most),
        "POST /users/al/workspaces",
        json!({
            "name": "w", "template_version_id": OTHER, "autostart_schedule": "0 8 * * 1-5",
            "ttl_ms": 60000, "rich_parameter_values": [{ "name": "p", "value": "1" }],
            "automatic_updates": "always",
        })
    );
    let put = "PUT /workspaces/ID";
    let ttl = format!("{put}/ttl");
    assert_sent!(
        |it| it.set_workspace_ttl(ID, Some(60_000)),
        ttl,
        json!({ "ttl_ms": 60000 })
    );
    assert_sent!(
        |it| it.set_workspace_ttl(ID, None),
        ttl,
        json!({ "ttl_ms": null })
    );
    let autostart = format!("{put}/autostart");
    assert_sent!(
        |it| it.set_workspace_autostart(ID, Some("* * * * 1")),
        autostart,
        json!({ "schedule": "* * * * 1" })
    );
    assert_sent!(
        |it| it.set_workspace_autostart(ID, None),
        autostart,
        json!({ "schedule": null })
    );
    assert_sent!(
        |it| it.set_workspace_automatic_updates(ID, &AutomaticUpdates::Never),
        format!("{put}/autoupdates"),
        json!({ "automatic_updates": "never" })
    );
    let plain = NewBuild {
        transition: Transition::Stop,
        template_version_id: None,
        rich_parameter_values: Vec::new(),
    };
    assert_sent!(
        |it| it.create_build(ID, &plain),
        "POST /workspaces/ID/builds",
        json!({ "transition": "stop" })
    );
    let full = NewBuild {
        transition: Transition::Start,
        template_version_id: Some(OTHER),
        rich_parameter_values: values,
    };
    assert_sent!(
        |it| it.create_build(ID, &full),
        "POST /workspaces/ID/builds",
        json!({
            "transition": "start", "template_version_id": OTHER,
            "rich_parameter_values": [{ "name": "p", "value": "1" }],
        })
    );
}

#[tokio::test(start_paused = true)]
async fn template_writes_name_only_what_they_set() {
    let template = NewTemplate {
        name: "t".to_owned(),
        template_version_id: OTHER,
        description: "d".to_owned(),
        ..NewTemplate::default()
    };
    assert_sent!(
        |it| it.create_template(ID, &template),
        "POST /organizations/ID/templates",
        json!({
            "name": "t", "template_version_id": OTHER, "display_name": "", "description": "d",
            "icon": "",
        })
    );
    let patch = TemplatePatch {
        icon: Some(String::new()),
        ..TemplatePatch::default()
    };
    assert_sent!(
        |it| it.patch_template(ID, &patch),
        "PATCH /templates/ID",
        json!({ "icon": "" })
    );
    assert_sent!(
        |it| it.delete_template(ID),
        "DELETE /templates/ID",
        Value::Null
    );
    assert_sent!(
        |it| it.promote_version(ID, OTHER),
        "PATCH /templates/ID/versions",
        json!({ "id": OTHER })
    );
    assert_sent!(
        |it| it.unarchive_version(ID),
        "POST /templateversions/ID/unarchive",
        Value::Null
    );
    let version = NewVersion {
        name: "v".to_owned(),
        message: None,
        template_id: None,
        file_id: OTHER,
        tags: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        variables: vec![Variable {
            name: "x".to_owned(),
            value: "y".to_owned(),
        }],
    };
    assert_sent!(
        |it| it.create_version(ID, &version),
        "POST /organizations/ID/templateversions",
        json!({
            "name": "v", "storage_method": "file", "file_id": OTHER, "provisioner": "terraform",
            "tags": { "a": "b" }, "user_variable_values": [{ "name": "x", "value": "y" }],
        })
    );
}

#[tokio::test(start_paused = true)]
async fn an_archive_is_sent_with_its_bare_type() {
    let fake = Fake::new([reply(201, &json!({ "hash": ID }).to_string())]);
    let id = fake
        .client()
        .upload_tar(Bytes::from("bytes"))
        .await
        .unwrap();
    assert_eq!(id, ID);
    let request = fake.seen().remove(0);
    assert_eq!(request.headers()["content-type"], "application/x-tar");
    assert_eq!(request.body(), "bytes");
}

#[tokio::test(start_paused = true)]
async fn a_lookup_tells_the_time_of_coderd_found_or_not() {
    let fake = Fake::new([
        message(404, "Resource not found", ""),
        message(404, "Route not found.", ""),
    ]);
    let client = fake.client();
    let lookup = client.workspace_by_name("al", "w").await.unwrap();
    assert_eq!(lookup.found, None);
    assert_eq!(lookup.at, Some("2026-11-21T12:24:07Z".parse().unwrap()));
    assert!(
        client
            .workspace_by_name("al", "w")
            .await
            .unwrap_err()
            .is_route_unknown()
    );
}

#[tokio::test(start_paused = true)]
async fn null_lists_and_log_tails_are_read() {
    let fake = Fake::new((0..3).map(|_| reply(200, "null")));
    let client = fake.client();
    assert!(client.templates().await.unwrap().is_empty());
    assert!(client.builds(ID, 1).await.unwrap().is_empty());
    assert!(client.build_log(ID, 1).await.unwrap().is_empty());

    let line = |output: &str| json!({ "created_at": "2026-11-21T12:24:07Z", "log_level": "loud", "output": output });
    let log = json!([line("a"), line("b"), line("c")]).to_string();
    for (lines, wanted) in [(0, ""), (2, "bc"), (9, "abc")] {
        let fake = Fake::new([reply(200, &log)]);
        let tail = fake.client().version_log(ID, lines).await.unwrap();
        let text = |line: LogLine| line.output.line(&Secrets::default(), 9);
        let text: String = tail.into_iter().map(text).collect();
        assert_eq!(text, wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_row_that_says_so_proves_a_deletion() {
    let row = |id: Uuid, deleted: bool| {
        json!([{
            "id": id, "name": "t", "created_at": "2026-11-21T12:24:07Z",
            "updated_at": "2026-11-21T12:24:07Z", "organization_id": OTHER,
            "active_version_id": OTHER, "created_by_id": OTHER, "deleted": deleted,
        }])
        .to_string()
    };
    for (body, wanted) in [
        (row(ID, true), true),
        // A coderd before 2.32 does not know the field, and might ignore the query.
        (row(ID, false), false),
        (row(OTHER, true), false),
        ("[]".to_owned(), false),
    ] {
        let fake = Fake::new([reply(200, &body)]);
        let found = fake.client().deleted_template(ID).await.unwrap();
        assert_eq!(found.is_some(), wanted, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn coderds_clock_goes_on_from_its_last_reply() {
    let fake = Fake::new([message(404, "no", ""), reply(200, ORGANIZATION)]);
    let client = fake.client();
    assert_eq!(client.server_time(), None);
    for _ in 0..2 {
        let _answer = client.organization("coder").await;
        tokio::time::advance(Duration::from_secs(90)).await;
        let expected = "2026-11-21T12:25:37Z".parse().unwrap();
        assert_eq!(client.server_time(), Some(expected));
    }
}
