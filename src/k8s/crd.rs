//! Whether a kind is there to stay: objects of a kind that is being removed must let go of coderd.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Client,
    api::GetParams,
    core::{ObjectMeta, PartialObjectMeta},
};

use super::{
    call::{self, Call},
    error::{Action, Error, Target},
};

/// What the API server says of a kind, live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrdState {
    /// The kind is served.
    Present,
    /// Somebody deletes it: its objects are being deleted too.
    Terminating,
    /// It does not exist.
    Missing,
}

/// Reads the CRD `name`, such as `coderworkspaces.coder.com`.
pub async fn crd_state(client: &Client, name: &str) -> Result<CrdState, Error> {
    let call = Call::new(
        Action::Read,
        Target::of::<CustomResourceDefinition>(None, name),
    );
    let request = call::requests::<CustomResourceDefinition>(&call.target)
        .and_then(|requests| requests.get_metadata(name, &GetParams::default()));
    match call.send(client, request).await {
        Ok(reply) => Ok(state(
            &call
                .read::<PartialObjectMeta<CustomResourceDefinition>>(&reply)?
                .metadata,
        )),
        Err(error) if error.is_not_found() => Ok(CrdState::Missing),
        Err(error) => Err(error),
    }
}

fn state(metadata: &ObjectMeta) -> CrdState {
    match metadata.deletion_timestamp {
        Some(_) => CrdState::Terminating,
        None => CrdState::Present,
    }
}

#[cfg(test)]
mod tests;
