//! Which token is sent when.

use std::path::Path;

use super::*;
use crate::coderd::Error;

fn sent(fake: &Fake) -> Vec<Option<String>> {
    fake.seen()
        .iter()
        .map(|request| {
            let value = request.headers().get("coder-session-token")?;
            Some(value.to_str().unwrap().to_owned())
        })
        .collect()
}

fn with_file(fake: &Fake, path: &Path) -> Client {
    let base = BaseUrl::parse("http://coder.test").unwrap();
    fake.connect(Client::builder(base, TokenSource::File(path.to_owned())))
}

fn signed_out() -> Step {
    message(
        401,
        "You are signed out or your session has expired.",
        "API key is invalid.",
    )
}

#[tokio::test(start_paused = true)]
async fn the_token_goes_into_its_header_and_nowhere_else() {
    let fake = Fake::new([reply(200, ORGANIZATION)]);
    fake.client().organization("coder").await.unwrap();
    let seen = fake.seen();
    assert_eq!(sent(&fake), [Some("canary-token".to_owned())]);
    for name in ["authorization", "cookie"] {
        assert!(!seen[0].headers().contains_key(name));
    }
    assert!(!seen[0].uri().to_string().contains("canary"));
    assert!(!format!("{:?}", seen[0]).contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn build_info_is_asked_without_a_token_even_if_there_is_none() {
    let fake = Fake::new([reply(200, r#"{"version":"v2.36.0","deployment_id":"d"}"#)]);
    let folder = tempfile::tempdir().unwrap();
    let client = with_file(&fake, &folder.path().join("missing"));
    assert_eq!(client.build_info().await.unwrap().deployment_id, "d");
    assert_eq!(sent(&fake), [None]);
    let error = client.organization("coder").await.unwrap_err();
    assert!(matches!(error, Error::Token { .. }));
    assert!(!error.is_unavailable() && !error.is_unauthorized() && !error.may_have_arrived());
    assert_eq!(fake.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_read_is_repeated_once_if_the_token_changed_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "old").unwrap();
    let fake = Fake::new([signed_out(), signed_out(), signed_out()]);
    let client = with_file(&fake, &path);
    // The same token: no second try.
    assert!(
        client
            .organization("coder")
            .await
            .unwrap_err()
            .is_unauthorized()
    );
    assert_eq!(fake.count(), 1);
    // It changes while a request is under way.
    let (error, ()) = tokio::join!(client.organization("coder"), async {
        std::fs::write(&path, "new").unwrap();
    });
    assert!(error.unwrap_err().is_unauthorized());
    let words = |text: &str| Some(text.to_owned());
    assert_eq!(sent(&fake), [words("old"), words("old"), words("new")]);
}

#[tokio::test(start_paused = true)]
async fn a_write_is_not_repeated_but_the_next_one_has_the_new_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "old").unwrap();
    let fake = Fake::new([signed_out(), signed_out()]);
    let client = with_file(&fake, &path);
    let (error, ()) = tokio::join!(client.upload_tar(Bytes::new()), async {
        std::fs::write(&path, "new").unwrap();
    });
    assert!(error.unwrap_err().is_unauthorized());
    assert_eq!(fake.count(), 1);
    client.upload_tar(Bytes::new()).await.unwrap_err();
    assert_eq!(sent(&fake)[1], Some("new".to_owned()));
}
