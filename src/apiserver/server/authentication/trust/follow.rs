//! Keeps the trust as kube-apiserver publishes it, without a restart.
//!
//! The `ConfigMap` is read again and again: a watch would learn of a change only seconds earlier, and a
//! new authority is published long before it vouches for anybody.

use std::{convert::Infallible, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use tokio::{sync::watch::Sender, time::sleep};

use super::{Trust, TrustError};
use crate::{
    api::text::chain,
    k8s::{
        error,
        object::{Key, Objects},
    },
};

const NAMESPACE: &str = "kube-system";
const NAME: &str = "extension-apiserver-authentication";

/// How often it is read.
const INTERVAL: Duration = Duration::from_secs(5);

/// Why whom to trust stays as it was.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("cannot learn whom to trust{}", hint(.0))]
    Call(#[from] error::Error),
    #[error(
        "the ConfigMap {NAMESPACE}/{NAME} does not exist: no request can be trusted without it"
    )]
    Gone,
    #[error("cannot learn whom to trust")]
    Content(#[from] TrustError),
}

/// Sends what the `ConfigMap` says, whenever it says something new. Never ends.
///
/// Guarantees: what was sent once is replaced by something good only; not even the removal of the
/// `ConfigMap` takes it back. Until a CA of proxies was read, nothing is sent.
pub(crate) async fn follow(client: Client, sender: Sender<Option<Arc<Trust>>>) -> Infallible {
    let config_maps = Objects::new(client);
    let mut said = None;
    loop {
        let trouble = match read(&config_maps).await {
            Ok(trust) => {
                take(trust, &sender);
                None
            }
            Err(error) => Some(chain(&error)),
        };
        if let Some(error) = trouble.as_ref().filter(|_| trouble != said) {
            tracing::error!(error, "whom to trust stays as it was");
        }
        said = trouble;
        sleep(INTERVAL).await;
    }
}

async fn read(config_maps: &Objects<ConfigMap>) -> Result<Trust, Unread> {
    let key = Key {
        namespace: NAMESPACE.to_owned(),
        name: NAME.to_owned(),
    };
    let found = config_maps.get(&key).await?.ok_or(Unread::Gone)?;
    Ok(Trust::read(&found.data.unwrap_or_default())?)
}

fn take(trust: Trust, sender: &Sender<Option<Arc<Trust>>>) {
    sender.send_if_modified(|current| {
        // The same content must stay the same value: connections remember by it.
        let is_new = current.as_deref() != Some(&trust);
        if is_new {
            tracing::info!("whom to trust has changed");
            *current = Some(Arc::new(trust));
        }
        is_new
    });
}

fn hint(error: &error::Error) -> String {
    if !error.is_forbidden() {
        return String::new();
    }
    format!(
        "; usually fixed by: kubectl create rolebinding -n {NAMESPACE} ROLEBINDING_NAME \
         --role={NAME}-reader --serviceaccount=YOUR_NS:YOUR_SA"
    )
}

#[cfg(test)]
mod tests;
