//! What was read of coderd and never changes.

use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::sync::{source::Content, template::external::Unreadable};

/// How many contents of versions are kept.
const CONTENTS: usize = 8;
/// The largest one that is kept, in bytes.
const CONTENT_BYTES: usize = 2 << 20;

/// The content of a version, or why it cannot be read.
pub(super) type SharedContent = Arc<Result<Content, Unreadable>>;

/// The contents of the versions that were read last.
#[derive(Debug, Default)]
pub(super) struct Contents(Mutex<Vec<(Uuid, SharedContent)>>);

impl Contents {
    /// The content of version `id`, if it is remembered.
    pub(super) fn get(&self, id: Uuid) -> Option<SharedContent> {
        let contents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = contents.iter().find(|(known, _)| *known == id);
        known.map(|(_, content)| Arc::clone(content))
    }

    /// Remembers the content of version `id` in place of the oldest one.
    pub(super) fn keep(&self, id: Uuid, content: SharedContent) {
        let is_large = |content: &Content| content.bytes() > CONTENT_BYTES;
        if content.as_ref().as_ref().is_ok_and(is_large) {
            return;
        }
        let mut contents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if contents.len() >= CONTENTS {
            contents.remove(0);
        }
        contents.push((id, content));
    }
}
