//! Requests held at a chosen moment, so that a test can act at exactly that moment.
//!
//! A held request is held also when its client dies meanwhile: released before forwarding it then
//! reaches coderd as a late write, which is what a slow network does.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{oneshot, watch},
    time::timeout,
};

use super::{Matcher, RuleId, Seen, rule::Action, serve::Shared};
use crate::Error;

/// When a request is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// coderd has seen nothing yet.
    BeforeForwarding,
    /// coderd has acted and answered; the client has heard nothing yet.
    BeforeReply,
}

/// What becomes of a held request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    GoOn,
    Drop,
}

/// Where requests wait.
#[derive(Debug)]
pub(super) struct Gate {
    inner: Mutex<Inner>,
    waiting: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Inner {
    open: bool,
    next: u64,
    held: BTreeMap<u64, (Seen, oneshot::Sender<Verdict>)>,
}

impl Gate {
    fn new() -> Self {
        Self {
            inner: Mutex::default(),
            waiting: watch::channel(0).0,
        }
    }

    /// Waits for a verdict.
    pub(super) async fn pass(&self, seen: &Seen) -> Verdict {
        let (sender, verdict) = oneshot::channel();
        {
            let mut inner = self.lock();
            if inner.open {
                return Verdict::GoOn;
            }
            let place = inner.next;
            inner.next += 1;
            inner.held.insert(place, (seen.clone(), sender));
            self.waiting.send_replace(inner.held.len());
        }
        verdict.await.unwrap_or(Verdict::Drop)
    }

    /// Lets everything through from now on.
    pub(super) fn open(&self) {
        self.lock().open = true;
        self.decide_all(Verdict::GoOn);
    }

    fn decide_all(&self, verdict: Verdict) {
        let mut inner = self.lock();
        for (_, (_, sender)) in std::mem::take(&mut inner.held) {
            // The request's task is gone only when the whole proxy is.
            sender.send(verdict).ok();
        }
        self.waiting.send_replace(0);
    }

    fn held(&self) -> Vec<Seen> {
        self.lock()
            .held
            .values()
            .map(|(seen, _)| seen.clone())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds matching requests. Dropping it releases them and holds no more.
#[derive(Debug)]
pub struct Hold {
    gate: Arc<Gate>,
    rule: RuleId,
    shared: Arc<Shared>,
}

impl Hold {
    pub(super) fn install(shared: &Arc<Shared>, matcher: Matcher, stage: Stage) -> Self {
        let gate = Arc::new(Gate::new());
        let rule = shared
            .rules
            .install(matcher, Action::Hold(stage, Arc::clone(&gate)));
        Self {
            gate,
            rule,
            shared: Arc::clone(shared),
        }
    }

    /// Waits until a request is being held, and tells which (the oldest).
    pub async fn held(&self, limit: Duration) -> Result<Seen, Error> {
        let mut waiting = self.gate.waiting.subscribe();
        let first = async {
            loop {
                if let Some(seen) = self.gate.held().into_iter().next() {
                    return seen;
                }
                if waiting.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        timeout(limit, first).await.map_err(|_| Error::NothingHeld {
            seconds: limit.as_secs(),
            seen: format!("{:?}", self.shared.records.counts()),
        })
    }

    /// All requests being held now, oldest first.
    #[must_use]
    pub fn all_held(&self) -> Vec<Seen> {
        self.gate.held()
    }

    /// Lets those go on that are held now; later ones are held again.
    pub fn release(&self) {
        self.gate.decide_all(Verdict::GoOn);
    }

    /// Drops the connections of those that are held now. Held before forwarding, coderd never
    /// sees them.
    pub fn drop_connections(&self) {
        self.gate.decide_all(Verdict::Drop);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.shared.rules.remove(self.rule);
        self.gate.open();
    }
}
