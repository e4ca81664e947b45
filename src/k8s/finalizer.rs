//! Our finalizer, put on and taken off by JSON patch.
//!
//! Not by apply: once another manager co-owns an entry of an applied list, it stays for ever. And not
//! by kube's helper, which tests neither uid nor version: a patch that was decided on one object must
//! not reach the next one under the same name.

use json_patch::{
    AddOperation, PatchOperation, RemoveOperation, TestOperation, jsonptr::PointerBuf,
};
use kube::{
    Client, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{
    call::{self, Call},
    error::{Action, Error, Target},
    object::{self, Known},
};
use crate::api::names::MANAGER_CONTROLLER;

/// What has become of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The finalizer is as asked. This is the object now.
    Done(Known),
    /// The object has changed since it was read, or is gone: read it again.
    Stale,
    /// The object is being deleted, and then no finalizer can be added any more.
    Terminating,
}

/// Puts `finalizer` on `object`, which was read from the API server.
pub async fn add<K: Resource<DynamicType = ()>>(
    client: &Client,
    object: &K,
    finalizer: &str,
) -> Result<Outcome, Error> {
    let Some(known) = Known::of(object.meta()) else {
        return Ok(Outcome::Stale);
    };
    if position(object, finalizer).is_some() {
        return Ok(Outcome::Done(known));
    }
    if object.meta().deletion_timestamp.is_some() {
        return Ok(Outcome::Terminating);
    }
    let addition = if object.finalizers().is_empty() {
        add_operation(&["metadata", "finalizers"], json!([finalizer]))
    } else {
        add_operation(&["metadata", "finalizers", "-"], json!(finalizer))
    };
    patch::<K>(client, Action::AddFinalizer, &known, vec![addition]).await
}

/// Takes `finalizer` off `object`, which was read from the API server.
pub async fn remove<K: Resource<DynamicType = ()>>(
    client: &Client,
    object: &K,
    finalizer: &str,
) -> Result<Outcome, Error> {
    let Some(known) = Known::of(object.meta()) else {
        return Ok(Outcome::Stale);
    };
    let Some(index) = position(object, finalizer) else {
        return Ok(Outcome::Done(known));
    };
    let entry = ["metadata", "finalizers", &index.to_string()];
    let removal = vec![
        test(&entry, finalizer),
        PatchOperation::Remove(RemoveOperation {
            path: PointerBuf::from_tokens(entry),
        }),
    ];
    patch::<K>(client, Action::RemoveFinalizer, &known, removal).await
}

/// Sends `changes`, which take place only on the object and the version that is known.
async fn patch<K: Resource<DynamicType = ()>>(
    client: &Client,
    action: Action,
    known: &Known,
    changes: Vec<PatchOperation>,
) -> Result<Outcome, Error> {
    let mut operations = vec![
        test(&["metadata", "uid"], &known.uid),
        test(&["metadata", "resourceVersion"], &known.resource_version),
    ];
    operations.extend(changes);
    let patch = Patch::<()>::Json(json_patch::Patch(operations));
    let params = PatchParams {
        field_manager: Some(MANAGER_CONTROLLER.to_owned()),
        ..PatchParams::default()
    };
    let target = Target::of::<K>(Some(&known.key.namespace), &known.key.name);
    let call = Call::new(action, target);
    let request = call::requests::<K>(&call.target)
        .and_then(|requests| requests.patch_metadata(&known.key.name, &params, &patch));
    match call.send(client, request).await {
        Ok(reply) => object::known(&call, &reply).map(Outcome::Done),
        Err(error) if error.is_finalizer_refused() => Ok(Outcome::Terminating),
        Err(error)
            if error.is_patch_test_failed()
                || error.is_conflict_of_version()
                || error.is_gone() =>
        {
            Ok(Outcome::Stale)
        }
        Err(error) => Err(error),
    }
}

fn position<K: Resource>(object: &K, finalizer: &str) -> Option<usize> {
    object
        .finalizers()
        .iter()
        .position(|entry| entry == finalizer)
}

fn test(path: &[&str], value: &str) -> PatchOperation {
    PatchOperation::Test(TestOperation {
        path: PointerBuf::from_tokens(path.iter().copied()),
        value: json!(value),
    })
}

fn add_operation(path: &[&str], value: Value) -> PatchOperation {
    PatchOperation::Add(AddOperation {
        path: PointerBuf::from_tokens(path.iter().copied()),
        value,
    })
}

#[cfg(test)]
mod tests;
