//! Live reads, and what the API server sends as a typed object.

use jiff::Timestamp;
use kube::api::GetParams;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Key, Kind, Known, Objects};
use crate::k8s::{
    call::{self, Call, Reply},
    error::{Action, Cause, Error},
};

impl<K: Kind> Objects<K> {
    /// Reads the object at `key` from the store itself, not from a cache. None only where the API
    /// server has proved that it does not exist.
    pub async fn get(&self, key: &Key) -> Result<Option<K>, Error> {
        let dated = self.get_dated(key).await?;
        Ok(dated.map(|(object, _)| object))
    }

    /// Likewise, and what time it is by the API server's clock, in whole seconds, if it says so.
    pub async fn get_dated(&self, key: &Key) -> Result<Option<(K, Option<Timestamp>)>, Error> {
        let call = Self::call(Action::Read, key);
        let request = call::requests::<K>(&call.target)
            .and_then(|requests| requests.get(&key.name, &GetParams::default()));
        match call.send(&self.client, request).await {
            Ok(reply) => Ok(Some((object(&call, &reply)?, reply.at))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Reads `reply` as an object. `spec` may be absent, which the derived types do not expect: an object
/// whose last field was released has none.
pub(super) fn object<K: Kind>(call: &Call, reply: &Reply) -> Result<K, Error> {
    let mut fields: Map<String, Value> = call.read(reply)?;
    fields
        .entry("spec")
        .or_insert_with(|| Value::Object(Map::new()));
    K::deserialize(Value::Object(fields)).map_err(|error| call.failed(Cause::Unreadable(error)))
}

/// Reads `reply` as an object's metadata.
pub(in crate::k8s) fn known(call: &Call, reply: &Reply) -> Result<Known, Error> {
    #[derive(Deserialize)]
    struct Object {
        metadata: kube::core::ObjectMeta,
    }
    let object: Object = call.read(reply)?;
    Known::of(&object.metadata).ok_or_else(|| {
        let error = serde::de::Error::custom("the answer is no object");
        call.failed(Cause::Unreadable(error))
    })
}
