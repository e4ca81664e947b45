//! Archives up and down.

use bytes::Bytes;
use coder_k8s::coderd::{Error, TransportError};
use uuid::Uuid;

use super::stage::{archive, client, name};

#[tokio::test]
async fn an_archive_comes_back_as_it_was() {
    let client = client();
    let bytes = archive(&format!("# {}", name("file")));
    let id = client.upload_tar(bytes.clone()).await.unwrap();
    // 200 instead of 201, the same id.
    assert_eq!(client.upload_tar(bytes.clone()).await.unwrap(), id);
    assert_eq!(client.file(id, bytes.len()).await.unwrap(), bytes);
    let error = client.file(id, bytes.len() - 1).await.unwrap_err();
    let Error::Transport {
        source: TransportError::TooLarge { .. },
        ..
    } = error
    else {
        panic!("{error}");
    };
}

#[tokio::test]
async fn an_unknown_file_is_not_found() {
    let error = client().file(Uuid::from_u128(1), 1).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
}

#[tokio::test]
async fn an_archive_above_the_limit_is_refused() {
    let client = client();
    let bytes = vec![0; (100 << 20) + 1];
    let error = client.upload_tar(Bytes::from(bytes)).await.unwrap_err();
    assert!(error.is_validation(), "{error}");
}
