//! Who answers, who asks, and what happens without a good token.

use coder_k8s::coderd::{Client, TokenSource, UserStatus};

use super::stage::{base, bed, client, client_with, name};

#[tokio::test]
async fn build_info_needs_no_token() {
    let info = client_with("not-a-token").build_info().await.unwrap();
    assert!(info.server_version().unwrap().major >= 2, "{info:?}");
    uuid::Uuid::parse_str(&info.deployment_id).unwrap();
}

#[tokio::test]
async fn users_and_organizations_are_read_by_name() {
    let client = client();
    let me = client.user("me").await.unwrap();
    assert_eq!(me.username, bed().controller_user());
    assert_eq!(me.status, UserStatus::Active);
    assert_eq!(client.user(&me.username.to_uppercase()).await.unwrap(), me);
    let organization = client.organization(bed().organization()).await.unwrap();
    assert_eq!(organization.id.to_string(), bed().organization_id());
    assert!(organization.is_default);
    for error in [
        client.user(&name("nobody")).await.unwrap_err(),
        client.organization(&name("nothing")).await.unwrap_err(),
    ] {
        assert!(error.is_not_found() && !error.is_route_unknown(), "{error}");
    }
}

#[tokio::test]
async fn a_bad_token_is_told_from_everything_else() {
    for token in ["x", "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb"] {
        let client = client_with(token);
        for error in [
            client.user("me").await.unwrap_err(),
            client.workspaces().await.unwrap_err(),
            client.delete_template(uuid::Uuid::nil()).await.unwrap_err(),
        ] {
            assert!(error.is_unauthorized(), "{error}");
            assert!(error.refusal().unwrap().detail.is_some(), "{error}");
            assert!(!error.to_string().contains("bbbb"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_new_token_in_the_file_is_used_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "aaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbb\n").unwrap();
    let client = Client::builder(base(), TokenSource::File(path.clone()))
        .connect()
        .unwrap();
    assert!(client.user("me").await.unwrap_err().is_unauthorized());
    std::fs::write(&path, format!("{}\n", bed().controller_token())).unwrap();
    assert_eq!(
        client.user("me").await.unwrap().username,
        bed().controller_user()
    );
}

#[tokio::test]
async fn an_unknown_route_is_no_missing_object() {
    // A prefix that this coderd does not have.
    let base = format!("{}/api/v2/nothing", bed().coder_url());
    let base = coder_k8s::coderd::BaseUrl::parse(&base).unwrap();
    let token = TokenSource::Fixed(bed().controller_token().into());
    let client = Client::builder(base, token).connect().unwrap();
    let error = client.workspace_by_name("me", "w").await.unwrap_err();
    assert!(error.is_route_unknown() && !error.is_not_found(), "{error}");
}
