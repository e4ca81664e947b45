//! The canary: no text that leaves the client holds the token, even if the server repeats it.

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

#[test]
fn values_of_variables_are_not_printed() {
    let variable = crate::coderd::Variable {
        name: "key".to_owned(),
        value: "canary".to_owned(),
    };
    assert_eq!(format!("{variable:?}"), r#"Variable { name: "key", .. }"#);
}
