//! The aggregated API itself: what a request is about, and its way to kube-apiserver and back.
//!
//! Stands on the server, which knows nothing of what passes.

pub(super) mod catalog;
mod delete;
pub(super) mod gateway;
mod headers;
mod negotiate;
mod query;
pub(super) mod refusal;
mod relay;
mod request;
pub mod rewrite;
mod route;
mod update;
pub(super) mod upstream;

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};

use self::{
    refusal::Refusals,
    relay::{Relay, whole},
    request::ProxyRequest,
    rewrite::Options,
    route::{Target, Verb},
    upstream::Upstream,
};
use super::server::{
    body::{Body, coming},
    fault::Fault,
    limits::{Limits, Load},
};

/// The way to kube-apiserver and back.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) upstream: Arc<Upstream>,
    pub(super) refusals: Refusals,
    pub(super) limits: Limits,
}

/// What kube-apiserver says to this server itself.
#[derive(Debug)]
enum Asked {
    /// It has done what was asked for.
    Done(Bytes),
    /// It has not; this is what the client would be told.
    Refused(StatusCode, Response<Body>),
}

impl Proxy {
    /// Sends `request` and passes on whatever is answered.
    async fn pass(&self, request: &ProxyRequest) -> Result<Response<Body>, Fault> {
        let answer = self.send(request).await?;
        let is_watch = request.target.verb == Verb::Watch && answer.status() == StatusCode::OK;
        let relay = Relay {
            options: Options {
                omit_files: request.omits_files(),
                foreign: request.foreign,
                yaml: request.yaml.is_for(answer.status()),
            },
            gzip: request.gzip,
            ending: is_watch.then(|| request.ending.clone()),
        };
        relay.pass(answer, &self.limits).await
    }

    /// Sends `request` and reads the answer whole, for this server itself to use.
    async fn ask(&self, request: &ProxyRequest) -> Result<Asked, Fault> {
        let answer = self.send(request).await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(Asked::Done(whole(answer.into_body()).await?));
        }
        let told = Relay::default().pass(answer, &self.limits).await?;
        Ok(Asked::Refused(status, told))
    }

    /// What kube-apiserver says, unless it refuses for a reason that is this server's own.
    async fn send(&self, request: &ProxyRequest) -> Result<Response<Body>, Fault> {
        let Target { verb, resource, .. } = request.target;
        let answer = self
            .upstream
            .send(request.outgoing()?, verb.load() != Load::Write);
        let answer = answer.await?.map(coming);
        match answer.status() {
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => {
                self.refusals.told(answer, resource).await
            }
            _ => Ok(answer),
        }
    }
}
