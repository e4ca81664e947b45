//! Keeps the trust as kube-apiserver publishes it, without a restart.

use std::{convert::Infallible, sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder, Retryable};
use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use tokio::sync::watch::Sender;

use super::{Data, Trust};
use crate::k8s::{
    error,
    object::{Key, Objects},
    watch::{Failure, Options, WatchEvent, watch},
};

const NAMESPACE: &str = "kube-system";
const NAME: &str = "extension-apiserver-authentication";

/// Pauses between reads that fail; jitter adds up to as much again.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Sends what the `ConfigMap` says, whenever it says something new. Never ends.
///
/// Guarantees: what was sent once is replaced by something good only; not even the removal of the
/// `ConfigMap` takes it back. Until a CA of proxies was read, nothing is sent. `seed` is where the
/// jitter begins.
pub async fn follow(client: Client, seed: u64, sender: Sender<Option<Arc<Trust>>>) -> Infallible {
    let options = Options {
        namespace: Some(NAMESPACE.to_owned()),
        // Without it the list is denied: the Role is limited to this name.
        fields: Some(format!("metadata.name={NAME}")),
        labels: None,
        seed,
    };
    let mut denied = 0;
    let (events, _) = watch::<ConfigMap, _>(client.clone(), &options, move |failure| {
        if is_denied(failure) {
            denied += 1;
            if u64::is_power_of_two(denied) {
                log_denied();
            }
        }
    });
    let config_maps = Objects::new(client);
    let mut seeds = fastrand::Rng::with_seed(seed);
    pin_mut!(events);
    loop {
        match events.next().await {
            Some(WatchEvent::Listed(_) | WatchEvent::Applied(_)) => {
                if let Some(data) = read(&config_maps, seeds.u64(..)).await {
                    take(&data, &sender);
                }
            }
            Some(WatchEvent::Synced) => {
                if sender.borrow().is_none() {
                    tracing::warn!("no request can be trusted yet: {NAMESPACE}/{NAME} names no CA");
                }
            }
            Some(WatchEvent::Deleted { .. }) => {
                tracing::warn!("the ConfigMap {NAMESPACE}/{NAME} is gone; its last content stays");
            }
            // The stream of a watch does not end.
            None => std::future::pending().await,
        }
    }
}

/// Reads until there is an answer; none if the `ConfigMap` does not exist (any more).
async fn read(config_maps: &Objects<ConfigMap>, seed: u64) -> Option<Data> {
    let key = Key {
        namespace: NAMESPACE.to_owned(),
        name: NAME.to_owned(),
    };
    let pauses = ExponentialBuilder::new()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .without_max_times()
        .with_jitter()
        .with_jitter_seed(seed);
    let found = (|| config_maps.get(&key)).retry(pauses.build());
    let found = found.notify(|error: &error::Error, _| {
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "cannot learn whom to trust"
        );
        if error.is_forbidden() {
            log_denied();
        }
    });
    // Without a limit of times, a failure is never returned.
    let config_map = found.await.ok().flatten()?;
    Some(config_map.data.unwrap_or_default())
}

fn take(data: &Data, sender: &Sender<Option<Arc<Trust>>>) {
    sender.send_if_modified(|current| {
        let (trust, errors) = Trust::read(data, current.as_deref());
        for error in errors {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "kept what was known before"
            );
        }
        // The same content must stay the same value: connections remember by it.
        let is_new = trust.as_ref() != current.as_deref();
        if is_new {
            tracing::info!("whom to trust has changed");
            *current = trust.map(Arc::new);
        }
        is_new
    });
}

fn is_denied(failure: &Failure) -> bool {
    match failure {
        Failure::List(kube::Error::Api(status)) | Failure::Open(kube::Error::Api(status)) => {
            status.code == 403
        }
        Failure::List(_)
        | Failure::Open(_)
        | Failure::NotOpened
        | Failure::Broken(_)
        | Failure::Ended(_)
        | Failure::Short
        | Failure::NoVersion => false,
    }
}

fn log_denied() {
    tracing::error!(
        "may not read the ConfigMap {NAMESPACE}/{NAME}; usually fixed by: kubectl create rolebinding \
         -n {NAMESPACE} ROLEBINDING_NAME --role=extension-apiserver-authentication-reader \
         --serviceaccount=YOUR_NS:YOUR_SA"
    );
}

#[cfg(test)]
mod tests;
