//! One request on its way to kube-apiserver.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::Full;
use tokio_util::sync::CancellationToken;

use super::{
    negotiate::{Media, Yaml},
    query::Query,
    route::{Resource, Target, Verb},
    upstream::Outgoing,
};
use crate::apiserver::{names::STORED_VERSION_PATH, server::fault::Fault};

/// A request that its sender may make, as it is understood; the body already in stored words.
#[derive(Clone, Debug)]
pub(super) struct ProxyRequest {
    pub(super) target: Target,
    pub(super) method: Method,
    /// Nothing in it names a group.
    pub(super) query: Query,
    /// What kube-apiserver may know.
    pub(super) headers: HeaderMap,
    /// What the body is written in.
    pub(super) media: Media,
    pub(super) body: Bytes,
    /// Whether the body was for the stored group, and so has to be refused in the right words.
    pub(super) foreign: bool,
    /// Whether its sender may not see the files that are in the answer.
    pub(super) hides_files: bool,
    /// What of the answers the client wants in YAML.
    pub(super) yaml: Yaml,
    /// Whether the client takes gzip.
    pub(super) gzip: bool,
    /// Ends it, where it is a watch.
    pub(super) ending: CancellationToken,
}

impl ProxyRequest {
    /// The request that kube-apiserver gets.
    pub(super) fn outgoing(&self) -> Result<Outgoing, Fault> {
        let mut path = self.target.path(STORED_VERSION_PATH);
        let query = self.query.written();
        if !query.is_empty() {
            path.push('?');
            path.push_str(&query);
        }
        let mut outgoing = Request::new(Full::new(self.body.clone()));
        *outgoing.method_mut() = self.method.clone();
        *outgoing.uri_mut() = path
            .parse()
            .map_err(|error| Fault::BadRequest(format!("the path or query is none: {error}")))?;
        *outgoing.headers_mut() = self.headers.clone();
        let media = HeaderValue::from_static(self.media.name());
        outgoing.headers_mut().insert(header::CONTENT_TYPE, media);
        Ok(outgoing)
    }

    /// The same caller's read of the object that this is about, whole and in JSON.
    pub(super) fn read(&self) -> Self {
        let mut headers = self.headers.clone();
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::ACCEPT, json);
        Self {
            target: Target {
                verb: Verb::Get,
                status: false,
                ..self.target.clone()
            },
            method: Method::GET,
            query: Query::default(),
            headers,
            media: Media::Json,
            body: Bytes::new(),
            foreign: false,
            hides_files: false,
            yaml: Yaml::None,
            gzip: false,
            ending: self.ending.clone(),
        }
    }

    /// LIST and WATCH of templates never had the files, and old clients hold all templates in memory.
    pub(super) fn omits_files(&self) -> bool {
        let is_of_many = matches!(
            self.target.verb,
            Verb::List | Verb::Watch | Verb::DeleteCollection
        );
        self.hides_files || (self.target.resource == Resource::Templates && is_of_many)
    }
}
