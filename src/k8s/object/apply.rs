//! Server-side apply: one manager, its complete set, each time.
//!
//! Assumption: each caller gives a manager's *whole* set. What a manager leaves out it gives up, and
//! where nobody else owns it, it is removed.

use http::StatusCode;
use kube::api::{Patch, PatchParams};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Key, Kind, Known, Objects, body::body, read};
use crate::{
    api::{
        names::{LABEL_ORIGIN, MANAGER_CONTROLLER},
        status::Origin,
    },
    k8s::{
        call::{self, Built, Call},
        error::{Action, Cause, Error},
        yaml,
    },
};

/// Whether an apply takes fields from managers that own them with another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// It fails, naming them ([`Error::field_conflicts`]).
    No,
    /// It takes them.
    Yes,
}

/// What an import found.
#[derive(Clone, Debug, PartialEq)]
pub enum Imported<K> {
    /// Nothing: this apply made the object.
    Created(K),
    /// An object with that name: this apply only joined in.
    Existed(K),
}

impl<K: Kind> Objects<K> {
    /// Applies `set` (the object without what names it, such as `{"spec": …}`) to the object that is
    /// known, as `manager`.
    pub async fn apply(
        &self,
        known: &Known,
        manager: &str,
        force: Force,
        set: Value,
    ) -> Result<K, Error> {
        let call = Self::call(Action::Apply, &known.key);
        let body = body::<K>(&known.key, Some(known), set);
        let request = call::requests::<K>(&call.target)
            .and_then(|requests| requests.patch(&known.key.name, &params(manager, force), &APPLY));
        let request = applying(request, &body);
        let reply = call.send(&self.client, request).await?;
        read::object(&call, &reply)
    }

    /// Applies `set` to an object that is not known, and creates it where it does not exist.
    pub async fn import(&self, key: &Key, manager: &str, set: Value) -> Result<Imported<K>, Error> {
        let call = Self::call(Action::Import, key);
        let body = body::<K>(key, None, set);
        let request = call::requests::<K>(&call.target)
            .and_then(|requests| requests.patch(&key.name, &params(manager, Force::No), &APPLY));
        let request = applying(request, &body);
        let reply = call.send(&self.client, request).await?;
        let object = read::object(&call, &reply)?;
        Ok(match reply.code {
            StatusCode::CREATED => Imported::Created(object),
            _ => Imported::Existed(object),
        })
    }

    /// Applies `status`, complete, as the controller. What others wrote there is taken over: nobody
    /// else has a say in it.
    ///
    /// The answer is metadata only, since the object may be a megabyte.
    pub async fn apply_status(
        &self,
        known: &Known,
        status: &impl Serialize,
    ) -> Result<Known, Error> {
        let call = Self::call(Action::ApplyStatus, &known.key);
        let status = serde_json::to_value(status).map_err(|error| unsendable(&call, error))?;
        let body = body::<K>(&known.key, Some(known), json!({ "status": status }));
        let request = call::requests::<K>(&call.target).and_then(|requests| {
            requests.patch_subresource(
                "status",
                &known.key.name,
                &params(MANAGER_CONTROLLER, Force::Yes),
                &APPLY,
            )
        });
        let request = applying(request, &body);
        let reply = call
            .send(&self.client, call::metadata_only(request))
            .await?;
        read::known(&call, &reply)
    }

    /// Applies the origin label, which is the controller's complete set outside of `status`.
    pub async fn apply_origin_label(
        &self,
        known: &Known,
        origin: Origin,
        force: Force,
    ) -> Result<Known, Error> {
        let call = Self::call(Action::Apply, &known.key);
        let set = json!({"metadata": {"labels": {LABEL_ORIGIN: origin.as_str()}}});
        let body = body::<K>(&known.key, Some(known), set);
        let request = call::requests::<K>(&call.target).and_then(|requests| {
            requests.patch_metadata(&known.key.name, &params(MANAGER_CONTROLLER, force), &APPLY)
        });
        let request = applying(request, &body);
        let reply = call.send(&self.client, request).await?;
        read::known(&call, &reply)
    }
}

/// An apply as kube builds it, without its body: kube would write that as JSON.
const APPLY: Patch<()> = Patch::Apply(());

/// `request`, which applies `body`.
fn applying(request: Built, body: &Value) -> Built {
    let mut request = request?;
    *request.body_mut() = yaml::written(body).into_bytes();
    Ok(request)
}

fn params(manager: &str, force: Force) -> PatchParams {
    let params = PatchParams::apply(manager);
    match force {
        Force::No => params,
        Force::Yes => params.force(),
    }
}

fn unsendable(call: &Call, error: serde_json::Error) -> Error {
    call.failed(Cause::Build(kube::core::request::Error::SerializeBody(
        error,
    )))
}
