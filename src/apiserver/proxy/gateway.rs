//! What happens to one request: who asks, what for, whether they may, and what they get.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header, request::Parts};
use hyper::body::Incoming;
use k8s_openapi::api::authorization::v1::{
    FieldSelectorAttributes, LabelSelectorAttributes, ResourceAttributes,
};
use tokio::{sync::watch, time::Instant};

use super::{
    Proxy,
    catalog::Catalog,
    delete, headers,
    negotiate::{Accept, Media, accepts_gzip},
    query::Query,
    request::ProxyRequest,
    rewrite::{self, Rewritten},
    route::{Document, Probe, Resource, Route, Target, Verb},
    update,
};
use crate::apiserver::{
    names::{GROUP, VERSION},
    server::{
        authorization::{self, Attributes, Authorizer},
        body::{Body, full},
        fault::Fault,
        limits::{Held, Permit},
        ready::Ready,
        sending::{in_time, keeping},
        serve::{Answers, Caller, Shared},
    },
};
use crate::{
    api::text::chain,
    k8s::{clock::Clock, identity::Identity},
};

/// Everything that requests share.
pub(in crate::apiserver) struct Gateway {
    pub(in crate::apiserver) shared: Shared,
    pub(in crate::apiserver) authorizer: Authorizer,
    pub(in crate::apiserver) catalog: watch::Receiver<Option<Arc<Catalog>>>,
    pub(in crate::apiserver) ready: Arc<Ready<Catalog>>,
    pub(in crate::apiserver) proxy: Proxy,
    pub(in crate::apiserver) clock: Clock,
}

/// A request without its body, as it was understood. The query that came is not among it: there is
/// nothing to decide by, or to pass on, but what was read.
#[derive(Debug)]
struct Head {
    method: Method,
    path: String,
    query: Query,
    headers: HeaderMap,
}

impl Head {
    fn read(parts: Parts) -> Result<Self, Fault> {
        Ok(Self {
            path: parts.uri.path().to_owned(),
            query: Query::read(parts.uri.query().unwrap_or_default())?,
            method: parts.method,
            headers: parts.headers,
        })
    }
}

impl Answers for Gateway {
    async fn answer(&self, caller: &Caller, request: Request<Incoming>) -> Response<Body> {
        let started = Instant::now();
        let (parts, body) = request.into_parts();
        let is_head = parts.method == Method::HEAD;
        let (route, answered) = match Head::read(parts) {
            Ok(head) => {
                let route = Route::find(&head.method, &head.path, &head.query);
                let answered = self.dispatch(caller, &route, head, body).await;
                (route, answered)
            }
            Err(unreadable) => (Route::Unknown, Err(unreadable)),
        };
        let response = answered.unwrap_or_else(|fault| fault.response());
        let (labels, took) = match &route {
            Route::Target(Target { verb, resource, .. }) => {
                let took = (*verb != Verb::Watch).then(|| started.elapsed());
                ((verb.word(), resource.plural()), took)
            }
            Route::Probe(_) | Route::Document(_) | Route::Unknown => (("", ""), None),
        };
        let metrics = &self.shared.metrics;
        metrics.answered(labels, response.status(), took);
        if is_head {
            return response.map(|_| full(Bytes::new()));
        }
        response
    }
}

impl Gateway {
    async fn dispatch(
        &self,
        caller: &Caller,
        route: &Route,
        head: Head,
        body: Incoming,
    ) -> Result<Response<Body>, Fault> {
        if let Route::Probe(probe) = route {
            return Ok(self.probe(*probe, &head));
        }
        let identity = self
            .shared
            .authenticator
            .authenticate(&caller.peer, &head.headers)?;
        match route {
            Route::Target(target) => {
                self.authorize(&identity, &attributes(target, target.verb, &head))
                    .await?;
                self.serve(caller, target, &identity, head, body).await
            }
            Route::Document(document) => {
                let attributes = Attributes::Path {
                    path: head.path.clone(),
                    verb: head.method.as_str().to_ascii_lowercase(),
                };
                self.authorize(&identity, &attributes).await?;
                Ok(self.document(*document, &head)?.map(in_time))
            }
            Route::Probe(_) | Route::Unknown => Err(Fault::NoSuchPath),
        }
    }

    async fn authorize(&self, identity: &Identity, attributes: &Attributes) -> Result<(), Fault> {
        match self.authorizer.authorize(identity, attributes).await {
            Ok(authorization::Decision::Allowed) => Ok(()),
            Ok(authorization::Decision::Denied { reason }) => {
                let (plural, name) = attributes.object();
                Err(Fault::Forbidden {
                    plural: plural.to_owned(),
                    name: name.to_owned(),
                    message: authorization::forbidden_message(identity, attributes, &reason),
                })
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "cannot review access");
                Err(Fault::Internal("access cannot be reviewed now".to_owned()))
            }
        }
    }

    async fn may(&self, identity: &Identity, attributes: &Attributes) -> Result<bool, Fault> {
        match self.authorize(identity, attributes).await {
            Ok(()) => Ok(true),
            Err(Fault::Forbidden { .. }) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    fn probe(&self, probe: Probe, head: &Head) -> Response<Body> {
        let verbose = head.query.first("verbose").is_some();
        match probe {
            Probe::Live => Response::new(full("ok")),
            Probe::Ready => self.ready.answer(verbose),
        }
    }

    fn document(&self, document: Document, head: &Head) -> Result<Response<Body>, Fault> {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return Err(Fault::MethodNotAllowed);
        }
        match document {
            Document::Groups => self.catalog()?.discovery.groups(&head.headers),
            Document::Group => Ok(self.catalog()?.discovery.group.answer()),
            Document::Resources => Ok(self.catalog()?.discovery.resources.answer()),
            Document::OpenApiIndex => Ok(self.catalog()?.openapi.index.answer()),
            Document::OpenApi => {
                let openapi = &self.catalog()?.openapi;
                openapi.document(&head.query, &head.headers, self.clock.now())
            }
        }
    }

    /// kube-apiserver takes a 404 on these for good, and a 503 for what it is.
    fn catalog(&self) -> Result<Arc<Catalog>, Fault> {
        self.catalog.borrow().clone().ok_or_else(|| {
            Fault::Unavailable(
                "the documents of coder.com/v1alpha1 have not been read yet".to_owned(),
            )
        })
    }

    /// Passes a request for objects on, for somebody who may make it.
    async fn serve(
        &self,
        caller: &Caller,
        target: &Target,
        identity: &Identity,
        head: Head,
        body: Incoming,
    ) -> Result<Response<Body>, Fault> {
        if head.headers.contains_key(header::UPGRADE) {
            return Err(Fault::BadRequest(
                "connections are not upgraded: watch over HTTP".to_owned(),
            ));
        }
        // kube-apiserver would look first whether this server may, and it may only what there is.
        if target.status && !matches!(target.verb, Verb::Get | Verb::Update | Verb::Patch) {
            return Err(Fault::NotSupported {
                verb: target.verb.word(),
                plural: target.resource.plural(),
            });
        }
        let permit = self.proxy.limits.enter(target.verb.load())?;
        let held = self.proxy.limits.read(body).await?;
        let (media, body) = meant(target, &head.headers, held.bytes.clone())?;
        let (body, foreign) = self.stored(target, media, body).await?;
        let accept = Accept::of(target.verb, &head.headers)?;
        let request = ProxyRequest {
            target: target.clone(),
            // What is missing is told by the body, which an answer to HEAD does not have.
            method: match head.method {
                Method::HEAD => Method::GET,
                ref method => method.clone(),
            },
            query: head.query.clone(),
            headers: headers::request(&head.headers, accept.header, caller.address),
            media,
            body,
            foreign,
            hides_files: false,
            yaml: accept.yaml,
            gzip: accepts_gzip(&head.headers),
            ending: caller.watches.clone(),
        };
        // Without a name it is about nothing, and kube-apiserver says so.
        let is_main = target.name.is_some() && !target.status;
        let answer = match target.verb {
            Verb::Patch if media == Media::Apply && is_main => {
                self.apply(identity, &head, request).await
            }
            Verb::Update if target.resource == Resource::Templates && is_main => {
                let get = attributes(target, Verb::Get, &head);
                let may_get = Box::pin(self.may(identity, &get));
                update::replace_template(&self.proxy, request, may_get).await
            }
            Verb::Watch => {
                let answer = self.proxy.pass(&request).await?;
                return Ok(answer.map(|body| keeping(body, permit)));
            }
            Verb::Delete => {
                delete::check_options(&request)?;
                let deleting = delete::delete(self.proxy.clone(), request, identity.clone());
                return self.to_its_end(deleting, permit, held).await;
            }
            Verb::DeleteCollection => {
                delete::check_options(&request)?;
                self.proxy.pass(&request).await
            }
            Verb::Get | Verb::List | Verb::Create | Verb::Update | Verb::Patch => {
                self.proxy.pass(&request).await
            }
        };
        Ok(answer?.map(|body| in_time(keeping(body, permit))))
    }

    /// Does what must not stop in the middle because its caller leaves.
    async fn to_its_end(
        &self,
        work: impl Future<Output = Result<Response<Body>, Fault>> + Send + 'static,
        permit: Permit,
        held: Held,
    ) -> Result<Response<Body>, Fault> {
        let done = self.shared.tasks.spawn(async move {
            let _held = held;
            (work.await, permit)
        });
        let given_up = |_| Fault::Internal("the request was given up".to_owned());
        let (answer, permit) = done.await.map_err(given_up)?;
        Ok(answer?.map(|body| in_time(keeping(body, permit))))
    }

    /// A body in stored words, and whether it was meant for the stored group.
    async fn stored(
        &self,
        target: &Target,
        media: Media,
        body: Bytes,
    ) -> Result<(Bytes, bool), Fault> {
        let rewritten = match (target.verb, media) {
            (Verb::Create | Verb::Update, Media::Json) | (Verb::Patch, Media::MergePatch) => {
                rewrite::object(&body, false)
            }
            (Verb::Create | Verb::Update, Media::Yaml) | (Verb::Patch, Media::Apply) => {
                let object = |body: &Bytes| owned(rewrite::object(body, true));
                return self.proxy.limits.compute(body, object).await;
            }
            (Verb::Patch, Media::JsonPatch) => rewrite::json_patch(&body),
            (_, _) => return Ok((body, false)),
        };
        Ok(owned(rewritten))
    }

    /// kube-apiserver would judge whether an apply may create by this server's rights.
    async fn apply(
        &self,
        identity: &Identity,
        head: &Head,
        request: ProxyRequest,
    ) -> Result<Response<Body>, Fault> {
        let create = attributes(&request.target, Verb::Create, head);
        match self.authorize(identity, &create).await {
            Ok(()) => self.proxy.pass(&request).await,
            Err(refusal @ Fault::Forbidden { .. }) => {
                update::apply_to_existing(&self.proxy, request, refusal).await
            }
            Err(fault) => Err(fault),
        }
    }
}

/// The body as far as kube-apiserver reads one, and what it is written in.
fn meant(target: &Target, headers: &HeaderMap, body: Bytes) -> Result<(Media, Bytes), Fault> {
    let is_read = match target.verb {
        Verb::Create | Verb::Patch => true,
        Verb::Update => target.name.is_some(),
        Verb::Delete | Verb::DeleteCollection => !body.is_empty(),
        Verb::Get | Verb::List | Verb::Watch => false,
    };
    if is_read {
        Ok((Media::of(target.verb, headers)?, body))
    } else {
        Ok((Media::Json, Bytes::new()))
    }
}

fn owned(rewritten: Rewritten) -> (Bytes, bool) {
    (rewritten.body.into_owned().into(), rewritten.foreign)
}

/// What is asked of RBAC. Selectors are asked for as they are: kube-apiserver reads them as it does those
/// of a request. One that it cannot read narrows nothing, so more has to be allowed.
fn attributes(target: &Target, verb: Verb, head: &Head) -> Attributes {
    let is_selective = matches!(verb, Verb::List | Verb::Watch | Verb::DeleteCollection);
    let selector = |name: &str| {
        let selector = is_selective.then(|| head.query.first(name)).flatten();
        selector.filter(|selector| !selector.is_empty())
    };
    let fields = selector("fieldSelector");
    let is_of_many = matches!(verb, Verb::List | Verb::Watch);
    let selected = fields
        .filter(|_| is_of_many)
        .and_then(authorization::exact_name);
    Attributes::Resource(Box::new(ResourceAttributes {
        field_selector: fields.map(|text| FieldSelectorAttributes {
            raw_selector: Some(text.to_owned()),
            requirements: None,
        }),
        group: Some(GROUP.to_owned()),
        label_selector: selector("labelSelector").map(|text| LabelSelectorAttributes {
            raw_selector: Some(text.to_owned()),
            requirements: None,
        }),
        name: target.name.clone().or(selected),
        namespace: target.namespace.clone(),
        resource: Some(target.resource.plural().to_owned()),
        subresource: target.status.then(|| "status".to_owned()),
        verb: Some(verb.word().to_owned()),
        version: Some(VERSION.to_owned()),
    }))
}

#[cfg(test)]
mod tests;
