//! Template sources: stored by content, never listed, never deleted.

use bytes::Bytes;
use serde::Deserialize;
use uuid::Uuid;

use super::{client::Client, error::Error, request::Request};

#[derive(Deserialize)]
struct Upload {
    /// The id, whatever the name says.
    hash: Uuid,
}

impl Client {
    /// Stores a tar archive (not compressed) and gives its id.
    ///
    /// The same bytes of the same user have the same id, so sending them again is harmless. coderd
    /// allows 12 uploads a minute and user, and does not look into the archive: what is no tar is
    /// refused only when a version is made of it.
    pub async fn upload_tar(&self, archive: Bytes) -> Result<Uuid, Error> {
        let upload: Upload = self.json(Request::post("/files").tar(archive)).await?;
        Ok(upload.hash)
    }

    /// Reads a stored archive of at most `limit` bytes; a larger one is
    /// [`TransportError::TooLarge`](super::TransportError::TooLarge).
    ///
    /// [`Error::is_not_found`] also for files of others, unless the token may manage templates.
    pub async fn file(&self, id: Uuid, limit: usize) -> Result<Bytes, Error> {
        self.bytes(Request::get("/files/{id}").with(&id).download(limit))
            .await
    }
}
