//! The `OpenAPI` v3 document, derived from the one that kube-apiserver publishes for the CRDs: so it
//! says what kube-apiserver really checks, parameters and media types included.

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderValue, Response, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::page::{JSON, Page};
use crate::apiserver::{
    names::{GROUP, STORED_GROUP, STORED_VERSION_PATH, VERSION_PATH},
    proxy::{
        negotiate::{JSONS, clauses, essence},
        query::Query,
        route::Resource,
    },
    server::{body::Body, fault::Fault},
};

/// How long a document whose address has its hash may be kept.
const KEPT: SignedDuration = SignedDuration::from_hours(365 * 24);

/// What the names of the group's schemas begin with.
const STORED_SCHEMAS: &str = "com.coder.v1alpha1.";

/// Names as they are built into identifiers of the document: stored, aggregated.
const IDENTIFIERS: [(&str, &str); 3] = [
    (STORED_SCHEMAS, "com.coder.aggregation.v1alpha1."),
    ("coderCom_v1alpha1", "aggregationCoderCom_v1alpha1"),
    ("CoderComV1alpha1", "AggregationCoderComV1alpha1"),
];

/// The index and the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::apiserver) struct OpenApi {
    /// `/openapi/v3`: only our own document, or kube-apiserver would ask us for others.
    pub(in crate::apiserver) index: Page,
    document: Page,
    kinds: BTreeSet<&'static str>,
}

/// Where kube-apiserver's index says that its document for the stored group is.
pub(super) fn stored_path(index: &Value) -> Option<String> {
    let key = STORED_VERSION_PATH.trim_start_matches('/');
    let path = index["paths"].get(key)?["serverRelativeURL"].as_str()?;
    path.starts_with('/').then(|| path.to_owned())
}

/// kube-apiserver's document for the stored group where it has none.
pub(super) fn nothing() -> Value {
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes CRD Swagger", "version": "v0.1.0"},
        "paths": {},
    })
}

impl OpenApi {
    /// From kube-apiserver's document for the stored group.
    pub(super) fn renamed(mut stored: Value) -> Self {
        let kinds = keep_own_paths(&mut stored);
        keep_own_schemas(&mut stored, &kinds);
        let document = renamed(stored);
        let document = Page::new(JSON, &document);
        let address = format!("/openapi/v3{VERSION_PATH}?hash={}", document.hash);
        let key = VERSION_PATH.trim_start_matches('/');
        let index = json!({"paths": {key: {"serverRelativeURL": address}}});
        Self {
            index: Page::new(JSON, &index),
            document,
            kinds,
        }
    }

    /// Whether it describes such objects.
    pub(super) fn has(&self, kind: Resource) -> bool {
        self.kinds.contains(kind.plural())
    }

    /// The document. An address with another hash gets the present one: a redirect, as
    /// kube-apiserver itself answers, would not pass the aggregation layer.
    pub(in crate::apiserver) fn document(
        &self,
        query: &Query,
        asked: &HeaderMap,
        now: Timestamp,
    ) -> Result<Response<Body>, Fault> {
        if !takes_json(asked) {
            return Err(Fault::NotAcceptable("application/json".to_owned()));
        }
        let mut response = self.document.tagged(asked);
        if query.first("hash") == Some(&self.document.hash) {
            let headers = response.headers_mut();
            let forever = HeaderValue::from_static("public, immutable");
            headers.insert(header::CACHE_CONTROL, forever);
            if let Some(expires) = http_date(now).and_then(|date| HeaderValue::from_str(&date).ok())
            {
                headers.insert(header::EXPIRES, expires);
            }
        }
        Ok(response)
    }
}

/// The binary forms of the document are for clients that no cluster of today has.
fn takes_json(asked: &HeaderMap) -> bool {
    let mut clauses = clauses(asked, &header::ACCEPT).map(essence).peekable();
    clauses.peek().is_none() || clauses.any(|media| JSONS.contains(&media))
}

/// A year from now, as HTTP writes it.
fn http_date(now: Timestamp) -> Option<String> {
    let expires = now.checked_add(KEPT).ok()?;
    Some(expires.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// Drops what belongs to other kinds of the group; which of ours are left.
fn keep_own_paths(document: &mut Value) -> BTreeSet<&'static str> {
    let mut kinds = BTreeSet::new();
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        paths.retain(|path, _| {
            let kind = kind(path);
            kinds.extend(kind);
            kind.is_some()
        });
    }
    kinds
}

/// Drops the schemas of other kinds of the group. Those that kinds share are kept.
fn keep_own_schemas(document: &mut Value, kinds: &BTreeSet<&'static str>) {
    let ours = Resource::ALL.into_iter();
    let ours = ours.filter(|resource| kinds.contains(resource.plural()));
    let ours: Vec<&str> = ours.map(Resource::kind).collect();
    let schemas = document.pointer_mut("/components/schemas");
    if let Some(schemas) = schemas.and_then(Value::as_object_mut) {
        schemas.retain(|name, _| {
            let of_group = name.strip_prefix(STORED_SCHEMAS);
            of_group.is_none_or(|kind| ours.contains(&kind.strip_suffix("List").unwrap_or(kind)))
        });
    }
}

/// The plural of the kind of ours that `path` is about.
fn kind(path: &str) -> Option<&'static str> {
    let rest = path.strip_prefix(STORED_VERSION_PATH)?;
    let rest = rest.strip_prefix("/namespaces/{namespace}").unwrap_or(rest);
    let plural = rest.strip_prefix('/')?.split('/').next()?;
    let mut ours = Resource::ALL.into_iter().map(Resource::plural);
    ours.find(|one| *one == plural)
}

/// `value` in the words of the aggregated group: paths, identifiers, references and kinds. Texts that
/// only describe something are left as they are.
fn renamed(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(key, value)| {
                    let value = match (key.as_str(), value) {
                        ("group", Value::String(group)) if group == STORED_GROUP => json!(GROUP),
                        ("description", text @ Value::String(_)) => text,
                        ("operationId" | "$ref", Value::String(text)) => json!(identifier(&text)),
                        ("tags", Value::Array(tags)) => tags
                            .into_iter()
                            .map(|tag| {
                                tag.as_str()
                                    .map(|tag| json!(identifier(tag)))
                                    .unwrap_or(tag)
                            })
                            .collect(),
                        (_, value) => renamed(value),
                    };
                    (member(&key), value)
                })
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => items.into_iter().map(renamed).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

/// A path or the name of a schema; other names of members have none of these in them.
fn member(name: &str) -> String {
    match name.strip_prefix(STORED_VERSION_PATH) {
        Some(rest) => format!("{VERSION_PATH}{rest}"),
        None => identifier(name),
    }
}

fn identifier(text: &str) -> String {
    IDENTIFIERS
        .iter()
        .fold(text.to_owned(), |text, (stored, aggregated)| {
            text.replace(stored, aggregated)
        })
}

#[cfg(test)]
mod tests;
