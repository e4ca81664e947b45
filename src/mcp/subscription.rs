//! Tells a client when objects change.
//!
//! The server itself may see no object, so nothing is watched for all: each subscription has its own
//! watches, one for each kind and namespace in it, with the token of whoever subscribed. A watch lasts a
//! minute and is then begun anew, so that a token or right that ends, ends the subscription too.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::future::select_all;
use prometheus_client::metrics::gauge::Gauge;
use rmcp::{ErrorData, model::SubscriptionFilter, service::SubscriptionContext};
use serde::Deserialize;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    access::{Access, Kind, Page},
    failure::Failure,
    resource::refusal,
    uri::Uri,
};

/// Objects that one subscription may name, and subscriptions of all callers.
const OBJECTS: usize = 64;
const SUBSCRIPTIONS: i64 = 256;
/// How long a watch lasts, in seconds.
const WATCH: &str = "60";
/// A pause where kube-apiserver does not answer.
const AGAIN: Duration = Duration::from_secs(5);

/// The subscriptions there are.
#[derive(Debug)]
pub(super) struct Subscriptions(Gauge);

/// Gives its place back when it is dropped.
struct Place(Arc<Subscriptions>);

/// What is watched together: objects of one kind and namespace, by name, each with the version that was
/// seen last.
struct Group {
    kind: &'static Kind,
    namespace: String,
    objects: HashMap<String, (String, Option<String>)>,
}

#[derive(Debug, Deserialize)]
struct Seen {
    metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: String,
    resource_version: String,
}

/// An event of a watch.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: Changed,
}

#[derive(Debug, Deserialize)]
struct Changed {
    #[serde(default)]
    metadata: Metadata,
}

/// The part of `requested` that can be told of.
pub(super) fn accepted(requested: &SubscriptionFilter) -> SubscriptionFilter {
    let uris = requested.resource_subscriptions.iter().flatten();
    let ours = uris.filter(|uri| Uri::parse(uri).is_some());
    SubscriptionFilter::builder()
        .resource_subscriptions(ours.take(OBJECTS))
        .build()
}

impl Subscriptions {
    /// None yet; `open` counts them.
    pub(super) fn new(open: Gauge) -> Self {
        Self(open)
    }

    /// Tells of changes until the client goes, or until `ending`.
    pub(super) async fn serve(
        self: &Arc<Self>,
        access: &Access,
        context: &SubscriptionContext,
        ending: &CancellationToken,
    ) -> Result<(), ErrorData> {
        let _place = self.enter()?;
        let watches: Vec<_> = groups(context.accepted())
            .into_iter()
            .map(|group| Box::pin(group.follow(access, context)))
            .collect();
        if watches.is_empty() {
            return Ok(());
        }
        tokio::select! {
            () = context.cancelled() => Ok(()),
            () = ending.cancelled() => Ok(()),
            (failure, ..) = select_all(watches) => Err(refusal(&failure)),
        }
    }

    fn enter(self: &Arc<Self>) -> Result<Place, ErrorData> {
        let place = Place(Arc::clone(self));
        if self.0.inc() < SUBSCRIPTIONS {
            return Ok(place);
        }
        Err(refusal(&Failure::Busy(30)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.dec();
    }
}

fn groups(filter: &SubscriptionFilter) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let uris = filter.resource_subscriptions.iter().flatten();
    for uri in uris.filter_map(|uri| Uri::parse(uri)) {
        let (text, name) = (uri.to_string(), uri.name);
        let same = |group: &&mut Group| group.kind == uri.kind && group.namespace == uri.namespace;
        match groups.iter_mut().find(same) {
            Some(group) => drop(group.objects.insert(name, (text, None))),
            None => groups.push(Group {
                kind: uri.kind,
                namespace: uri.namespace,
                objects: HashMap::from([(name, (text, None))]),
            }),
        }
    }
    groups
}

impl Group {
    /// Follows the objects until the caller may not, or the client is gone.
    async fn follow(mut self, access: &Access, context: &SubscriptionContext) -> Failure {
        let mut is_first = true;
        loop {
            match self.watch(access, context, is_first).await {
                Ok(()) => is_first = false,
                Err(
                    Failure::NoAnswer(_)
                    | Failure::Refused {
                        code: 410 | 429 | 500..,
                        ..
                    },
                ) => {
                    sleep(AGAIN).await;
                }
                Err(failure) => return failure,
            }
        }
    }

    /// One look, and one watch from there on. What has changed between two watches is told too.
    async fn watch(
        &mut self,
        access: &Access,
        context: &SubscriptionContext,
        is_first: bool,
    ) -> Result<(), Failure> {
        let selector = self.selector();
        let only = [("fieldSelector", selector.as_str())];
        let list = access.list_metadata(self.kind, Some(&self.namespace), &only);
        let page: Page<Seen> = list.await?;
        let begin = page.version().to_owned();
        let mut there: HashMap<_, _> = page
            .items
            .into_iter()
            .map(|seen| (seen.metadata.name, seen.metadata.resource_version))
            .collect();
        let names: Vec<_> = self.objects.keys().cloned().collect();
        for name in names {
            let version = there.remove(&name);
            if self.is_new(&name, version) && !is_first {
                self.tell(&name, context).await?;
            }
        }
        let parameters = [
            ("fieldSelector", selector.as_str()),
            ("watch", "true"),
            ("resourceVersion", &begin),
            ("timeoutSeconds", WATCH),
        ];
        let mut lines = access
            .watch(self.kind, &self.namespace, &parameters)
            .await?;
        while let Some(line) = lines.next().await? {
            let event: Event = serde_json::from_slice(&line).map_err(Failure::Unreadable)?;
            let Metadata {
                name,
                resource_version,
            } = event.object.metadata;
            let version = (event.kind != "DELETED").then_some(resource_version);
            // An ERROR has no name: the watch ends, and a new one begins.
            if self.objects.contains_key(&name) && self.is_new(&name, version) {
                self.tell(&name, context).await?;
            }
        }
        Ok(())
    }

    /// One object can be chosen by the server; several are chosen here.
    fn selector(&self) -> String {
        let mut names = self.objects.keys();
        match (names.next(), names.next()) {
            (Some(only), None) => format!("metadata.name={only}"),
            _ => String::new(),
        }
    }

    fn is_new(&mut self, name: &str, version: Option<String>) -> bool {
        let known = self.objects.get_mut(name);
        known.is_some_and(|(_, known)| {
            let is_new = *known != version;
            *known = version;
            is_new
        })
    }

    async fn tell(&self, name: &str, context: &SubscriptionContext) -> Result<(), Failure> {
        let Some((uri, _)) = self.objects.get(name) else {
            return Ok(());
        };
        let told = context.sink().notify_resource_updated(uri).await;
        told.map_err(|_| Failure::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_a_kind_and_namespace_are_watched_together() {
        let filter = SubscriptionFilter::builder()
            .resource_subscriptions([
                "coder-k8s://namespaces/a/workspaces/x",
                "coder-k8s://namespaces/a/workspaces/y",
                "coder-k8s://namespaces/b/workspaces/x",
                "coder-k8s://namespaces/a/templates/x",
                "file:///etc/passwd",
            ])
            .build();
        let accepted = accepted(&filter);
        assert_eq!(accepted.resource_subscriptions.as_ref().unwrap().len(), 4);
        let groups = groups(&accepted);
        let sizes: Vec<_> = groups.iter().map(|group| group.objects.len()).collect();
        assert_eq!(sizes, [2, 1, 1]);
        assert_eq!(groups[0].selector(), "");
        assert_eq!(groups[1].selector(), "metadata.name=x");
    }
}
