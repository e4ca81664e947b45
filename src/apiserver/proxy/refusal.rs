//! What a 404 or 403 of kube-apiserver is about.
//!
//! The garbage collector and the namespace controller act on a 404 from this server. So only what
//! certainly says that an object or a namespace does not exist is passed on as one; a missing CRD is a
//! fault of the installation and must look like one.

use std::sync::Arc;

use http::{Response, StatusCode};
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::{Api, Client, api::PostParams};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{negotiate::Written, relay::whole, route::Resource};
use crate::api::text::chain;
use crate::apiserver::{
    names::{STORED_GROUP, VERSION},
    server::{
        body::{Body, full},
        fault::Fault,
    },
};

/// Tells whose doing a refusal is; clones share what was found out.
#[derive(Clone)]
pub(in crate::apiserver) struct Refusals {
    client: Client,
    /// As whom kube-apiserver knows this server.
    own_name: Arc<OnceCell<String>>,
}

impl Refusals {
    pub(in crate::apiserver) fn new(client: Client) -> Self {
        Self {
            client,
            own_name: Arc::default(),
        }
    }

    /// The same refusal, unless it is none of the client's doing.
    pub(super) async fn told(
        &self,
        answer: Response<Body>,
        resource: Resource,
    ) -> Result<Response<Body>, Fault> {
        let (head, body) = answer.into_parts();
        // Another form says nothing.
        Written::of(&head)?;
        let body = whole(body).await?;
        let status: Option<Value> = serde_json::from_slice(&body).ok();
        match (head.status, &status) {
            (StatusCode::NOT_FOUND, status) if !says_what_is_missing(status.as_ref()) => {
                return Err(missing(resource));
            }
            (StatusCode::FORBIDDEN, Some(status)) => {
                let message = status["message"].as_str();
                self.check_own_rights(message.unwrap_or_default()).await?;
            }
            _ => {}
        }
        Ok(Response::from_parts(head, full(body)))
    }

    /// A refusal that speaks of this server's own account is about its installation.
    async fn check_own_rights(&self, message: &str) -> Result<(), Fault> {
        let own = self.own_name.get_or_try_init(|| own_name(&self.client));
        let own = match own.await {
            Ok(own) => own,
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(
                    error,
                    "kube-apiserver does not say as whom it knows this server"
                );
                return Ok(());
            }
        };
        if !message.contains(&format!("User \"{own}\"")) {
            return Ok(());
        }
        tracing::error!(message, "this server lacks rights; see deploy/apiserver");
        Err(Fault::Internal(
            "the aggregated API lacks rights at kube-apiserver; its log says which".to_owned(),
        ))
    }
}

async fn own_name(client: &Client) -> Result<String, kube::Error> {
    let reviews = Api::all(client.clone());
    let review = SelfSubjectReview::default();
    let review = reviews.create(&PostParams::default(), &review).await?;
    let user = review.status.and_then(|status| status.user_info);
    Ok(user.and_then(|user| user.username).unwrap_or_default())
}

fn missing(resource: Resource) -> Fault {
    let plural = resource.plural();
    let message = format!(
        "kube-apiserver does not serve {plural}.{STORED_GROUP} in {VERSION} now: if its \
         CustomResourceDefinition is missing, install it with `kubectl apply --server-side -f \
         crds/{STORED_GROUP}_{plural}.yaml`, else try again"
    );
    tracing::warn!(message);
    Fault::Unavailable(message)
}

/// Whether it is a `Status` that names what does not exist: the object, or its namespace.
fn says_what_is_missing(status: Option<&Value>) -> bool {
    let Some(status) = status else { return false };
    let details = &status["details"];
    let has = |field: &str| details[field].as_str().is_some_and(|text| !text.is_empty());
    status["kind"] == "Status" && has("kind") && has("name")
}

#[cfg(test)]
mod tests;
