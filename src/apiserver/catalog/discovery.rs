//! Discovery documents in their two forms: the old lists, and the aggregated one.
//!
//! Short names and categories are left out: the CRDs have the same ones, and a client that finds a name
//! twice has to guess. So is `storageVersionHash`, for nothing is stored under this group.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use crate::apiserver::{
    body::{Body, empty, full},
    fault::Fault,
    names::{GROUP, GROUP_VERSION, VERSION},
    negotiate::clauses,
    route::Resource,
};

/// The documents of one state of the CRDs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::apiserver) struct Discovery {
    groups: Bytes,
    group: Bytes,
    resources: Bytes,
    aggregated: Bytes,
    kinds: Vec<Resource>,
    /// The entity tag of `aggregated`.
    tag: String,
}

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// What a client wants `/apis` to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Aggregated,
    Plain,
}

impl Discovery {
    /// From kube-apiserver's `APIResourceList` of the stored group, which may lack our kinds; none where
    /// it is no list.
    pub(super) fn renamed(stored: &Value) -> Option<Self> {
        let entries: Vec<&Value> = stored["resources"].as_array()?.iter().collect();
        let resources: Vec<Value> = entries.iter().filter_map(|entry| plain(entry)).collect();
        let kinds = entries.iter().filter_map(|entry| match parts(entry)? {
            (kind, None) => Some(kind),
            (_, Some(_)) => None,
        });
        let version = json!({"groupVersion": GROUP_VERSION, "version": VERSION});
        let group = json!({"name": GROUP, "versions": [version], "preferredVersion": version});
        let alone = json!({
            "kind": "APIGroup",
            "apiVersion": "v1",
            "name": GROUP,
            "versions": [version],
            "preferredVersion": version,
        });
        let aggregated = aggregated(&entries);
        Some(Self {
            groups: bytes(&json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]})),
            group: bytes(&alone),
            resources: bytes(&json!({
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": GROUP_VERSION,
                "resources": resources,
            })),
            tag: quoted_hash(&aggregated),
            aggregated,
            kinds: kinds.collect(),
        })
    }

    /// Whether it says that there are such objects.
    pub(super) fn has(&self, kind: Resource) -> bool {
        self.kinds.contains(&kind)
    }

    /// `/apis`, in the form that is asked for.
    pub(in crate::apiserver) fn groups(&self, asked: &HeaderMap) -> Result<Response<Body>, Fault> {
        if form(asked)? == Form::Plain {
            return Ok(answer(&self.groups));
        }
        let mut response = if asks_for(asked, &self.tag) {
            let mut response = Response::new(empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            Response::new(full(self.aggregated.clone()))
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(AGGREGATED));
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public"));
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            headers.insert(header::ETAG, tag);
        }
        Ok(response)
    }

    /// `/apis/aggregation.coder.com`
    pub(in crate::apiserver) fn group(&self) -> Response<Body> {
        answer(&self.group)
    }

    /// `/apis/aggregation.coder.com/v1alpha1`
    pub(in crate::apiserver) fn resources(&self) -> Response<Body> {
        answer(&self.resources)
    }
}

/// An upper-case SHA-512 in quotes, as kube-apiserver makes its tags.
pub(super) fn quoted_hash(body: &[u8]) -> String {
    format!("\"{}\"", hash(body))
}

/// An upper-case SHA-512.
pub(super) fn hash(body: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha512::digest(body)
        .iter()
        .fold(String::with_capacity(128), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02X}");
            text
        })
}

/// Whether the client already has what `tag` names.
pub(super) fn asks_for(asked: &HeaderMap, tag: &str) -> bool {
    clauses(asked, &header::IF_NONE_MATCH).any(|known| known == tag)
}

fn answer(body: &Bytes) -> Response<Body> {
    let mut response = Response::new(full(body.clone()));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn bytes(value: &Value) -> Bytes {
    value.to_string().into()
}

/// The resource and subresource that an entry of the old list is about, where it is one of ours.
fn parts(entry: &Value) -> Option<(Resource, Option<&str>)> {
    let name = entry["name"].as_str()?;
    let (plural, subresource) = match name.split_once('/') {
        Some((plural, subresource)) => (plural, Some(subresource)),
        None => (name, None),
    };
    let resource = Resource::ALL
        .into_iter()
        .find(|resource| resource.plural() == plural)?;
    Some((resource, subresource))
}

fn plain(entry: &Value) -> Option<Value> {
    parts(entry)?;
    Some(json!({
        "name": entry["name"],
        "singularName": entry["singularName"],
        "namespaced": true,
        "kind": entry["kind"],
        "verbs": entry["verbs"],
    }))
}

fn aggregated(entries: &[&Value]) -> Bytes {
    let kind = |entry: &Value| json!({"group": GROUP, "version": VERSION, "kind": entry["kind"]});
    let resources: Vec<Value> = Resource::ALL
        .into_iter()
        .filter_map(|resource| {
            let own = |entry: &&&Value| parts(entry).is_some_and(|(of, _)| of == resource);
            let main = entries
                .iter()
                .find(|entry| parts(entry) == Some((resource, None)))?;
            let mut described = json!({
                "resource": resource.plural(),
                "responseKind": kind(main),
                "scope": "Namespaced",
                "singularResource": main["singularName"],
                "verbs": main["verbs"],
            });
            let subresources: Vec<Value> = entries
                .iter()
                .filter(own)
                .filter_map(|entry| {
                    let (_, subresource) = parts(entry)?;
                    Some(json!({
                        "subresource": subresource?,
                        "responseKind": kind(entry),
                        "verbs": entry["verbs"],
                    }))
                })
                .collect();
            if let Some(described) = described
                .as_object_mut()
                .filter(|_| !subresources.is_empty())
            {
                described.insert("subresources".to_owned(), json!(subresources));
            }
            Some(described)
        })
        .collect();
    bytes(&json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [{
            "metadata": {"name": GROUP, "creationTimestamp": null},
            "versions": [{
                "version": VERSION,
                "resources": resources,
                "freshness": "Current",
            }],
        }],
    }))
}

/// The first form that is asked for and known.
fn form(asked: &HeaderMap) -> Result<Form, Fault> {
    let clauses: Vec<&str> = clauses(asked, &header::ACCEPT).collect();
    if clauses.is_empty() {
        return Ok(Form::Plain);
    }
    clauses
        .iter()
        .find_map(|clause| known(clause))
        .ok_or_else(|| Fault::NotAcceptable(format!("application/json, {AGGREGATED}")))
}

fn known(clause: &str) -> Option<Form> {
    let mut parts = clause.split(';').map(str::trim);
    let media = parts.next()?;
    if !["application/json", "application/*", "*/*"].contains(&media) {
        return None;
    }
    let parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
    let parameter = |name: &str| {
        parameters
            .iter()
            .find_map(|(key, value)| (*key == name).then_some(*value))
    };
    match (parameter("as"), parameter("g"), parameter("v")) {
        (None, None, None) => Some(Form::Plain),
        (Some("APIGroupDiscoveryList"), Some("apidiscovery.k8s.io"), Some("v2")) => {
            Some(Form::Aggregated)
        }
        (_, _, _) => None,
    }
}

#[cfg(test)]
mod tests;
