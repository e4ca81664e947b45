//! DELETE of one object keeps its old meaning: delete it in coderd.
//!
//! An object that was imported would only go from Kubernetes, and come back with the next sweep. So
//! where nobody has declared a deletion policy, this server asks whether the deletion would be allowed,
//! and if so declares `Delete`, with the finalizer that makes it hold, in one write that has to meet the
//! object as it was read; then it deletes exactly what that write left. If that is refused after all, the
//! claim is taken back at once: a later plain delete must not take the twin along. Where it cannot be, or
//! nobody knows whether the deletion came, the claim of `coder-k8s-shim` stays on an object that is not
//! being deleted, and the controller drops it after a minute.
//!
//! The controllers of Kubernetes itself mean the object only, as does `deletecollection`: deleting a
//! namespace must not wipe coderd.

mod claim;
mod options;

use http::{Method, Response, StatusCode};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;
use serde_json::{Value, json};

pub(super) use self::options::check_options;
use self::{
    claim::{Before, Claimed, Object},
    options::{dry, exactly, names_version, options},
};
use super::{Asked, Proxy, negotiate::Media, query::Query, request::ProxyRequest, route::Verb};
use crate::apiserver::{
    names::STORED_VERSION_PATH,
    server::{body::Body, fault::Fault},
};
use crate::{
    api::names::{MANAGER_SHIM, SYSTEM_CONTROLLERS},
    k8s::{identity::Identity, yaml},
};

/// How often an object that others change meanwhile is read anew.
const TRIES: usize = 5;

/// Takes the old meaning to coderd, then deletes the object. Once begun, it has to be run to its end.
pub(super) async fn delete(
    proxy: Proxy,
    request: ProxyRequest,
    identity: Identity,
) -> Result<Response<Body>, Fault> {
    if is_system_controller(&identity) {
        return proxy.pass(&request).await;
    }
    let Some(options) = options(&request) else {
        // kube-apiserver says what is wrong with them.
        return proxy.pass(&request).await;
    };
    let mut deletion = Deletion {
        proxy,
        request,
        options,
        claimed: None,
    };
    let answered = deletion.run().await;
    let is_refused = match &answered {
        Ok(answer) => !answer.status().is_success(),
        // It may have been carried out.
        Err(Fault::Timeout(_)) => false,
        Err(_) => true,
    };
    if let (true, Some(claimed)) = (is_refused, &deletion.claimed) {
        deletion.take_back(claimed).await;
    }
    answered
}

/// Whether the caller is a controller of Kubernetes itself that deletes what belongs to something else.
fn is_system_controller(identity: &Identity) -> bool {
    SYSTEM_CONTROLLERS.contains(&identity.name.as_str())
}

/// What was answered with 409, and for which state of the object.
struct Conflict {
    version: Option<String>,
    told: Response<Body>,
}

impl Conflict {
    fn on(object: Object, told: Response<Body>) -> Self {
        let version = object.metadata.resource_version;
        Self { version, told }
    }
}

/// One deletion on its way.
struct Deletion {
    proxy: Proxy,
    request: ProxyRequest,
    options: DeleteOptions,
    /// What it has claimed so far.
    claimed: Option<Claimed>,
}

impl Deletion {
    async fn run(&mut self) -> Result<Response<Body>, Fault> {
        let mut conflict: Option<Conflict> = None;
        for _ in 0..TRIES {
            let live = match self.proxy.ask(&self.request.read()).await? {
                Asked::Done(live) => object(&live)?,
                Asked::Refused(StatusCode::NOT_FOUND, _) => {
                    return self.proxy.pass(&self.request).await;
                }
                // Deleted as it is, the object would leave its twin behind without a word.
                Asked::Refused(_, told) => return Ok(told),
            };
            if let Some(Conflict { version, told }) = conflict.take()
                && version == live.metadata.resource_version
            {
                // Nobody was faster: it is refused for another reason, such as by a webhook.
                return Ok(told);
            }
            let ready = match Before::of(&live, &self.options) {
                Before::Nothing => return self.proxy.pass(&self.request).await,
                Before::StayingClaimed => live,
                Before::Claim(claim) => match self.claim(&live, &claim).await? {
                    Asked::Done(claimed) => object(&claimed)?,
                    Asked::Refused(StatusCode::CONFLICT, told) => {
                        conflict = Some(Conflict::on(live, told));
                        continue;
                    }
                    // Somebody was faster.
                    Asked::Refused(StatusCode::NOT_FOUND, _) => continue,
                    Asked::Refused(_, told) => return Ok(told),
                },
            };
            let exactly = exactly(self.options.clone(), &ready.metadata);
            let deleted = self.proxy.pass(&self.deleting(&exactly)).await?;
            // The claim has woken the controller, which may have written meanwhile.
            if deleted.status() != StatusCode::CONFLICT || names_version(&self.options) {
                return Ok(deleted);
            }
            conflict = Some(Conflict::on(ready, deleted));
        }
        Err(Fault::Unavailable(
            "the object changes too fast to be deleted, please try again".to_owned(),
        ))
    }

    /// Claims the object as it is, if its deletion would be allowed.
    async fn claim(&mut self, live: &Object, claim: &Value) -> Result<Asked, Fault> {
        let trial = dry(exactly(self.options.clone(), &live.metadata));
        let asked = self.proxy.ask(&self.deleting(&trial)).await?;
        if let Asked::Refused(..) = asked {
            return Ok(asked);
        }
        let asked = self.apply(claim).await?;
        if let Asked::Done(claimed) = &asked {
            self.claimed = Claimed::on(&object(claimed)?);
        }
        Ok(asked)
    }

    /// Leaves the object as if nothing had been claimed. Others may write it meanwhile.
    async fn take_back(&self, claimed: &Claimed) {
        for _ in 0..TRIES {
            let undone = match self.proxy.ask(&self.request.read()).await {
                Ok(Asked::Done(live)) => object(&live).ok().and_then(|live| claimed.undone(&live)),
                Ok(Asked::Refused(StatusCode::NOT_FOUND, _)) => None,
                Ok(Asked::Refused(..)) | Err(_) => break,
            };
            let Some(undone) = undone else { return };
            match self.apply(&undone).await {
                Ok(Asked::Done(_)) => return,
                Ok(Asked::Refused(StatusCode::CONFLICT, _)) => {}
                Ok(Asked::Refused(..)) | Err(_) => break,
            }
        }
        tracing::warn!(
            object = self.request.target.path(STORED_VERSION_PATH),
            "the claim of a deletion that was refused cannot be taken back: the controller drops it \
             after a minute"
        );
    }

    /// A DELETE with these options instead of the caller's.
    fn deleting(&self, options: &DeleteOptions) -> ProxyRequest {
        let mut deleting = self.request.clone();
        deleting.media = Media::Json;
        deleting.body = json!(options).to_string().into();
        deleting.query = Query::default();
        deleting
    }

    /// Applies as this server.
    async fn apply(&self, object: &Value) -> Result<Asked, Fault> {
        let mut applying = self.request.read();
        applying.method = Method::PATCH;
        applying.target.verb = Verb::Patch;
        applying.query = Query::of("fieldManager", MANAGER_SHIM);
        applying.media = Media::Apply;
        applying.body = yaml::written(object).into();
        self.proxy.ask(&applying).await
    }
}

fn object(body: &[u8]) -> Result<Object, Fault> {
    serde_json::from_slice(body)
        .map_err(|error| Fault::Internal(format!("the object to delete cannot be read: {error}")))
}

#[cfg(test)]
mod tests;
