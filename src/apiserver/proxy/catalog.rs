//! What this server says of itself: discovery and `OpenAPI`, derived from what kube-apiserver says of
//! the CRDs, and kept when it cannot be asked.
//!
//! A kind whose CRD is missing is left out until it comes: what is not said to be there holds up no
//! deletion of a namespace. The documents themselves are never missing, for kube-apiserver takes a 404 on
//! one of them for good: none is answered before kube-apiserver has said what there is.

pub(super) mod discovery;
pub(super) mod openapi;
mod page;

use std::{convert::Infallible, sync::Arc, time::Duration};

use http::{Request, header};
use kube::Client;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{error::Elapsed, sleep, timeout},
};

use self::{discovery::Discovery, openapi::OpenApi};
use super::route::Resource;
use crate::api::text::chain;
use crate::apiserver::names::{STORED_GROUP_VERSION, STORED_VERSION_PATH};

/// How often kube-apiserver is asked.
const REFRESH: Duration = Duration::from_secs(15);
/// How often while something is missing.
const SOON: Duration = Duration::from_secs(1);
/// How long a document may take.
const DOCUMENT: Duration = Duration::from_secs(30);

/// The documents, ready to be sent.
#[derive(Debug, PartialEq)]
pub(in crate::apiserver) struct Catalog {
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
        cause: Box<kube::Error>,
    },
    #[error("{path} did not come from kube-apiserver within {} s", DOCUMENT.as_secs())]
    Late {
        path: String,
        #[source]
        cause: Elapsed,
    },
    #[error("{STORED_VERSION_PATH} of kube-apiserver is no list of resources")]
    NoList,
}

/// Keeps `catalog` up to date for ever.
pub(in crate::apiserver) async fn follow(
    client: Client,
    catalog: watch::Sender<Option<Arc<Catalog>>>,
) -> Infallible {
    let mut said = None;
    loop {
        let trouble = match read(&client).await {
            Ok(read) => {
                let missing = read.missing();
                catalog.send_if_modified(|current| {
                    let changed = current.as_deref() != Some(&read);
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

async fn read(client: &Client) -> Result<Catalog, CatalogError> {
    let resources = document(client, STORED_VERSION_PATH).await?;
    let resources = resources.unwrap_or_else(|| json!({"resources": []}));
    let discovery = Discovery::renamed(&resources).ok_or(CatalogError::NoList)?;
    let index = document(client, "/openapi/v3").await?;
    let stored = match index.as_ref().and_then(openapi::stored_path) {
        Some(path) => document(client, &path).await?,
        None => None,
    };
    let openapi = OpenApi::renamed(stored.unwrap_or_else(openapi::nothing));
    Ok(Catalog { discovery, openapi })
}

/// What is at `path`; none where kube-apiserver says that nothing is.
async fn document(client: &Client, path: &str) -> Result<Option<Value>, CatalogError> {
    let path = || path.to_owned();
    let read = |cause| CatalogError::Read {
        path: path(),
        cause: Box::new(cause),
    };
    let request = Request::get(path()).header(header::ACCEPT, "application/json");
    let request = request.body(Vec::new());
    let request = request.map_err(|error| read(kube::Error::HttpError(error)))?;
    let late = |cause| CatalogError::Late {
        path: path(),
        cause,
    };
    let answer = timeout(DOCUMENT, client.request(request));
    match answer.await.map_err(late)? {
        Ok(document) => Ok(Some(document)),
        // Such an answer may be no Status, which `is_not_found` asks for.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(read(error)),
    }
}

impl Catalog {
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
