//! Follows what objects refer to: each is watched by its name for as long as somebody refers to it.
//!
//! The watch brings metadata and no content, and only tells that something changed: who refers to it is looked
//! at, and reads it live. So nothing of a Secret is kept between two looks.

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use tokio::task::{AbortHandle, JoinSet};

use super::{references::Referent, shared::Shared};
use crate::k8s::{
    object,
    watch::{self, Options, WatchEvent, Watched},
};

/// Watches what is referred to, for ever.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut watches = JoinSet::new();
    let mut watched: BTreeMap<Referent, AbortHandle> = BTreeMap::new();
    loop {
        let all = shared.references.all();
        watched.retain(|referent, watch| {
            let is_wanted = all.contains(referent);
            if !is_wanted {
                watch.abort();
            }
            is_wanted
        });
        for referent in all {
            watched.entry(referent).or_insert_with_key(|referent| {
                watches.spawn(follow(Arc::clone(&shared), referent.clone()))
            });
        }
        // A watch ends only when it is aborted: that is all there is to take away.
        while watches.try_join_next().is_some() {}
        shared.references.changed().await;
    }
}

async fn follow(shared: Arc<Shared>, referent: Referent) {
    match &referent {
        Referent::Secret(place) => follow_as::<Secret>(&shared, &referent, place).await,
        Referent::ConfigMap(place) => follow_as::<ConfigMap>(&shared, &referent, place).await,
    }
}

/// Each change of it has those looked at who refer to it.
async fn follow_as<K: Watched>(shared: &Shared, referent: &Referent, place: &object::Key) {
    let settings = &shared.settings;
    let metrics = settings.metrics.clone();
    let options = Options {
        namespace: Some(place.namespace.clone()),
        labels: None,
        fields: Some(format!("metadata.name={}", place.name)),
        seed: settings.seed_of(&place.to_string()),
    };
    let (events, _health) = watch::watch::<K, _>(settings.kube.clone(), &options, move |_| {
        metrics.watch_failed();
    });
    pin_mut!(events);
    while let Some(event) = events.next().await {
        match event {
            WatchEvent::Applied(_) | WatchEvent::Listed(_) | WatchEvent::Deleted { .. } => {
                shared.look_at(shared.references.who(referent));
            }
            WatchEvent::Synced => {}
        }
    }
}
