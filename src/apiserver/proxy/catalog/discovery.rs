//! Discovery documents in their two forms: the old lists, and the aggregated one.
//!
//! Short names and categories are left out: the CRDs have the same ones, and a client that finds a name
//! twice has to guess. So is `storageVersionHash`, for nothing is stored under this group.

use http::{HeaderMap, HeaderValue, Response, header};
use serde_json::{Value, json};

use super::page::{JSON, Page};
use crate::apiserver::{
    names::{GROUP, GROUP_VERSION, VERSION},
    proxy::{
        negotiate::{JSONS, clauses, essence, parameter},
        route::Resource,
    },
    server::{body::Body, fault::Fault},
};

/// The documents of one state of the CRDs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::apiserver) struct Discovery {
    groups: Page,
    aggregated: Page,
    /// `/apis/aggregation.coder.com`
    pub(in crate::apiserver) group: Page,
    /// `/apis/aggregation.coder.com/v1alpha1`
    pub(in crate::apiserver) resources: Page,
    kinds: Vec<Resource>,
}

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

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
        let groups = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]});
        let resources = json!({
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": GROUP_VERSION,
            "resources": resources,
        });
        Some(Self {
            groups: Page::new(JSON, &groups),
            aggregated: Page::new(AGGREGATED, &aggregated(&entries)),
            group: Page::new(JSON, &alone),
            resources: Page::new(JSON, &resources),
            kinds: kinds.collect(),
        })
    }

    /// Whether it says that there are such objects.
    pub(super) fn has(&self, kind: Resource) -> bool {
        self.kinds.contains(&kind)
    }

    /// `/apis`, in the form that is asked for.
    pub(in crate::apiserver) fn groups(&self, asked: &HeaderMap) -> Result<Response<Body>, Fault> {
        if !is_aggregated(asked)? {
            return Ok(self.groups.answer());
        }
        let mut response = self.aggregated.tagged(asked);
        let public = HeaderValue::from_static("public");
        response.headers_mut().insert(header::CACHE_CONTROL, public);
        Ok(response)
    }
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

fn aggregated(entries: &[&Value]) -> Value {
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
    json!({
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
    })
}

/// Whether the aggregated form is the first one that is asked for and known.
fn is_aggregated(asked: &HeaderMap) -> Result<bool, Fault> {
    let mut clauses = clauses(asked, &header::ACCEPT).peekable();
    if clauses.peek().is_none() {
        return Ok(false);
    }
    let form = |clause: &str| {
        let form = ["as", "g", "v"].map(|name| parameter(clause, name));
        match form {
            _ if !JSONS.contains(&essence(clause)) => None,
            [None, None, None] => Some(false),
            [
                Some("APIGroupDiscoveryList"),
                Some("apidiscovery.k8s.io"),
                Some("v2"),
            ] => Some(true),
            _ => None,
        }
    };
    clauses
        .find_map(form)
        .ok_or_else(|| Fault::NotAcceptable(format!("{JSON}, {AGGREGATED}")))
}

#[cfg(test)]
mod tests;
