//! A coderd that is down, hangs or is asked too much. Breaks its own bed.

use std::time::Duration;

use coder_k8s::coderd::{BaseUrl, Client, Delivery, Error, Limits, TokenSource, TransportError};
use testbed::{Bed, Options};
use uuid::Uuid;

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(5);

fn client(bed: &Bed, deadline: Duration) -> Client {
    let base = BaseUrl::parse(bed.coder_url()).unwrap();
    Client::builder(base, TokenSource::File(bed.controller_token_file()))
        .limits(Limits {
            deadline,
            ..Limits::default()
        })
        .connect()
        .unwrap()
}

#[tokio::test]
async fn outages_and_limits_are_told_apart() {
    let bed = Bed::start(Options {
        rate_limits: true,
        ..Options::default()
    })
    .await
    .unwrap();
    let client = client(&bed, DEADLINE);
    client.user("me").await.unwrap();
    too_many_requests(&client).await;
    database_down(&bed, &client).await;
    database_hangs(&bed, &client).await;
    coderd_down(&bed, &client).await;
}

async fn too_many_requests(client: &Client) {
    let mut uploads = 0;
    let error = loop {
        match client.upload_tar("the same bytes".into()).await {
            Ok(_) => uploads += 1,
            Err(error) => break error,
        }
    };
    assert!((12..=24).contains(&uploads), "{uploads}");
    assert!(
        error.is_rate_limited() && !error.may_have_arrived(),
        "{error}"
    );
    assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
}

async fn database_down(bed: &Bed, client: &Client) {
    bed.stop_postgres().await.unwrap();
    client.build_info().await.unwrap();
    for error in [
        client.user("me").await.unwrap_err(),
        client.workspace_by_name("me", "w").await.unwrap_err(),
        client
            .delete_template(Uuid::from_u128(1))
            .await
            .unwrap_err(),
    ] {
        assert!(error.is_unavailable(), "{error}");
        assert!(!error.is_unauthorized() && !error.is_not_found(), "{error}");
    }
    let write = client
        .delete_template(Uuid::from_u128(1))
        .await
        .unwrap_err();
    assert!(write.may_have_arrived(), "{write}");
    bed.start_postgres().await.unwrap();
    super::stage::until(async || client.user("me").await.ok()).await;
}

async fn database_hangs(bed: &Bed, client: &Client) {
    bed.pause_postgres().unwrap();
    client.build_info().await.unwrap();
    let error = client
        .delete_template(Uuid::from_u128(1))
        .await
        .unwrap_err();
    let Error::Transport {
        source: TransportError::Deadline { after, delivery },
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((after, delivery), (DEADLINE, Delivery::Possible));
    bed.resume_postgres().unwrap();
    super::stage::until(async || client.user("me").await.ok()).await;
}

async fn coderd_down(bed: &Bed, client: &Client) {
    bed.kill_coderd().await.unwrap();
    let error = client
        .delete_template(Uuid::from_u128(1))
        .await
        .unwrap_err();
    assert!(
        error.is_unavailable() && error.status().is_none(),
        "{error}"
    );
    assert!(!error.may_have_arrived(), "{error:?}");
    let Error::Transport {
        source: TransportError::Connect(_),
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    bed.start_coderd().await.unwrap();
    client.user("me").await.unwrap();
}
