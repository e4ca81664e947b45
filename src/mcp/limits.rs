//! How much one caller may ask for, so that none of them takes the server from the others.
//!
//! Who asks too much gets an answer that says when to come again, never a status of HTTP: some clients
//! give up their whole connection for one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::time::Instant;

use super::failure::Failure;

/// Calls of one caller at the same time.
const AT_ONCE: usize = 16;
/// Calls of one caller that may come at once after a rest, and how many more each second.
const BURST: f64 = 100.0;
const EACH_SECOND: f64 = 20.0;
/// Calls of all callers at the same time.
const ALL_AT_ONCE: usize = 512;
/// Callers that are remembered; who has rested long enough is forgotten then.
const REMEMBERED: usize = 1024;

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Limits(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    running: usize,
    callers: HashMap<String, Account>,
}

#[derive(Debug)]
struct Account {
    running: usize,
    /// How many calls may come now.
    left: f64,
    since: Instant,
}

/// One call; gives its place back when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    limits: Arc<Limits>,
    caller: String,
}

impl Limits {
    /// A place for a call of `caller`.
    pub(super) fn enter(self: &Arc<Self>, caller: &str) -> Result<Turn, Failure> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.running >= ALL_AT_ONCE {
            return Err(Failure::Busy(1));
        }
        if counts.callers.len() >= REMEMBERED && !counts.callers.contains_key(caller) {
            counts.callers.retain(|_, account| !account.has_rested());
        }
        let account = counts.callers.entry(caller.to_owned()).or_insert(Account {
            running: 0,
            left: BURST,
            since: Instant::now(),
        });
        account.take()?;
        counts.running += 1;
        Ok(Turn {
            limits: Arc::clone(self),
            caller: caller.to_owned(),
        })
    }

    fn leave(&self, caller: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.running = counts.running.saturating_sub(1);
        if let Some(account) = counts.callers.get_mut(caller) {
            account.running = account.running.saturating_sub(1);
        }
    }
}

impl Account {
    fn take(&mut self) -> Result<(), Failure> {
        self.left = self.now();
        self.since = Instant::now();
        if self.running >= AT_ONCE || self.left < 1.0 {
            return Err(Failure::Busy(1));
        }
        self.left -= 1.0;
        self.running += 1;
        Ok(())
    }

    fn now(&self) -> f64 {
        let rested = self.since.elapsed().as_secs_f64();
        (self.left + rested * EACH_SECOND).min(BURST)
    }

    fn has_rested(&self) -> bool {
        self.running == 0 && self.now() >= BURST
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.limits.leave(&self.caller);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_caller_has_so_many_calls_at_once_and_takes_none_from_others() {
        let limits = Arc::new(Limits::default());
        let mut turns: Vec<_> = (0..AT_ONCE).map(|_| limits.enter("a").unwrap()).collect();
        assert!(matches!(limits.enter("a"), Err(Failure::Busy(1))));
        assert!(limits.enter("b").is_ok());
        turns.pop();
        assert!(limits.enter("a").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_may_go_on_at_a_rate() {
        let limits = Arc::new(Limits::default());
        let calls = || (0..1000).take_while(|_| limits.enter("a").is_ok()).count();
        assert_eq!(calls(), 100);
        advance(Duration::from_secs(1)).await;
        assert_eq!(calls(), 20);
        advance(Duration::from_secs(3600)).await;
        assert_eq!(calls(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_rested_is_forgotten() {
        let limits = Arc::new(Limits::default());
        let held = limits.enter("held").unwrap();
        for round in 0..5 {
            for number in 0..REMEMBERED {
                drop(limits.enter(&format!("{round}-{number}")).unwrap());
            }
            advance(Duration::from_secs(60)).await;
        }
        let counts = limits.0.lock().unwrap();
        assert!(
            counts.callers.len() <= REMEMBERED + 1,
            "{}",
            counts.callers.len()
        );
        assert_eq!(counts.callers["held"].running, 1);
        assert_eq!(counts.running, 1);
        drop(counts);
        drop(held);
    }
}
