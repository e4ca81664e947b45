//! List, then watch from there, then resume or list again: a state machine of three positions.

use std::{fmt::Debug, mem, time::Duration};

use futures::{StreamExt, stream::BoxStream};
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Client, Resource,
    api::{ListParams, WatchEvent, WatchParams},
    core::{PartialObjectMeta, Status},
};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};

use super::{Listed, Options};

/// How long the server keeps a watch open.
const WATCH_SECONDS: u32 = 290;
/// How long a watch may be silent: longer than the server keeps it open, so only a dead one is.
const IDLE: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 5);
/// How long the server may take to open a watch.
const OPENING: Duration = Duration::from_secs(30);
/// A watch that ends earlier has failed: else a server that closes each one would be flooded.
const SHORT: Duration = Duration::from_secs(1);
/// How many objects a list asks for at a time. They come whole, and a template may hold a megabyte.
const PAGE: u32 = 100;

/// A kind that can be watched.
pub trait Watched:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
}

impl<K> Watched for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// Why a watch has to begin again.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The objects could not be listed.
    #[error("cannot list")]
    List(#[source] kube::Error),
    /// The watch could not be opened.
    #[error("cannot open the watch")]
    Open(#[source] kube::Error),
    /// The server did not open the watch in time.
    #[error("the watch was not opened in time")]
    NotOpened,
    /// The watch broke off, or what it sent cannot be read.
    #[error("the watch broke off")]
    Broken(#[source] kube::Error),
    /// The server ended the watch with these words, such as 410 `too old resource version`.
    #[error("the server ended the watch")]
    Ended(#[source] Box<Status>),
    /// The watch ended as soon as it was opened.
    #[error("the watch ended at once")]
    Short,
    /// The server sent something without a version.
    #[error("there is no resourceVersion in what the server sent")]
    NoVersion,
}

impl Failure {
    /// Whether the server says that there is no such kind.
    pub(super) fn is_missing_kind(&self) -> bool {
        matches!(self, Self::List(kube::Error::Api(status)) if status.code == 404)
    }
}

/// What the source has to tell.
#[derive(Debug)]
pub(super) enum News<K> {
    /// All objects there are.
    All(Vec<Listed<K>>),
    /// One object is there.
    Applied(PartialObjectMeta<K>),
    /// One object is gone.
    Deleted(PartialObjectMeta<K>),
    /// A watch is open; nothing came yet.
    Opened,
    /// The watch is alive.
    Alive,
}

pub(super) struct Source<K: Watched> {
    /// Its watches send metadata only.
    api: Api<PartialObjectMeta<K>>,
    lists: Api<Listed<K>>,
    labels: Option<String>,
    fields: Option<String>,
    position: Position<K>,
}

type Events<K> = BoxStream<'static, kube::Result<WatchEvent<PartialObjectMeta<K>>>>;

enum Position<K> {
    /// Nothing is known: list.
    Unlisted,
    /// All is known up to `version`: watch from there.
    At { version: String },
    /// All is known up to `version`, and `events` goes on from there.
    Watching {
        version: String,
        events: Events<K>,
        since: Instant,
    },
}

impl<K: Watched> Source<K> {
    pub(super) fn new(client: Client, options: &Options) -> Self {
        Self {
            api: api(client.clone(), options),
            lists: api(client, options),
            labels: options.labels.clone(),
            fields: options.fields.clone(),
            position: Position::Unlisted,
        }
    }

    /// The next news. After a failure the position is where a new try may succeed.
    pub(super) async fn next(&mut self) -> Result<News<K>, Failure> {
        match mem::replace(&mut self.position, Position::Unlisted) {
            Position::Unlisted => self.list().await,
            Position::At { version } => self.open(version).await,
            Position::Watching {
                version,
                mut events,
                since,
            } => {
                // Silence and a quiet end are the same: the watch is resumed.
                let event = timeout(IDLE, events.next()).await.ok().flatten();
                self.received(version, event, events, since)
            }
        }
    }

    async fn list(&mut self) -> Result<News<K>, Failure> {
        let mut objects = Vec::new();
        let mut page = ListParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            limit: Some(PAGE),
            ..ListParams::default()
        };
        loop {
            let list = self.lists.list(&page).await.map_err(Failure::List)?;
            objects.extend(list.items);
            page.continue_token = list.metadata.continue_.filter(|token| !token.is_empty());
            if page.continue_token.is_none() {
                let version = list.metadata.resource_version;
                let version = version.filter(|version| !version.is_empty());
                self.position = Position::At {
                    version: version.ok_or(Failure::NoVersion)?,
                };
                return Ok(News::All(objects));
            }
        }
    }

    async fn open(&mut self, version: String) -> Result<News<K>, Failure> {
        let params = WatchParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            timeout: Some(WATCH_SECONDS),
            ..WatchParams::default()
        };
        match timeout(OPENING, self.api.watch(&params, &version)).await {
            Ok(Ok(events)) => {
                self.position = Position::Watching {
                    version,
                    events: events.boxed(),
                    since: Instant::now(),
                };
                Ok(News::Opened)
            }
            Ok(Err(error)) => {
                if !is_version_refused(&error) {
                    self.position = Position::At { version };
                }
                Err(Failure::Open(error))
            }
            Err(_) => {
                self.position = Position::At { version };
                Err(Failure::NotOpened)
            }
        }
    }

    fn received(
        &mut self,
        version: String,
        event: Option<kube::Result<WatchEvent<PartialObjectMeta<K>>>>,
        events: Events<K>,
        since: Instant,
    ) -> Result<News<K>, Failure> {
        let (version, news) = match event {
            Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => (
                object.metadata.resource_version.clone(),
                News::Applied(object),
            ),
            Some(Ok(WatchEvent::Deleted(object))) => (
                object.metadata.resource_version.clone(),
                News::Deleted(object),
            ),
            Some(Ok(WatchEvent::Bookmark(bookmark))) => {
                (Some(bookmark.metadata.resource_version), News::Alive)
            }
            Some(Ok(WatchEvent::Error(status))) => {
                if status.code != 410 {
                    self.position = Position::At { version };
                }
                return Err(Failure::Ended(status));
            }
            // What cannot be read would come again if the watch were resumed. (kube takes any JSON
            // object that is no event for a Status.)
            Some(Err(error @ (kube::Error::SerdeError(_) | kube::Error::Api(_)))) => {
                return Err(Failure::Broken(error));
            }
            Some(Err(error)) => {
                self.position = Position::At { version };
                return Err(Failure::Broken(error));
            }
            None => {
                self.position = Position::At { version };
                return match since.elapsed() {
                    life if life < SHORT => Err(Failure::Short),
                    _ => Ok(News::Alive),
                };
            }
        };
        let version = version.filter(|version| !version.is_empty());
        self.position = Position::Watching {
            version: version.ok_or(Failure::NoVersion)?,
            events,
            since,
        };
        Ok(news)
    }
}

fn api<K>(client: Client, options: &Options) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    match &options.namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    }
}

/// Whether the server will not watch from that version, however often it is asked: it is too old, or
/// from before a restore of the store, or the kind or the right to it is gone.
fn is_version_refused(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else {
        return false;
    };
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    (matches!(status.code, 400..500) && status.code != 429)
        || causes.any(|cause| cause.reason == "ResourceVersionTooLarge")
}
