//! Every way of coderd (and of what is in front of it) to say no.

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::coderd::{Error, Limits, NewBuild, Transition};

/// The verdicts that hold, as letters in the order of this table.
fn verdicts(error: &Error) -> String {
    [
        ('n', error.is_not_found()),
        ('r', error.is_route_unknown()),
        ('g', error.is_gone()),
        ('a', error.is_unauthorized()),
        ('f', error.is_forbidden()),
        ('c', error.is_conflict()),
        ('v', error.is_validation()),
        ('i', error.is_importing()),
        ('l', error.is_rate_limited()),
        ('u', error.is_unavailable()),
        ('?', error.may_have_arrived()),
    ]
    .into_iter()
    .filter_map(|(letter, holds)| holds.then_some(letter))
    .collect()
}

const HTML: &str = "<html>\n<h1>Bad\tGateway</h1>\n</html>";

#[tokio::test(start_paused = true)]
async fn each_answer_to_a_write_has_its_verdicts() {
    let race =
        r#"pq: duplicate key value violates unique constraint "workspaces_owner_id_lower_idx""#;
    let number = r#"pq: duplicate key value violates unique constraint "workspace_builds_workspace_id_build_number_key""#;
    let rbac = "workspace.update: unauthorized: rbac: forbidden";
    let long = "pq: value too long for type character varying(128)";
    let down = "Internal error fetching API key by id. fetch object: dial tcp: connection refused";
    for (step, wanted) in [
        (message(400, "Template \"x\" doesn't exist.", ""), "v"),
        (reply(400, "CSRF token invalid"), ""),
        (
            message(401, "You are signed out", "API key is invalid."),
            "a",
        ),
        (message(403, "Forbidden.", ""), "f"),
        (
            message(
                404,
                "Resource not found or you do not have access to this resource",
                "",
            ),
            "n",
        ),
        (message(404, "Route not found.", ""), "r"),
        (reply(404, HTML), ""),
        (reply(404, ""), ""),
        (reply(404, r#"{"error":"no such service"}"#), ""),
        (reply(405, ""), "r"),
        (
            message(
                405,
                "Workspace \"a2\" is deleted and cannot be updated.",
                "",
            ),
            "",
        ),
        (
            message(406, "The provided template version is running.", ""),
            "i",
        ),
        (reply(408, ""), "u"),
        (message(409, "Workspace \"W1\" already exists.", ""), "c"),
        (message(409, "insert workspace build", number), "c"),
        (message(410, "Workspace \"x\" was deleted", ""), "g"),
        (reply(410, HTML), ""),
        (message(412, "Job is not in the expected state.", ""), ""),
        (
            message(413, "Expanded .zip archive exceeds maximum size.", ""),
            "v",
        ),
        (reply(413, HTML), ""),
        (message(422, "Invalid.", ""), "v"),
        (message(425, "Job hasn't completed!", ""), "i"),
        (reply(428, "bypass not allowed"), ""),
        (message(429, "You've been rate limited", ""), "l"),
        (message(500, "Error creating workspace.", race), "c"),
        (
            message(500, "An internal server error occurred.", rbac),
            "f",
        ),
        (message(500, "Internal error updating template.", long), "v"),
        (message(500, "An internal error occurred.", down), "u?"),
        (reply(500, "rbac: forbidden"), "u?"),
        (reply(502, HTML), "u?"),
        (message(503, "unavailable", ""), "u?"),
        (reply(504, ""), "u?"),
        (reply(302, ""), ""),
        (reply(304, ""), ""),
        (reply(200, HTML), "u?"),
        (reply(201, ""), "u?"),
        (reply(201, r#"{"id":"#), "u?"),
        (refused(), "u"),
        (reset(), "u?"),
        (truncated(201), "u?"),
    ] {
        let fake = Fake::new([step]);
        let build = NewBuild {
            transition: Transition::Start,
            template_version_id: None,
            rich_parameter_values: Vec::new(),
        };
        let error = fake
            .client()
            .create_build(Uuid::nil(), &build)
            .await
            .unwrap_err();
        assert_eq!(verdicts(&error), wanted, "{error}");
        assert_eq!(fake.count(), 1, "a write is sent once: {error}");
        assert_eq!(error.call().method, "POST");
        assert_eq!(error.call().route, "/workspaces/{id}/builds");
        assert_eq!(
            error.call().path,
            format!("/workspaces/{}/builds", Uuid::nil())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn all_words_of_coderd_are_kept() {
    let body = r#"{"message":"Unable to validate parameters","detail":"two","new":1,
        "validations":[{"field":"req","detail":"Required"},{"field":"n","detail":"too large"}]}"#;
    let fake = Fake::new([reply(400, body)]);
    let error = fake.client().organization("coder").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "GET /organizations/coder was refused: 400 Bad Request: Unable to validate parameters: \
         two: req: Required; n: too large"
    );
    let refusal = error.refusal().unwrap();
    assert!(refusal.by_coderd);
    assert_eq!(refusal.validations[1].field, "n");
    assert_eq!(refusal.at, Some("2026-11-21T12:24:07Z".parse().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn endless_words_of_coderd_are_cut_and_counted() {
    let long = "x".repeat(5000);
    let rows: Vec<_> = (0..20)
        .map(|row| json!({ "field": format!("{row}{long}"), "detail": long }))
        .collect();
    let body = json!({ "message": long, "detail": "two\nlines", "validations": rows });
    let fake = Fake::new([reply(400, &body.to_string())]);
    let error = fake.client().organization("coder").await.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!(refusal.message.len(), 1024);
    assert_eq!(refusal.detail.as_deref(), Some("two lines"));
    assert_eq!(refusal.validations.len(), 16);
    let said = refusal.to_string();
    assert!(said.ends_with("…; and 4 more"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn what_stands_in_detail_alone_or_in_validations_alone_is_quoted() {
    // As coderd refuses a start with a value that is no option any more: in the classic flow, and with
    // dynamic parameters.
    let detail =
        r#"{"message":"Invalid build.","detail":"cpu: 4 is no option","validations":null}"#;
    let validations = r#"{"message":"Invalid build.",
        "validations":[{"field":"cpu","detail":"4 is no option"}]}"#;
    for body in [detail, validations] {
        let fake = Fake::new([reply(400, body)]);
        let error = fake.client().organization("coder").await.unwrap_err();
        let said = error.refusal().unwrap().to_string();
        assert_eq!(said, "400 Bad Request: Invalid build.: cpu: 4 is no option");
    }
}

#[tokio::test(start_paused = true)]
async fn a_foreign_body_is_kept_as_a_short_line() {
    let fake = Fake::new([reply(418, HTML), reply(418, &"ä".repeat(5000))]);
    let client = fake.client();
    let error = client.organization("coder").await.unwrap_err();
    assert_eq!(
        error.refusal().unwrap().message,
        "<html> <h1>Bad Gateway</h1> </html>"
    );
    let error = client.organization("coder").await.unwrap_err();
    assert_eq!(
        error.refusal().unwrap().message,
        format!("{}…", "ä".repeat(126))
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_a_slot_was_not_sent() {
    let fake = Fake::new([Step::Hang, Step::Hang]);
    let client = fake.connect(builder().limits(Limits {
        in_flight: 1,
        ..Limits::default()
    }));
    // The first has the longer deadline of transfers, so the second waits in vain.
    let (first, second) = tokio::join!(
        client.upload_tar(Bytes::new()),
        client.delete_template(Uuid::nil()),
    );
    let (first, second) = (first.unwrap_err(), second.unwrap_err());
    assert_eq!(verdicts(&first), "u?", "{first}");
    assert_eq!(verdicts(&second), "u", "{second}");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_cannot_be_in_a_path_is_refused_before_it_is_sent() {
    let fake = Fake::new([]);
    let error = fake
        .client()
        .workspace_by_name("alice", "..")
        .await
        .unwrap_err();
    assert_eq!(verdicts(&error), "v", "{error}");
    assert_eq!(fake.count(), 0);
}
