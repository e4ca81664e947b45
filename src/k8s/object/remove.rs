//! Deletes with proof.

use kube::api::{DeleteParams, Preconditions};
use serde::Deserialize;

use super::{Kind, Known, Objects};
use crate::k8s::{
    call,
    error::{Action, Error},
};

/// What a delete has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The object is gone.
    Done,
    /// Its finalizers hold it.
    Pending,
}

impl<K: Kind> Objects<K> {
    /// Deletes the object that is known: not one that changed since, nor one that was created again.
    pub async fn delete(&self, known: &Known) -> Result<Deletion, Error> {
        #[derive(Deserialize)]
        struct Answer {
            kind: String,
        }
        let call = Self::call(Action::Delete, &known.key);
        let params = DeleteParams::default().preconditions(Preconditions {
            uid: Some(known.uid.clone()),
            resource_version: Some(known.resource_version.clone()),
        });
        let request = call::requests::<K>(&call.target)
            .and_then(|requests| requests.delete(&known.key.name, &params));
        let reply = match call.send(&self.client, request).await {
            Ok(reply) => reply,
            Err(error) if error.is_not_found() => return Ok(Deletion::Done),
            Err(error) => return Err(error),
        };
        let answer: Answer = call.read(&reply)?;
        Ok(match answer.kind.as_str() {
            "Status" => Deletion::Done,
            _ => Deletion::Pending,
        })
    }
}
