//! The key under which values of variables are digested: random, and in a Secret of the installation.
//!
//! The digests are in the names of versions, which many may read: without a key, values could be guessed from
//! them. The Secret is made when a key is needed first. Another key would give every version with variables
//! another name, so that it would be built once more.

use std::error::Error;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};
use rustls::crypto::ring::default_provider;

use super::settings::Settings;
use crate::{
    api::{names::VARIABLES_KEY_SECRET, text::chain},
    k8s::object::{Key, Objects},
    sync::template::variables::VariablesKey,
};

/// The field of the Secret.
const FIELD: &str = "key";

/// Reads the key, or makes it; else says what is missing, for people.
pub(super) async fn obtain(settings: &Settings) -> Result<VariablesKey, String> {
    if let Some(secret) = read(settings).await? {
        return key(&secret);
    }
    let data = [(FIELD.to_owned(), ByteString(random()?.to_vec()))];
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(VARIABLES_KEY_SECRET.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(data.into()),
        ..Secret::default()
    };
    let secrets = Api::<Secret>::namespaced(settings.kube.clone(), &settings.own_namespace);
    match secrets.create(&PostParams::default(), &secret).await {
        Ok(secret) => key(&secret),
        // Another replica was quicker.
        Err(kube::Error::Api(status)) if status.code == 409 => {
            let secret = read(settings).await?;
            secret.ok_or_else(broken).and_then(|secret| key(&secret))
        }
        Err(error) => Err(failed(settings, "made", &error)),
    }
}

async fn read(settings: &Settings) -> Result<Option<Secret>, String> {
    let secrets = Objects::<Secret>::new(settings.kube.clone());
    let place = Key::new(&settings.own_namespace, VARIABLES_KEY_SECRET);
    let secret = secrets.get(&place).await;
    secret.map_err(|error| failed(settings, "read", &error))
}

fn failed(settings: &Settings, what: &str, error: &(impl Error + 'static)) -> String {
    format!(
        "Secret {}/{VARIABLES_KEY_SECRET}, with the key for digests of values, cannot be {what}: {}",
        settings.own_namespace,
        chain(error)
    )
}

fn key(secret: &Secret) -> Result<VariablesKey, String> {
    let bytes = secret.data.as_ref().and_then(|data| data.get(FIELD));
    let key = bytes.and_then(|bytes| bytes.0.as_slice().try_into().ok());
    key.map(VariablesKey::new).ok_or_else(broken)
}

fn random() -> Result<[u8; 32], String> {
    let mut key = [0; 32];
    let filled = default_provider().secure_random.fill(&mut key);
    filled.map_err(|_| "the system gives no random numbers".to_owned())?;
    Ok(key)
}

fn broken() -> String {
    format!(
        "field {FIELD} of Secret {VARIABLES_KEY_SECRET} does not hold 32 bytes; delete the Secret, and another is \
         made"
    )
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use http::Method;
    use serde_json::{Value, json};

    use super::*;
    use crate::{controller::stage, k8s::fake::Answer};

    fn refusal(code: u16, reason: &str) -> Value {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "reason": reason, "code": code, "message": "no",
            "details": { "kind": "secrets", "name": VARIABLES_KEY_SECRET },
        })
    }

    #[tokio::test(start_paused = true)]
    async fn the_key_is_made_once_and_then_read() {
        let stored = Arc::new(Mutex::new(Value::Null));
        let kube = Arc::clone(&stored);
        let (plane, _readiness) = stage::controller_with(stage::empty, move |seen| {
            assert!(
                seen.path
                    .starts_with("/api/v1/namespaces/installation/secrets")
            );
            let mut stored = kube.lock().unwrap();
            if seen.method == Method::POST {
                assert!(stored.is_null(), "made twice");
                *stored = seen.body.clone();
            }
            if stored.is_null() {
                return Answer::json(404, &refusal(404, "NotFound"));
            }
            Answer::json(200, &stored)
        });
        let settings = &plane.shared.settings;
        let first = obtain(settings).await.unwrap();
        assert_eq!(obtain(settings).await.unwrap(), first);
        *stored.lock().unwrap() = json!({ "metadata": {}, "data": { "key": "c2hvcnQ=" } });
        let said = obtain(settings).await.unwrap_err();
        assert!(
            said.contains("32 bytes") && !said.contains("short"),
            "{said}"
        );
        *stored.lock().unwrap() = Value::Null;
        assert_ne!(obtain(settings).await.unwrap(), first, "it is random");
    }

    #[tokio::test(start_paused = true)]
    async fn without_the_right_it_is_said_which_secret_is_meant() {
        let (plane, _readiness) = stage::controller_with(stage::empty, |_| {
            Answer::json(403, &refusal(403, "Forbidden"))
        });
        let said = obtain(&plane.shared.settings).await.unwrap_err();
        assert!(
            said.contains("Secret installation/coder-k8s-variables-key"),
            "{said}"
        );
    }
}
