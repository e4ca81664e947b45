//! The content of versions: downloaded, unpacked aside, and remembered, for it never changes.

use std::{panic, sync::Arc, time::Duration};

use tokio::{
    task::{self, JoinError},
    time::timeout,
};
use uuid::Uuid;

use crate::{
    api::text::chain,
    coderd,
    controller::{cache::SharedContent, control_plane::ControlPlane},
    sync::{
        source::{Content, MAX_READ_BYTES},
        template::external::Unreadable,
    },
};

/// How long a worker waits for its turn: mostly a download takes a moment, but it may take minutes.
const TURN: Duration = Duration::from_secs(1);

/// The content of version `id`; none where too many others are being read.
pub(super) async fn read(
    plane: &ControlPlane,
    id: Uuid,
) -> Result<Option<SharedContent>, coderd::Error> {
    if let Some(known) = plane.contents.get(id) {
        return Ok(Some(known));
    }
    let Ok(Ok(_turn)) = timeout(TURN, plane.shared.reading.acquire()).await else {
        return Ok(None);
    };
    // Another object may have read it meanwhile.
    if let Some(known) = plane.contents.get(id) {
        return Ok(Some(known));
    }
    let content = match download(plane, id).await? {
        Ok(archive) => {
            let unpacking = task::spawn_blocking(move || Content::read(&archive));
            match unpacking.await.map_err(JoinError::try_into_panic) {
                Ok(unpacked) => unpacked.map_err(|error| lasting(chain(&error))),
                Err(Ok(panicked)) => panic::resume_unwind(panicked),
                Err(Err(_ended)) => return Ok(None),
            }
        }
        Err(unreadable) => Err(unreadable),
    };
    let content = Arc::new(content);
    if !matches!(&*content, Err(Unreadable { may_pass: true, .. })) {
        let content = Arc::clone(&content);
        plane.contents.keep(id, content);
    }
    Ok(Some(content))
}

/// The archive of version `id`, or why there is none to read.
async fn download(
    plane: &ControlPlane,
    id: Uuid,
) -> Result<Result<bytes::Bytes, Unreadable>, coderd::Error> {
    let client = &plane.client;
    let Some(file) = client.version(id).await?.job.file_id else {
        let message = "coderd does not say where the files of the version are";
        return Ok(Err(lasting(message.to_owned())));
    };
    match client.file(file, MAX_READ_BYTES).await {
        Ok(archive) => Ok(Ok(archive)),
        Err(error) if error.is_too_large() => Ok(Err(lasting(chain(&error)))),
        Err(error) if error.is_not_found() || error.is_forbidden() => Ok(Err(Unreadable {
            message: chain(&error),
            may_pass: true,
        })),
        Err(error) => Err(error),
    }
}

fn lasting(message: String) -> Unreadable {
    Unreadable {
        message,
        may_pass: false,
    }
}
