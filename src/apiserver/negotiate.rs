//! Media types: what is asked of kube-apiserver instead of what the client asked for.
//!
//! Only text can be renamed, so binary forms are taken out of `Accept`. No client depends on them for
//! these kinds: custom resources have none but for metadata, and every client that asks for those in
//! protobuf also takes JSON.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::fault::Fault;
use crate::k8s::yaml;

/// What a body is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    Yaml,
    JsonPatch,
    MergePatch,
    /// An apply; YAML, which JSON is too.
    Apply,
    /// Anything else: kube-apiserver says what it thinks of it.
    Other,
}

impl Media {
    /// The type of a request's body; kube-apiserver takes an absent one for JSON. One that cannot be
    /// read is refused: kube-apiserver might read it.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Fault> {
        let Some(value) = headers.get(header::CONTENT_TYPE) else {
            return Ok(Self::Json);
        };
        let value = value
            .to_str()
            .map_err(|_| Fault::UnsupportedMediaType("application/json, application/yaml"))?;
        let essence = essence(value).to_ascii_lowercase();
        let known = Self::KNOWN.iter().find(|(_, name)| *name == essence);
        Ok(known.map_or(Self::Other, |(media, _)| *media))
    }

    /// What is sent instead of what came: kube-apiserver must take the body for what it was taken for
    /// here.
    pub(super) fn name(self) -> Option<&'static str> {
        let known = Self::KNOWN.iter().find(|(media, _)| *media == self);
        known.map(|(_, name)| *name)
    }

    const KNOWN: [(Self, &str); 5] = [
        (Self::Json, "application/json"),
        (Self::Yaml, "application/yaml"),
        (Self::JsonPatch, "application/json-patch+json"),
        (Self::MergePatch, "application/merge-patch+json"),
        (Self::Apply, yaml::APPLY),
    ];
}

/// `Accept` without binary forms. None leaves the header away.
pub(super) fn accept(headers: &HeaderMap) -> Result<Option<HeaderValue>, Fault> {
    let asked: Vec<&str> = clauses(headers, &header::ACCEPT).collect();
    let text: Vec<&str> = asked
        .iter()
        .copied()
        .filter(|clause| !is_binary(clause))
        .collect();
    if text.is_empty() && asked.iter().any(|clause| is_transformed(clause)) {
        // kube-apiserver would answer this in protobuf, which cannot be renamed.
        return Err(Fault::NotAcceptable(
            "application/json, application/yaml, \
             application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, \
             application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, \
             application/json;as=Table;g=meta.k8s.io;v=v1"
                .to_owned(),
        ));
    }
    // Only binary forms: kube-apiserver refuses in its own words.
    let kept = if text.is_empty() { asked } else { text };
    Ok(HeaderValue::from_str(&kept.join(","))
        .ok()
        .filter(|value| !value.is_empty()))
}

/// Whether an answer to these headers may be in YAML. kube-apiserver chooses it only by its name.
pub(super) fn accepts_yaml(headers: &HeaderMap) -> bool {
    clauses(headers, &header::ACCEPT).any(is_yaml)
}

/// `Accept` without YAML; JSON where nothing else was asked for.
pub(super) fn without_yaml(headers: &HeaderMap) -> HeaderValue {
    let kept: Vec<&str> = clauses(headers, &header::ACCEPT)
        .filter(|clause| !is_yaml(clause))
        .collect();
    let kept = HeaderValue::from_str(&kept.join(",")).ok();
    kept.filter(|value| !value.is_empty())
        .unwrap_or(HeaderValue::from_static("application/json"))
}

fn is_yaml(clause: &str) -> bool {
    essence(clause).eq_ignore_ascii_case("application/yaml")
}

/// The parts of a header that is a list.
pub(super) fn clauses<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|clause| !clause.is_empty())
}

/// A media type without its parameters.
pub(super) fn essence(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

fn is_binary(clause: &str) -> bool {
    let essence = essence(clause).to_ascii_lowercase();
    essence.starts_with("application/vnd.kubernetes.protobuf")
        || essence.starts_with("application/cbor")
}

fn is_transformed(clause: &str) -> bool {
    clause
        .split(';')
        .skip(1)
        .any(|parameter| parameter.trim().starts_with("as="))
}

/// Whether the client takes gzip.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    clauses(headers, &header::ACCEPT_ENCODING).any(|clause| {
        let refused = clause.split(';').skip(1).any(|parameter| {
            let parameter: String = parameter.split_whitespace().collect();
            parameter
                .strip_prefix("q=")
                .and_then(|quality| quality.parse::<f32>().ok())
                .is_some_and(|quality| quality <= 0.0)
        });
        essence(clause).eq_ignore_ascii_case("gzip") && !refused
    })
}

/// What an answer is written in, as far as it can be renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Json,
    Yaml,
    /// Nothing of ours is in there.
    Otherwise,
}

impl Written {
    /// By the headers of an answer.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let value = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        match essence(value.unwrap_or_default()) {
            "application/json" => Self::Json,
            "application/yaml" => Self::Yaml,
            _ => Self::Otherwise,
        }
    }
}

#[cfg(test)]
mod tests;
