//! Follows what objects refer to: each is watched by its name for as long as somebody refers to it.
//!
//! The watch brings metadata and no content, and only tells that something changed: who refers to it is looked
//! at, and reads it live. So nothing of a Secret is kept between two looks.

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use tokio::task::{AbortHandle, JoinSet};

use super::{control_plane::ControlPlane, references::Referent};
use crate::k8s::{
    object,
    watch::{self, Options, WatchEvent, Watched},
};

/// Watches what is referred to, for ever.
pub(super) async fn run(plane: Arc<ControlPlane>) {
    let mut watches = JoinSet::new();
    let mut watched: BTreeMap<Referent, AbortHandle> = BTreeMap::new();
    loop {
        let all = plane.shared.references.all();
        watched.retain(|referent, watch| {
            let is_wanted = all.contains(referent);
            if !is_wanted {
                watch.abort();
            }
            is_wanted
        });
        for referent in all {
            watched.entry(referent).or_insert_with_key(|referent| {
                watches.spawn(follow(Arc::clone(&plane), referent.clone()))
            });
        }
        // A watch ends only when it is aborted: that is all there is to take away.
        while watches.try_join_next().is_some() {}
        plane.shared.references.changed().await;
    }
}

async fn follow(plane: Arc<ControlPlane>, referent: Referent) {
    match &referent {
        Referent::Secret(place) => follow_as::<Secret>(&plane, &referent, place).await,
        Referent::ConfigMap(place) => follow_as::<ConfigMap>(&plane, &referent, place).await,
    }
}

/// Each change of it has those looked at who refer to it.
async fn follow_as<K: Watched>(plane: &ControlPlane, referent: &Referent, place: &object::Key) {
    let settings = &plane.shared.settings;
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
                plane.look_at(plane.shared.references.who(referent));
            }
            WatchEvent::Synced => {}
        }
    }
}
