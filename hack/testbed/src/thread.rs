//! The one thread that owns every process of every bed in this program.
//!
//! Two reasons for a thread of its own: a child's death signal fires when the *thread* that
//! started it ends, so the starter has to live as long as the program; and each `#[tokio::test]`
//! has its own runtime, so nothing that outlives a test may hang on a test's runtime.

use std::{
    sync::{OnceLock, mpsc},
    thread::{self, ThreadId},
    time::Duration,
};

use tokio::{runtime::Handle, task::JoinHandle};

use crate::Error;

static OWNER: OnceLock<Option<(Handle, ThreadId)>> = OnceLock::new();

/// The runtime of the owning thread, started at the first call.
pub(crate) fn handle() -> Result<Handle, Error> {
    OWNER
        .get_or_init(|| begin("testbed"))
        .as_ref()
        .map(|(handle, _)| handle.clone())
        .ok_or(Error::Thread)
}

/// Whether the caller is the owning thread, which must never block.
fn is_current() -> bool {
    matches!(OWNER.get(), Some(Some((_, id))) if *id == thread::current().id())
}

/// Starts a thread that drives a runtime for as long as the program lives.
pub(crate) fn begin(name: &str) -> Option<(Handle, ThreadId)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let handle = runtime.handle().clone();
    let thread = thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .ok()?;
    Some((handle, thread.thread().id()))
}

/// Runs a future on the owning thread; it is given up when the caller gives up.
pub(crate) async fn run<T, F>(future: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let mut task = AbortOnDrop(handle()?.spawn(future));
    (&mut task.0).await.unwrap_or(Err(Error::Thread))
}

/// Runs a future on the owning thread and blocks for its end, without needing a runtime.
///
/// On the owning thread itself it does not wait: that would wait for ever.
pub(crate) fn run_blocking<T, F>(future: F, patience: Duration) -> Option<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let (sender, receiver) = mpsc::sync_channel(1);
    handle().ok()?.spawn(async move {
        // Nobody listens any more when the caller ran out of patience.
        sender.send(future.await).ok();
    });
    if is_current() {
        None
    } else {
        receiver.recv_timeout(patience).ok()
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
