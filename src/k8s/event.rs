//! Kubernetes Events: what `kubectl describe` shows of what was done.
//!
//! kube's recorder reads the system's clock, and publishes a changed note under the first note's text.
//! Guarantees here: an equal Event within [`WINDOW`] is counted on the one that is there; publishing
//! ends within [`LIMIT`]; and it never fails, since no Event is worth a failed reconcile.

mod dedup;

use std::{fmt, sync::Mutex, time::Duration};

use jiff::Timestamp;
use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1 as wire},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Client,
    api::{Patch, PatchParams, PostParams},
    core::ObjectMeta,
};
use serde_json::json;

pub use self::dedup::{CAPACITY, WINDOW};
use self::dedup::{Dedup, Step};
use super::{
    call::{self, Call},
    error::{Action, Error, Target},
    object::Key,
};
use crate::api::{
    names::MANAGER_CONTROLLER,
    text::{cut, shortened},
};

/// How long one publication may take.
pub const LIMIT: Duration = Duration::from_secs(5);

/// What the API server takes of a note, in bytes.
const NOTE_LIMIT: usize = 1024;
/// What it takes of a reason, an action and a reporting instance.
const WORD_LIMIT: usize = 128;
/// Where Events about objects without a namespace go.
const DEFAULT_NAMESPACE: &str = "default";

/// Whether somebody should look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// All is well.
    Normal,
    /// Somebody should look at it.
    Warning,
}

/// Something worth telling about an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// Whether somebody should look at it.
    pub severity: Severity,
    /// Why, in one word such as `DriftCorrected`.
    pub reason: String,
    /// What was done, in one word such as `Push`.
    pub action: String,
    /// The whole story; cut at 1 kB.
    pub note: String,
    /// What else it is about.
    pub related: Option<Related>,
}

/// Another object that an Event is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Related {
    /// Such as `coder.com/v1alpha1`.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Where it is.
    pub key: Key,
}

/// Publishes Events. One for the whole process: it remembers what was said.
pub struct EventRecorder {
    client: Client,
    instance: String,
    dedup: Mutex<Dedup>,
}

impl EventRecorder {
    /// A recorder for this process, which `instance` (the pod) tells from others.
    #[must_use]
    pub fn new(client: Client, instance: &str) -> Self {
        let instance = if instance.is_empty() {
            MANAGER_CONTROLLER
        } else {
            instance
        };
        Self {
            client,
            instance: cut(instance, WORD_LIMIT).to_owned(),
            dedup: Mutex::default(),
        }
    }

    /// Tells `event` about `object` at the time `now`. Failures are logged.
    pub async fn publish(&self, object: &ObjectReference, event: &Event, now: Timestamp) {
        // What is remembered and logged is no longer than what is published.
        let event = &Event {
            note: shortened(&event.note, NOTE_LIMIT),
            ..event.clone()
        };
        let published = tokio::time::timeout(LIMIT, self.try_publish(object, event, now)).await;
        match published {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.is_namespace_terminating() || error.is_namespace_missing() => {
                tracing::debug!(%error, reason = %event.reason, "no Event in a namespace that goes");
            }
            Ok(Err(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    reason = %event.reason,
                    note = %event.note,
                    "an Event was lost"
                );
            }
            Err(_) => {
                tracing::warn!(reason = %event.reason, note = %event.note, "an Event took too long");
            }
        }
    }

    async fn try_publish(
        &self,
        object: &ObjectReference,
        event: &Event,
        now: Timestamp,
    ) -> Result<(), Error> {
        match self.remember(|dedup| dedup.step(object, event, now)) {
            Step::Create { name } => self.create(object, event, &name, now).await,
            Step::Count { name, count } => match self.count(object, &name, count, now).await {
                // It has expired on the server: the story begins again.
                Err(error) if error.is_not_found() => {
                    let name = self.remember(|dedup| dedup.begin(object, event, now));
                    self.create(object, event, &name, now).await
                }
                counted => counted,
            },
        }
    }

    async fn create(
        &self,
        object: &ObjectReference,
        event: &Event,
        name: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let call = call_about(Action::CreateEvent, object, name);
        let body = serde_json::to_vec(&self.wire(object, event, name, now));
        let request = call::requests::<wire::Event>(&call.target).and_then(|requests| {
            let body = body.map_err(kube::core::request::Error::SerializeBody)?;
            requests.create(&PostParams::default(), body)
        });
        let created = call.send(&self.client, request).await;
        if created.is_err() {
            self.remember(|dedup| dedup.forget(object, event));
        }
        created.map(|_| ())
    }

    async fn count(
        &self,
        object: &ObjectReference,
        name: &str,
        count: i32,
        now: Timestamp,
    ) -> Result<(), Error> {
        let call = call_about(Action::CountEvent, object, name);
        let series = wire::EventSeries {
            count,
            last_observed_time: MicroTime(now),
        };
        let patch = Patch::Merge(json!({ "series": series }));
        let request = call::requests::<wire::Event>(&call.target)
            .and_then(|requests| requests.patch_metadata(name, &PatchParams::default(), &patch));
        call.send(&self.client, request).await.map(|_| ())
    }

    fn wire(
        &self,
        object: &ObjectReference,
        event: &Event,
        name: &str,
        now: Timestamp,
    ) -> wire::Event {
        wire::Event {
            metadata: ObjectMeta {
                namespace: Some(namespace(object).to_owned()),
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(now)),
            type_: Some(event.severity.as_str().to_owned()),
            reason: Some(cut(&event.reason, WORD_LIMIT).to_owned()),
            action: Some(cut(&event.action, WORD_LIMIT).to_owned()),
            note: Some(event.note.clone()),
            regarding: Some(object.clone()),
            related: event.related.as_ref().map(Related::reference),
            reporting_controller: Some(MANAGER_CONTROLLER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            ..wire::Event::default()
        }
    }

    fn remember<T>(&self, step: impl FnOnce(&mut Dedup) -> T) -> T {
        let mut dedup = self
            .dedup
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        step(&mut dedup)
    }
}

impl fmt::Debug for EventRecorder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("EventRecorder")
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}

impl Related {
    /// `K`, in `key`.
    #[must_use]
    pub fn of<K: kube::Resource<DynamicType = ()>>(key: Key) -> Self {
        Self {
            api_version: K::api_version(&()).into_owned(),
            kind: K::kind(&()).into_owned(),
            key,
        }
    }

    fn reference(&self) -> ObjectReference {
        ObjectReference {
            api_version: Some(self.api_version.clone()),
            kind: Some(self.kind.clone()),
            namespace: Some(self.key.namespace.clone()),
            name: Some(self.key.name.clone()),
            ..ObjectReference::default()
        }
    }
}

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

fn call_about(action: Action, object: &ObjectReference, name: &str) -> Call {
    Call::new(
        action,
        Target::of::<wire::Event>(Some(namespace(object)), name),
    )
}

fn namespace(object: &ObjectReference) -> &str {
    object.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE)
}

#[cfg(test)]
mod tests;
