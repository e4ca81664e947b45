//! What changes: the metadata of one kind's objects, for as long as the stream is polled. A list brings
//! their status too.
//!
//! Not kube's `watcher`, which in 5.0 starts its backoff anew before each failing list, reconnects
//! without a pause when a server closes each watch at once, never relists after a 410 that answers the
//! opening of a watch, and does not report what vanished while it was not looking.
//!
//! Guarantees: the stream never ends and never fails; every object that was reported and is gone is
//! reported as deleted, also after a gap; an object that was created again under its name is reported
//! as deleted first. Each watch waits for itself: a failing one does not slow down another.
//! Caveat: after a gap, objects that did not change are reported again.

mod backoff;
mod health;
mod inventory;
mod listed;
mod source;

use std::{collections::VecDeque, fmt, sync::Arc};

use futures::{Stream, stream};
use kube::{Client, core::PartialObjectMeta};
use tokio::sync::watch::Receiver;

use self::{
    backoff::Backoff,
    health::Monitor,
    inventory::Inventory,
    source::{News, Source},
};
pub use self::{
    health::Health,
    listed::Listed,
    source::{Failure, Watched},
};
use super::object::Key;

/// A change.
#[derive(Clone, Debug)]
pub enum WatchEvent<K> {
    /// The object was made or changed, and is like this. managedFields are left out.
    Applied(Arc<PartialObjectMeta<K>>),
    /// The object was found when all were listed: at the start, and after a gap.
    Listed(Box<Listed<K>>),
    /// The object is gone.
    Deleted {
        /// Where it was.
        key: Key,
        /// Which it was.
        uid: String,
    },
    /// Everything that exists has been reported.
    Synced,
}

/// What to watch.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// One namespace; all where it is absent.
    pub namespace: Option<String>,
    /// Which labels the objects have; any where it is absent.
    pub labels: Option<String>,
    /// Which fields the objects have, such as `metadata.name=x`; any where it is absent.
    pub fields: Option<String>,
    /// Where this watch's jitter begins: a different one for each watch.
    pub seed: u64,
}

/// Watches kind `K`. Failures are logged, told to `on_failure` (which may count them) and survived.
pub fn watch<K: Watched, F: FnMut(&Failure) + Send + 'static>(
    client: Client,
    options: &Options,
    on_failure: F,
) -> (
    impl Stream<Item = WatchEvent<K>> + Send + use<K, F>,
    Receiver<Health>,
) {
    let (monitor, health) = Monitor::new::<K>(options);
    let watcher = Watcher {
        source: Source::new(client, options),
        inventory: Inventory::default(),
        pending: VecDeque::new(),
        backoff: Backoff::new(options.seed),
        monitor,
        on_failure: Box::new(on_failure),
    };
    let events = stream::unfold(watcher, |mut watcher| async {
        let event = watcher.next().await;
        Some((event, watcher))
    });
    (events, health)
}

struct Watcher<K: Watched> {
    source: Source<K>,
    inventory: Inventory,
    pending: VecDeque<WatchEvent<K>>,
    backoff: Backoff,
    monitor: Monitor,
    on_failure: Box<dyn FnMut(&Failure) + Send>,
}

impl<K: Watched> Watcher<K> {
    async fn next(&mut self) -> WatchEvent<K> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return event;
            }
            match self.source.next().await {
                // Many a watch that opens is closed again at once: that is no success yet.
                Ok(News::Opened) => {}
                Ok(news) => {
                    self.monitor.succeeded(matches!(news, News::All(_)));
                    self.inventory.take(news, &mut self.pending);
                }
                Err(failure) => {
                    self.monitor.failed(&failure);
                    (self.on_failure)(&failure);
                    self.backoff.pause().await;
                }
            }
        }
    }
}

impl<K: Watched> fmt::Debug for Watcher<K> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Watcher").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
