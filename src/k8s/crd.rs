//! What there is of a kind: objects of a kind that is being removed must let go of coderd, and one that
//! lacks fields cannot be written to.

use http::Request;
use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::APIResourceList,
};
use kube::{
    Client, Resource,
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

/// A CRD, beside one that was read before.
#[derive(Debug)]
pub enum Installed {
    /// It is the one that is known.
    Unchanged,
    /// It does not exist, or is being removed.
    Going,
    /// It is another one: its uid and generation, and all of it.
    Changed((String, i64), Box<CustomResourceDefinition>),
}

/// Reads whether the CRD `name`, such as `coderworkspaces.coder.com`, is there.
pub async fn crd_state(client: &Client, name: &str) -> Result<CrdState, Error> {
    Ok(metadata(client, name)
        .await?
        .map_or(CrdState::Missing, |metadata| state(&metadata)))
}

/// Reads the CRD `name`, if its uid or generation is another one than is `known`.
pub async fn installed(
    client: &Client,
    name: &str,
    known: Option<&(String, i64)>,
) -> Result<Installed, Error> {
    let Some(found) = metadata(client, name).await? else {
        return Ok(Installed::Going);
    };
    if state(&found) == CrdState::Terminating {
        return Ok(Installed::Going);
    }
    if known.is_some() && known == version(&found).as_ref() {
        return Ok(Installed::Unchanged);
    }
    let call = call(name);
    let request = call::requests::<CustomResourceDefinition>(&call.target)
        .and_then(|requests| requests.get(name, &GetParams::default()));
    let crd: CustomResourceDefinition = match call.send(client, request).await {
        Ok(reply) => call.read(&reply)?,
        Err(error) if error.is_not_found() => return Ok(Installed::Going),
        Err(error) => return Err(error),
    };
    let version = version(&crd.metadata).unwrap_or_default();
    Ok(Installed::Changed(version, Box::new(crd)))
}

/// Likewise of kind `K`, as far as whoever may not read CRDs can know: by what the API server serves of it. A kind
/// that is being removed loses its verb `create`, a moment after its objects began to be deleted.
pub async fn served<K: Resource<DynamicType = ()>>(client: &Client) -> Result<CrdState, Error> {
    let version = K::api_version(&());
    let call = Call::new(Action::Read, Target::of::<K>(None, &K::plural(&())));
    let request = Request::get(format!("/apis/{version}")).body(Vec::new());
    let request = request.map_err(kube::core::request::Error::BuildRequest);
    let served: APIResourceList = match call.send(client, request).await {
        Ok(reply) => call.read(&reply)?,
        Err(error) if error.is_not_found() => return Ok(CrdState::Missing),
        Err(error) => return Err(error),
    };
    let kind = served
        .resources
        .iter()
        .find(|one| one.name == K::plural(&()));
    Ok(match kind {
        Some(kind) if kind.verbs.iter().any(|verb| verb == "create") => CrdState::Present,
        Some(_) => CrdState::Terminating,
        None => CrdState::Missing,
    })
}

fn call(name: &str) -> Call {
    Call::new(
        Action::Read,
        Target::of::<CustomResourceDefinition>(None, name),
    )
}

async fn metadata(client: &Client, name: &str) -> Result<Option<ObjectMeta>, Error> {
    let call = call(name);
    let request = call::requests::<CustomResourceDefinition>(&call.target)
        .and_then(|requests| requests.get_metadata(name, &GetParams::default()));
    match call.send(client, request).await {
        Ok(reply) => {
            let crd: PartialObjectMeta<CustomResourceDefinition> = call.read(&reply)?;
            Ok(Some(crd.metadata))
        }
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn version(metadata: &ObjectMeta) -> Option<(String, i64)> {
    Some((metadata.uid.clone()?, metadata.generation?))
}

fn state(metadata: &ObjectMeta) -> CrdState {
    match metadata.deletion_timestamp {
        Some(_) => CrdState::Terminating,
        None => CrdState::Present,
    }
}

#[cfg(test)]
mod tests;
