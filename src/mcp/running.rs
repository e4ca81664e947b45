//! The calls that are under way, to be found by whoever sent them.
//!
//! Without a session, the note that a call is cancelled comes as a request of its own. It is for the one
//! call of that caller that has that id; where there are two, one of them is not meant, and both go on
//! until their time is over.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// The caller's name, and the id of the request in JSON.
type Key = (String, String);

/// The calls under way.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<HashMap<Key, Vec<CancellationToken>>>);

/// One call; it is forgotten when this is dropped.
#[derive(Debug)]
pub(super) struct Entry {
    running: Arc<Running>,
    key: Key,
    cancelled: CancellationToken,
}

impl Running {
    /// Remembers a call.
    pub(super) fn enter(self: &Arc<Self>, caller: &str, id: &Value) -> Entry {
        let key = (caller.to_owned(), id.to_string());
        let cancelled = CancellationToken::new();
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls
            .entry(key.clone())
            .or_default()
            .push(cancelled.clone());
        Entry {
            running: Arc::clone(self),
            key,
            cancelled,
        }
    }

    /// Cancels the call of `caller` with that id, if it is known which one that is.
    pub(super) fn cancel(&self, caller: &str, id: &Value) {
        let key = (caller.to_owned(), id.to_string());
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some([call]) = calls.get(&key).map(Vec::as_slice) {
            call.cancel();
        }
    }
}

impl Entry {
    /// Fires when the call is cancelled.
    pub(super) fn cancelled(&self) -> &CancellationToken {
        &self.cancelled
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // A token is its own name: cancelling what ends anyway does no harm.
        self.cancelled.cancel();
        let mut calls = self
            .running
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = calls.get_mut(&self.key) {
            same.retain(|call| !call.is_cancelled());
            if same.is_empty() {
                calls.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_callers_own_and_only_call_of_that_id_is_cancelled() {
        let running = Arc::new(Running::default());
        let call = running.enter("a", &json!(1));
        running.cancel("b", &json!(1));
        running.cancel("a", &json!("1"));
        assert!(!call.cancelled().is_cancelled());
        let twin = running.enter("a", &json!(1));
        running.cancel("a", &json!(1));
        assert!(!call.cancelled().is_cancelled() && !twin.cancelled().is_cancelled());
        drop(twin);
        running.cancel("a", &json!(1));
        assert!(call.cancelled().is_cancelled());
        drop(call);
        assert!(running.0.lock().unwrap().is_empty());
    }
}
