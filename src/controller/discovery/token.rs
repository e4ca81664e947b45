//! The token of a control plane: read from its Secret, which is watched by its name, and read again when that
//! changes.

use futures::{StreamExt as _, pin_mut};
use k8s_openapi::api::core::v1::Secret;
use secrecy::SecretString;
use tokio::{sync::watch::Sender, time::sleep};

use crate::{
    api::text::chain,
    controller::shared::Shared,
    k8s::{
        object::{Key, Objects},
        watch::{self, Options, WatchEvent},
    },
};

use super::RETRY;

/// The token, or why there is none, for people.
pub(super) type Kept = Result<SecretString, String>;

/// Keeps `token` as field `field` of Secret `place` has it, for ever.
pub(super) async fn follow(shared: &Shared, place: &Key, field: &str, token: &Sender<Kept>) {
    let settings = &shared.settings;
    let metrics = settings.metrics.clone();
    let options = Options {
        namespace: Some(place.namespace.clone()),
        labels: None,
        fields: Some(format!("metadata.name={}", place.name)),
        seed: settings.seed_of(&place.to_string()),
    };
    let (events, _health) = watch::watch::<Secret, _>(settings.kube.clone(), &options, move |_| {
        metrics.watch_failed();
    });
    pin_mut!(events);
    while let Some(event) = events.next().await {
        match event {
            WatchEvent::Applied(_) | WatchEvent::Listed(_) | WatchEvent::Deleted { .. } => {
                while !read(shared, place, field, token).await {
                    sleep(RETRY).await;
                }
            }
            WatchEvent::Synced => {}
        }
    }
}

/// Reads the token now; false where the API server did not say. Then the token that is known stays.
pub(super) async fn read(shared: &Shared, place: &Key, field: &str, token: &Sender<Kept>) -> bool {
    let secrets = Objects::<Secret>::new(shared.settings.kube.clone());
    let now = match secrets.get(place).await {
        Ok(Some(secret)) => text(&secret, place, field),
        Ok(None) => Err(format!("there is no Secret {place} with the token")),
        Err(error) => {
            let why = format!(
                "Secret {place} with the token cannot be read: {}",
                chain(&error)
            );
            tracing::warn!(why);
            token.send_if_modified(|known| {
                let is_news = known.is_err();
                if is_news {
                    *known = Err(why);
                }
                is_news
            });
            return false;
        }
    };
    let _before = token.send_replace(now);
    true
}

fn text(secret: &Secret, place: &Key, field: &str) -> Kept {
    let bytes = secret.data.as_ref().and_then(|data| data.get(field));
    let text = bytes.and_then(|bytes| str::from_utf8(&bytes.0).ok());
    let token = text.map(str::trim).filter(|token| !token.is_empty());
    let missing = || format!("Secret {place} has no token under the key {field}");
    token.map(SecretString::from).ok_or_else(missing)
}
