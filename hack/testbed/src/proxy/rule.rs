//! Which requests are broken, how, and how often.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use regex::Regex;

use super::{Answer, Seen, Stage, hold::Gate, pattern};
use crate::Error;

type Predicate = dyn Fn(&Seen) -> bool + Send + Sync;

/// Selects requests.
#[derive(Clone)]
pub struct Matcher {
    method: String,
    path: Regex,
    left: Option<u32>,
    predicate: Option<Arc<Predicate>>,
}

impl Matcher {
    /// Requests of a method (`*` for any) whose path, without query, the pattern matches.
    pub fn new(method: &str, path: &str) -> Result<Self, Error> {
        let path = pattern(path)?;
        Ok(Self {
            method: method.to_owned(),
            path,
            left: None,
            predicate: None,
        })
    }

    /// Only that many of them.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.left = Some(count);
        self
    }

    /// Only those that also satisfy a predicate, for example on query or body.
    #[must_use]
    pub fn when(mut self, predicate: impl Fn(&Seen) -> bool + Send + Sync + 'static) -> Self {
        self.predicate = Some(Arc::new(predicate));
        self
    }

    fn matches(&self, seen: &Seen) -> bool {
        (self.method == "*" || self.method == seen.method)
            && self.left != Some(0)
            && self.path.is_match(&seen.path)
            && self
                .predicate
                .as_ref()
                .is_none_or(|predicate| predicate(seen))
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Matcher")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

/// What happens to a matching request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is passed on after a while.
    Delay(Duration),
    /// The connection is dropped; coderd sees nothing.
    DropBefore,
    /// coderd acts and answers, but the connection is dropped: the reply is lost.
    DropAfter,
    /// It is answered here; coderd sees nothing.
    Answer(Answer),
    /// The reply ends half-way through its body, against its `Content-Length`.
    Truncate,
    /// The reply's body is replaced, for example by `[]`; the status stays.
    ReplaceBody(String),
}

/// A fault or a gate.
#[derive(Debug, Clone)]
pub(super) enum Action {
    Fault(Fault),
    Hold(Stage, Arc<Gate>),
}

impl From<Fault> for Action {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Names an installed rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleId(u64);

/// The installed rules, in order.
#[derive(Debug, Default)]
pub(super) struct Rules {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    rules: Vec<(RuleId, Matcher, Action)>,
}

impl Rules {
    pub(super) fn install(&self, matcher: Matcher, action: Action) -> RuleId {
        let mut inner = self.lock();
        let id = RuleId(inner.next);
        inner.next += 1;
        inner.rules.push((id, matcher, action));
        id
    }

    pub(super) fn remove(&self, id: RuleId) {
        self.lock().rules.retain(|(known, _, _)| *known != id);
    }

    pub(super) fn remove_all(&self) {
        let removed = std::mem::take(&mut self.lock().rules);
        for (_, _, action) in removed {
            if let Action::Hold(_, gate) = action {
                gate.open();
            }
        }
    }

    /// The action of the first rule that matches, counted down.
    pub(super) fn choose(&self, seen: &Seen) -> Option<Action> {
        let mut inner = self.lock();
        let (_, matcher, action) = inner
            .rules
            .iter_mut()
            .find(|(_, matcher, _)| matcher.matches(seen))?;
        matcher.left = matcher.left.map(|left| left.saturating_sub(1));
        Some(action.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(method: &str, path: &str) -> Seen {
        Seen::new(method, path, "", b"")
    }

    #[test]
    fn a_rule_is_used_up() {
        let rules = Rules::default();
        let matcher = Matcher::new("POST", "^/api/v2/users$").unwrap().times(1);
        rules.install(matcher, Fault::DropBefore.into());
        assert!(rules.choose(&seen("GET", "/api/v2/users")).is_none());
        assert!(rules.choose(&seen("POST", "/api/v2/users")).is_some());
        assert!(rules.choose(&seen("POST", "/api/v2/users")).is_none());
    }

    #[test]
    fn the_first_matching_rule_applies() {
        let rules = Rules::default();
        let first = Matcher::new("*", "users")
            .unwrap()
            .when(|seen| seen.path.ends_with("/a"));
        rules.install(first, Fault::DropBefore.into());
        rules.install(Matcher::new("*", "users").unwrap(), Fault::DropAfter.into());
        let chosen = |path| match rules.choose(&seen("GET", path)) {
            Some(Action::Fault(fault)) => Some(fault),
            _ => None,
        };
        assert_eq!(chosen("/users/a"), Some(Fault::DropBefore));
        assert_eq!(chosen("/users/b"), Some(Fault::DropAfter));
        assert_eq!(chosen("/groups"), None);
    }

    #[test]
    fn a_bad_pattern_is_named() {
        let error = Matcher::new("*", "(").unwrap_err().to_string();
        assert!(error.contains("\"(\" is no regular expression"), "{error}");
    }
}
