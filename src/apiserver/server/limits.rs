//! How much may go on at the same time. Beyond, a client is asked to come again; it is not queued.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError},
    task::spawn_blocking,
    time::timeout,
};

use super::fault::{BODY_LIMIT, Fault};

/// Requests that read, as many as a kube-apiserver takes by default.
const READS: usize = 400;
/// Requests that write, likewise.
const WRITES: usize = 200;
/// Watches.
const WATCHES: usize = 4000;
/// Bytes of bodies that are held at the same time, in KiB.
const HELD_KIB: usize = 64 * 1024;
/// Threads that read and write YAML, which is slow, apart from those that serve everybody.
const COMPUTATIONS: usize = 2;
/// What is short enough to be read at once, in bytes.
const SHORT: usize = 16 * 1024;
/// How long a client may take to send a body.
const BODY: Duration = Duration::from_secs(30);

/// The counts; clones share them.
#[derive(Clone, Debug)]
pub(in crate::apiserver) struct Limits {
    reads: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    watches: Arc<Semaphore>,
    held: Arc<Semaphore>,
    computations: Arc<Semaphore>,
}

/// What kind of work a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::apiserver) enum Load {
    Read,
    Write,
    Watch,
}

/// Gives a permit back when it is dropped.
pub(in crate::apiserver) type Permit = OwnedSemaphorePermit;

/// A body and the room that it takes.
#[derive(Debug)]
pub(in crate::apiserver) struct Held {
    pub(in crate::apiserver) bytes: Bytes,
    _room: Permit,
}

impl Default for Limits {
    fn default() -> Self {
        let permits = |number| Arc::new(Semaphore::new(number));
        Self {
            reads: permits(READS),
            writes: permits(WRITES),
            watches: permits(WATCHES),
            held: permits(HELD_KIB),
            computations: permits(COMPUTATIONS),
        }
    }
}

impl Limits {
    /// A permit for a request; refused where there is none.
    pub(in crate::apiserver) fn enter(&self, load: Load) -> Result<Permit, Fault> {
        let permits = match load {
            Load::Read => &self.reads,
            Load::Write => &self.writes,
            Load::Watch => &self.watches,
        };
        take(permits, 1)
    }

    /// Reads a request's body, as far as there is room for it and it is not too large.
    pub(in crate::apiserver) async fn read(&self, body: Incoming) -> Result<Held, Fault> {
        let announced = body
            .size_hint()
            .exact()
            .and_then(|size| usize::try_from(size).ok());
        if announced.is_some_and(|size| size > BODY_LIMIT) {
            return Err(Fault::TooLarge);
        }
        let room = self.room(announced.unwrap_or(BODY_LIMIT))?;
        let read = timeout(BODY, Limited::new(body, BODY_LIMIT).collect()).await;
        match read {
            Ok(Ok(read)) => Ok(Held {
                bytes: read.to_bytes(),
                _room: room,
            }),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Fault::TooLarge),
            Ok(Err(error)) => Err(Fault::BadRequest(format!(
                "the body of the request cannot be read: {error}"
            ))),
            Err(_) => Err(Fault::Timeout(format!(
                "the body of the request did not come within {} s: nothing was done",
                BODY.as_secs()
            ))),
        }
    }

    /// Does what takes long where `text` is long.
    pub(in crate::apiserver) async fn compute<T: Send + 'static>(
        &self,
        text: Bytes,
        work: impl FnOnce(&Bytes) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        if text.len() <= SHORT {
            return Ok(work(&text));
        }
        let turn = Arc::clone(&self.computations).acquire_owned().await;
        let worked = spawn_blocking(move || {
            // A client that leaves does not stop the work, which keeps its permit until it is done.
            let _turn = turn;
            work(&text)
        });
        worked
            .await
            .map_err(|_| Fault::Internal("the text cannot be read".to_owned()))
    }

    /// Room for `bytes` of a body that is held in memory.
    pub(in crate::apiserver) fn room(&self, bytes: usize) -> Result<Permit, Fault> {
        take(&self.held, bytes / 1024 + 1)
    }
}

fn take(permits: &Arc<Semaphore>, number: usize) -> Result<Permit, Fault> {
    let number = u32::try_from(number).map_err(|_| Fault::TooManyRequests)?;
    Arc::clone(permits)
        .try_acquire_many_owned(number)
        .map_err(|error| match error {
            TryAcquireError::NoPermits | TryAcquireError::Closed => Fault::TooManyRequests,
        })
}
