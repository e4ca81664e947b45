//! What the proxy saw: counters for all requests, texts for the mutating ones.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

const MOST_MUTATIONS: usize = 10_000;
const MOST_BODY: usize = 64 * 1024;

/// A request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The method, in capitals.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, without the question mark.
    pub query: String,
    /// The body as text, at most 64 KiB of it.
    pub body: String,
}

/// A mutating request and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// The request.
    pub request: Seen,
    /// When its first line and headers were here.
    pub arrived: Instant,
    /// Whether it was passed on.
    pub forwarded: bool,
    /// What coderd answered, if it was passed on and answered.
    pub coderd_status: Option<u16>,
    /// What the client was told; nothing when its connection was dropped.
    pub client_status: Option<u16>,
}

/// Names a kept mutation, so that its outcome can be added.
#[derive(Debug, Clone, Copy)]
pub(super) struct MutationId(u64);

/// Everything seen so far.
#[derive(Debug, Default)]
pub(super) struct Records {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    counts: BTreeMap<(String, String), u64>,
    next: u64,
    mutations: VecDeque<(u64, Mutation)>,
}

impl Seen {
    pub(super) fn new(method: &str, path: &str, query: &str, body: &[u8]) -> Self {
        let body = body.get(..MOST_BODY).unwrap_or(body);
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            body: String::from_utf8_lossy(body).into_owned(),
        }
    }

    /// The path with UUIDs as `{id}`; names and numbers stay.
    #[must_use]
    pub fn route(&self) -> String {
        let segments: Vec<&str> = self
            .path
            .split('/')
            .map(|segment| if is_uuid(segment) { "{id}" } else { segment })
            .collect();
        segments.join("/")
    }

    fn is_mutating(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }
}

impl Records {
    /// Counts a request and keeps it when it is mutating.
    pub(super) fn add(&self, seen: &Seen, arrived: Instant) -> Option<MutationId> {
        let mut inner = self.lock();
        *inner
            .counts
            .entry((seen.method.clone(), seen.route()))
            .or_default() += 1;
        if !seen.is_mutating() {
            return None;
        }
        let id = inner.next;
        inner.next += 1;
        let request = seen.clone();
        let mutation = Mutation {
            request,
            arrived,
            forwarded: false,
            coderd_status: None,
            client_status: None,
        };
        inner.mutations.push_back((id, mutation));
        if inner.mutations.len() > MOST_MUTATIONS {
            inner.mutations.pop_front();
        }
        Some(MutationId(id))
    }

    /// Adds to what became of a mutation, unless it is forgotten.
    pub(super) fn update(&self, id: Option<MutationId>, change: impl FnOnce(&mut Mutation)) {
        let Some(MutationId(id)) = id else { return };
        let mut inner = self.lock();
        if let Some((_, mutation)) = inner.mutations.iter_mut().find(|(known, _)| *known == id) {
            change(mutation);
        }
    }

    pub(super) fn counts(&self) -> BTreeMap<(String, String), u64> {
        self.lock().counts.clone()
    }

    pub(super) fn mutations(&self) -> Vec<Mutation> {
        self.lock()
            .mutations
            .iter()
            .map(|(_, mutation)| mutation.clone())
            .collect()
    }

    pub(super) fn forget(&self) {
        let mut inner = self.lock();
        inner.counts.clear();
        inner.mutations.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_uuid(segment: &str) -> bool {
    segment.len() == 36
        && segment
            .char_indices()
            .all(|(index, character)| match index {
                8 | 13 | 18 | 23 => character == '-',
                _ => character.is_ascii_hexdigit(),
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_hides_ids_and_keeps_names() {
        let route = |path: &str| Seen::new("GET", path, "", b"").route();
        assert_eq!(
            route("/api/v2/templates/0b6cc0ff-6c0a-4a4e-8f0d-0d9a6c1c7f5e/versions"),
            "/api/v2/templates/{id}/versions"
        );
        assert_eq!(
            route("/api/v2/users/me/workspace/w1"),
            "/api/v2/users/me/workspace/w1"
        );
        assert_eq!(
            route("/0b6cc0ff-6c0a-4a4e-8f0d-0d9a6c1c7f5"),
            "/0b6cc0ff-6c0a-4a4e-8f0d-0d9a6c1c7f5"
        );
    }

    #[test]
    fn the_log_of_mutations_is_bounded() {
        let records = Records::default();
        let now = Instant::now();
        for number in 0..MOST_MUTATIONS + 5 {
            records.add(&Seen::new("POST", &format!("/{number}"), "", b""), now);
        }
        records.add(&Seen::new("GET", "/", "", b""), now);
        let mutations = records.mutations();
        assert_eq!(mutations.len(), MOST_MUTATIONS);
        assert_eq!(mutations[0].request.path, "/5");
    }
}
