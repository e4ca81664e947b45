//! What was said lately, so that it is counted and not said again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ObjectReference;

use super::Event;
use crate::api::text::cut;

/// How long after it was last said an equal Event counts as the same story.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(6);
/// How many stories are remembered: one more forgets the oldest.
pub const CAPACITY: usize = 2048;

/// The longest name of an Event, less the dot and the time in hexadecimal.
const NAME_LIMIT: usize = 253 - 1 - 16;

/// The stories of the last minutes.
#[derive(Debug, Default)]
pub(super) struct Dedup {
    stories: BTreeMap<Subject, Story>,
    last_stamp: i64,
}

/// What to do about an Event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is news.
    Create { name: String },
    /// It is the `count`-th of those in the Event `name`.
    Count { name: String, count: i32 },
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Subject {
    kind: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    uid: Option<String>,
    event: Event,
}

#[derive(Debug)]
struct Story {
    name: String,
    count: i32,
    last: Timestamp,
}

impl Dedup {
    /// Takes note of `event` about `object`.
    pub(super) fn step(&mut self, object: &ObjectReference, event: &Event, now: Timestamp) -> Step {
        match self.stories.get_mut(&Subject::new(object, event)) {
            Some(story) if is_recent(story, now) => {
                story.count = story.count.saturating_add(1);
                story.last = now;
                Step::Count {
                    name: story.name.clone(),
                    count: story.count,
                }
            }
            Some(_) | None => Step::Create {
                name: self.begin(object, event, now),
            },
        }
    }

    /// Begins a story and names it.
    pub(super) fn begin(
        &mut self,
        object: &ObjectReference,
        event: &Event,
        now: Timestamp,
    ) -> String {
        let subject = Subject::new(object, event);
        if !self.stories.contains_key(&subject) {
            self.make_room(now);
        }
        let name = self.name(object, now);
        let story = Story {
            name: name.clone(),
            count: 1,
            last: now,
        };
        self.stories.insert(subject, story);
        name
    }

    /// Forgets a story: the server does not know it.
    pub(super) fn forget(&mut self, object: &ObjectReference, event: &Event) {
        self.stories.remove(&Subject::new(object, event));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.stories.len()
    }

    /// A name that this process has not given before.
    fn name(&mut self, object: &ObjectReference, now: Timestamp) -> String {
        self.last_stamp = now.as_microsecond().max(self.last_stamp.saturating_add(1));
        let name = object.name.as_deref().unwrap_or("object");
        let name = cut(name, NAME_LIMIT).trim_end_matches(['.', '-']);
        format!("{name}.{:x}", self.last_stamp)
    }

    fn make_room(&mut self, now: Timestamp) {
        if self.stories.len() < CAPACITY {
            return;
        }
        self.stories.retain(|_, story| is_recent(story, now));
        while self.stories.len() >= CAPACITY {
            let Some(oldest) = self.stories.values().map(|story| story.last).min() else {
                return;
            };
            self.stories.retain(|_, story| story.last > oldest);
        }
    }
}

impl Subject {
    fn new(object: &ObjectReference, event: &Event) -> Self {
        Self {
            kind: object.kind.clone(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            uid: object.uid.clone(),
            event: event.clone(),
        }
    }
}

fn is_recent(story: &Story, now: Timestamp) -> bool {
    now.duration_since(story.last) < WINDOW
}
