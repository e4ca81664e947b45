//! The canary: no text that leaves the client holds the token, even if the server repeats it.

use http::StatusCode;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let texts = std::iter::successors(Some(error), |error| error.source());
    texts
        .map(|error| format!("{error} {error:?}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test(start_paused = true)]
async fn the_token_is_in_no_text() {
    let echo = r#"{"message":"bad canary-token","detail":"canary-token","validations":
        [{"field":"token","detail":"canary-token is short"}]}"#;
    for step in [
        reply(401, echo),
        reply(418, "the header was canary-token"),
        reply(200, "not JSON: canary-token"),
        // What is of another type than expected is quoted by serde.
        reply(200, "\"canary-token\""),
        // A server says whose certificate it has.
        Step::Fail(TransportError::Connect("for canary-token only".into())),
        Step::Fail(TransportError::Truncated {
            status: StatusCode::OK,
            source: "canary-token".into(),
        }),
        reset(),
    ] {
        let fake = Fake::new([step]);
        let error = fake.client().upload_tar(Bytes::new()).await.unwrap_err();
        let text = chain(&error);
        assert!(!text.contains("canary"), "{text}");
    }
    let fake = Fake::new([]);
    let text = format!("{:?} {:?}", builder(), fake.client());
    assert!(!text.contains("canary"), "{text}");
    assert!(text.contains("coder.test"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_earlier_token_is_taken_out_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "canary-old").unwrap();
    let base = BaseUrl::parse("http://coder.test").unwrap();
    let both = r#"{"message":"neither canary-old nor canary-new"}"#;
    let fake = Fake::new([reply(400, both), reply(400, both)]);
    let client = fake.connect(Client::builder(base, TokenSource::File(path.clone())));
    // It is replaced while a request is under way.
    let (error, ()) = tokio::join!(client.upload_tar(Bytes::new()), async {
        std::fs::write(&path, "canary-new").unwrap();
    });
    let text = chain(&error.unwrap_err());
    assert!(!text.contains("canary"), "{text}");
    // It is gone, and was known.
    std::fs::remove_file(&path).unwrap();
    let line = client.secrets().line("canary-new", 99);
    assert_eq!(line, "[redacted]");
}

/// A text that repeats the token anywhere, with everything that could hide it when it is cut.
fn any_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        (0_usize..1100).prop_map(|length| "x".repeat(length)),
        "\\PC{0,20}".prop_map(|text| text.replace("canary", "")),
        "[ \n\t\r\u{85}\u{2028}]{0,9}",
        Just("canary-token".to_owned()),
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

/// What a server may send in place of what was asked for.
fn any_step() -> impl Strategy<Value = Step> {
    let words = (
        any_text(),
        any_text(),
        prop::collection::vec((any_text(), any_text()), 0..40),
    );
    let refusal = words.prop_map(|(message, detail, rows)| {
        let rows = rows.into_iter();
        let row = |(field, detail)| json!({ "field": field, "detail": detail });
        let rows: Vec<_> = rows.map(row).collect();
        json!({ "message": message, "detail": detail, "validations": rows }).to_string()
    });
    let status = prop::sample::select(vec![200, 201, 400, 401, 404, 409, 418, 422, 500, 503]);
    let quoted = any_text().prop_map(|text| json!(text).to_string());
    let body = prop_oneof![any_text(), quoted, refusal];
    let answer = (status, body).prop_map(|(status, body)| reply(status, &body));
    let failure = any_text().prop_map(|text| Step::Fail(TransportError::Interrupted(text.into())));
    prop_oneof![4 => answer, 1 => failure]
}

proptest! {
    #[test]
    fn every_failure_is_one_line_without_the_token_and_not_long(step in any_step()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let fake = Fake::new([step]);
        let client = fake.client();
        let error = runtime.block_on(client.upload_tar(Bytes::new())).unwrap_err();
        let text = chain(&error);
        prop_assert!(!text.contains("canary"), "{text}");
        let lines = std::iter::successors(Some(&error as &dyn std::error::Error), |it| it.source());
        for line in lines.map(ToString::to_string) {
            prop_assert!(line.len() <= 12 * 1024, "{}", line.len());
            prop_assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
}

#[test]
fn values_of_variables_are_not_printed() {
    let variable = crate::coderd::Variable {
        name: "key".to_owned(),
        value: "canary".to_owned(),
    };
    assert_eq!(format!("{variable:?}"), r#"Variable { name: "key", .. }"#);
}
