//! What this server says of itself: discovery and `OpenAPI`, derived from what kube-apiserver says of
//! the CRDs, and kept when it cannot be asked.
//!
//! kube-apiserver takes a 404 on one of these documents for good, so none is answered before the first
//! catalog is there, and a catalog once read is served until a better one is.

pub(super) mod discovery;
pub(super) mod openapi;

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use serde_json::Value;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use self::{discovery::Discovery, openapi::OpenApi};
use super::{
    fault::Fault,
    names::STORED_VERSION_PATH,
    upstream::{Upstream, chain},
};
use crate::k8s::config::USER_AGENT;

/// How often kube-apiserver is asked.
const REFRESH: Duration = Duration::from_secs(60);
/// How often while there is no catalog.
const FIRST: Duration = Duration::from_secs(1);
/// The largest document that is taken.
const DOCUMENT_LIMIT: usize = 16 * 1024 * 1024;
/// How long a document may take.
const DOCUMENT: Duration = Duration::from_secs(30);

/// The documents, ready to be sent.
#[derive(Debug)]
pub(super) struct Catalog {
    pub(super) discovery: Discovery,
    pub(super) openapi: OpenApi,
}

/// Why there is no newer catalog.
#[derive(Debug, thiserror::Error)]
enum CatalogError {
    #[error("cannot read {path} from kube-apiserver")]
    Read {
        path: String,
        #[source]
        cause: Fault,
    },
    #[error("kube-apiserver answered {status} for {path}; are the CRDs of coder.com installed?")]
    Refused { path: String, status: StatusCode },
    #[error("{path} of kube-apiserver is no JSON")]
    NotJson {
        path: String,
        source: serde_json::Error,
    },
    #[error("kube-apiserver does not serve {0} yet")]
    Missing(&'static str),
}

/// Keeps `catalog` up to date for ever.
pub(super) async fn follow(
    upstream: Arc<Upstream>,
    catalog: watch::Sender<Option<Arc<Catalog>>>,
) -> Infallible {
    let mut said = None;
    loop {
        match read(&upstream).await {
            Ok(read) => {
                said = None;
                catalog.send_if_modified(|current| {
                    let changed = current
                        .as_ref()
                        .is_none_or(|current| !current.says_the_same(&read));
                    if changed {
                        *current = Some(Arc::new(read));
                    }
                    changed
                });
            }
            Err(error) => {
                let error = chain(&error);
                if said.as_ref() != Some(&error) {
                    tracing::warn!(%error, "the documents of the API stay as they are");
                    said = Some(error);
                }
            }
        }
        let waiting = catalog.borrow().is_none();
        sleep(if waiting { FIRST } else { REFRESH }).await;
    }
}

async fn read(upstream: &Upstream) -> Result<Catalog, CatalogError> {
    let resources = document(upstream, STORED_VERSION_PATH).await?;
    let discovery = Discovery::renamed(&resources)
        .ok_or(CatalogError::Missing("coderworkspaces and codertemplates"))?;
    let index = document(upstream, "/openapi/v3").await?;
    let path = openapi::stored_path(&index).ok_or(CatalogError::Missing(
        "an OpenAPI document for coder.com/v1alpha1",
    ))?;
    let openapi = OpenApi::renamed(document(upstream, &path).await?);
    Ok(Catalog { discovery, openapi })
}

async fn document(upstream: &Upstream, path: &str) -> Result<Value, CatalogError> {
    let unread = |cause| CatalogError::Read {
        path: path.to_owned(),
        cause,
    };
    let mut request = Request::new(Full::<Bytes>::default());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = path
        .parse()
        .map_err(|_| unread(Fault::Internal(format!("{path} is no path"))))?;
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(header::ACCEPT, json);
    request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
    let answer = upstream.send(request, true).await.map_err(unread)?;
    let status = answer.status();
    if status != StatusCode::OK {
        return Err(CatalogError::Refused {
            path: path.to_owned(),
            status,
        });
    }
    let body = Limited::new(answer.into_body(), DOCUMENT_LIMIT).collect();
    let body = timeout(DOCUMENT, body)
        .await
        .map_err(|_| unread(Fault::Timeout("it did not come in time".to_owned())))?
        .map_err(|error| unread(Fault::Unavailable(error.to_string())))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|source| CatalogError::NotJson {
        path: path.to_owned(),
        source,
    })
}

impl Catalog {
    fn says_the_same(&self, other: &Self) -> bool {
        self.discovery == other.discovery && self.openapi == other.openapi
    }
}
