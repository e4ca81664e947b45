//! What this server says of itself: discovery and `OpenAPI`, derived from what kube-apiserver says of
//! the CRDs, and kept when it cannot be asked.
//!
//! A kind whose CRD is missing is left out until it comes: what is not said to be there holds up no
//! deletion of a namespace. The documents themselves are never missing, for kube-apiserver takes a 404 on
//! one of them for good: none is answered before kube-apiserver has said what there is.

pub(super) mod discovery;
pub(super) mod openapi;

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use self::{discovery::Discovery, openapi::OpenApi};
use super::{
    fault::Fault,
    names::{STORED_GROUP_VERSION, STORED_VERSION_PATH},
    route::Resource,
    upstream::{Upstream, chain},
};
use crate::k8s::config::USER_AGENT;

/// How often kube-apiserver is asked.
const REFRESH: Duration = Duration::from_secs(15);
/// How often while something is missing.
const SOON: Duration = Duration::from_secs(1);
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
    #[error("kube-apiserver answered {status} for {path}")]
    Refused { path: String, status: StatusCode },
    #[error("{path} of kube-apiserver is no JSON")]
    NotJson {
        path: String,
        source: serde_json::Error,
    },
    #[error("{STORED_VERSION_PATH} of kube-apiserver is no list of resources")]
    NoList,
}

/// Keeps `catalog` up to date for ever.
pub(super) async fn follow(
    upstream: Arc<Upstream>,
    catalog: watch::Sender<Option<Arc<Catalog>>>,
) -> Infallible {
    let mut said = None;
    loop {
        let trouble = match read(&upstream).await {
            Ok(read) => {
                let missing = read.missing();
                catalog.send_if_modified(|current| {
                    let changed = current
                        .as_ref()
                        .is_none_or(|current| !current.says_the_same(&read));
                    if changed {
                        *current = Some(Arc::new(read));
                    }
                    changed
                });
                missing
            }
            Err(error) => Some(chain(&error)),
        };
        if let Some(error) = trouble.as_ref().filter(|_| trouble != said) {
            tracing::warn!(%error, "the documents of the API are not all that they should be");
        }
        sleep(if trouble.is_some() { SOON } else { REFRESH }).await;
        said = trouble;
    }
}

async fn read(upstream: &Upstream) -> Result<Catalog, CatalogError> {
    let resources = document(upstream, STORED_VERSION_PATH).await?;
    let resources = resources.unwrap_or_else(|| json!({"resources": []}));
    let discovery = Discovery::renamed(&resources).ok_or(CatalogError::NoList)?;
    let index = document(upstream, "/openapi/v3").await?;
    let stored = match index.as_ref().and_then(openapi::stored_path) {
        Some(path) => document(upstream, &path).await?,
        None => None,
    };
    let openapi = OpenApi::renamed(stored.unwrap_or_else(openapi::nothing));
    Ok(Catalog { discovery, openapi })
}

/// What is at `path`; none where kube-apiserver says that nothing is.
async fn document(upstream: &Upstream, path: &str) -> Result<Option<Value>, CatalogError> {
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
    if status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
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
    serde_json::from_slice(&body.to_bytes())
        .map(Some)
        .map_err(|source| CatalogError::NotJson {
            path: path.to_owned(),
            source,
        })
}

impl Catalog {
    fn says_the_same(&self, other: &Self) -> bool {
        self.discovery == other.discovery && self.openapi == other.openapi
    }

    /// Which kinds are left out, in one of the documents or in both.
    fn missing(&self) -> Option<String> {
        let is_there = |one: Resource| self.discovery.has(one) && self.openapi.has(one);
        let missing = Resource::ALL.into_iter().filter(|one| !is_there(*one));
        let missing: Vec<&str> = missing.map(Resource::plural).collect();
        (!missing.is_empty()).then(|| {
            format!(
                "kube-apiserver does not serve {} of {STORED_GROUP_VERSION}, or does not describe them: \
                 are their CRDs installed?",
                missing.join(" and ")
            )
        })
    }
}
