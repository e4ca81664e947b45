//! What a 404 or 403 of kube-apiserver is about.
//!
//! The garbage collector and the namespace controller act on a 404 from this server. So only what
//! certainly says that an object or a namespace does not exist is passed on as one; a missing CRD is a
//! fault of the installation and must look like one.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{
    body::{Body, full},
    fault::Fault,
    headers,
    names::{STORED_GROUP, VERSION},
    negotiate::Written,
    relay::{rename, whole},
    rewrite::Options,
    route::Resource,
    upstream::{Answer, Upstream},
};
use crate::k8s::config::USER_AGENT;

const SELF_REVIEW: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

/// Judges refusals; clones share what was found out.
#[derive(Clone, Debug, Default)]
pub(super) struct Judge {
    /// As whom kube-apiserver knows this server.
    own_name: Arc<OnceCell<String>>,
}

impl Judge {
    /// Passes the refusal on, or says that it is none of the client's doing.
    pub(super) async fn refusal(
        &self,
        upstream: &Upstream,
        answer: Answer,
        options: Options,
        resource: Resource,
    ) -> Result<Response<Body>, Fault> {
        let (head, body) = answer.into_parts();
        let body = whole(body).await?;
        let written = Written::of(&head)?;
        let status = read(&body, written);
        match head.status {
            StatusCode::NOT_FOUND if !says_what_is_missing(status.as_ref()) => {
                return Err(missing(resource));
            }
            StatusCode::FORBIDDEN => {
                let message = status
                    .as_ref()
                    .and_then(|status| status["message"].as_str());
                self.check_own_rights(upstream, message.unwrap_or_default())
                    .await?;
            }
            _ => {}
        }
        let mut headers = headers::response(&head.headers, options.foreign);
        let body = rename(&body, written, options, &mut headers);
        let mut response = Response::new(full(body));
        *response.status_mut() = head.status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// A refusal that speaks of this server's own account is about its installation.
    async fn check_own_rights(&self, upstream: &Upstream, message: &str) -> Result<(), Fault> {
        let own = self.own_name.get_or_try_init(|| own_name(upstream)).await;
        let Ok(own) = own else {
            tracing::warn!("kube-apiserver does not say as whom it knows this server");
            return Ok(());
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

async fn own_name(upstream: &Upstream) -> Result<String, Fault> {
    let review = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}"#;
    let mut request = Request::new(Full::new(Bytes::from_static(review.as_bytes())));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = http::Uri::from_static(SELF_REVIEW);
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(header::CONTENT_TYPE, json);
    request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
    let answer = upstream.send(request, true).await?;
    let review = read(&whole(answer.into_body()).await?, Written::Json);
    review
        .and_then(|review| {
            Some(
                review
                    .pointer("/status/userInfo/username")?
                    .as_str()?
                    .to_owned(),
            )
        })
        .ok_or_else(|| Fault::Internal("there is no name in the SelfSubjectReview".to_owned()))
}

fn read(body: &[u8], written: Written) -> Option<Value> {
    match written {
        Written::Json => serde_json::from_slice(body).ok(),
        Written::Plain => None,
    }
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
