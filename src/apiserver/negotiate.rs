//! Media types: what a request may be written in, and what is asked of kube-apiserver for its answer.
//!
//! Only text can be renamed, and only text of a form that is known here. Everything else is refused in
//! either direction: what cannot be read would pass as it is. No client depends on binary forms of these
//! kinds: every one that asks for metadata in protobuf also takes JSON.

use http::{HeaderMap, HeaderName, HeaderValue, header, response};

use super::{fault::Fault, route::Verb};
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
}

/// What an object or options may be written in, and what a change may be.
const OBJECTS: &[Media] = &[Media::Json, Media::Yaml];
const PATCHES: &[Media] = &[Media::JsonPatch, Media::MergePatch, Media::Apply];

impl Media {
    /// The type of a request's body; an absent one is JSON to kube-apiserver.
    pub(super) fn of(verb: Verb, headers: &HeaderMap) -> Result<Self, Fault> {
        let known = if verb == Verb::Patch {
            PATCHES
        } else {
            OBJECTS
        };
        let sent = headers.get(header::CONTENT_TYPE);
        let sent = sent.map_or(Ok("application/json"), HeaderValue::to_str);
        let essence = sent.map(|sent| essence(sent).to_ascii_lowercase());
        let found = known
            .iter()
            .find(|media| essence.as_deref().is_ok_and(|sent| sent == media.name()));
        found.copied().ok_or_else(|| {
            let names: Vec<_> = known.iter().map(|media| media.name()).collect();
            Fault::UnsupportedMediaType(names.join(", "))
        })
    }

    /// What kube-apiserver is told: it must take the body for what it was taken for here.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
            Self::JsonPatch => "application/json-patch+json",
            Self::MergePatch => "application/merge-patch+json",
            Self::Apply => yaml::APPLY,
        }
    }
}

/// What of `Accept` can be renamed. None leaves the header away.
pub(super) fn accept(headers: &HeaderMap) -> Result<Option<HeaderValue>, Fault> {
    const TEXT: [&str; 4] = [
        "application/json",
        "application/yaml",
        "application/*",
        "*/*",
    ];
    let is_text = |clause: &&str| TEXT.contains(&essence(clause).to_ascii_lowercase().as_str());
    let mut asked = clauses(headers, &header::ACCEPT).peekable();
    if asked.peek().is_none() {
        return Ok(None);
    }
    let text: Vec<&str> = asked.filter(is_text).collect();
    HeaderValue::from_str(&text.join(","))
        .ok()
        .filter(|value| !value.is_empty())
        .map(Some)
        .ok_or_else(|| Fault::NotAcceptable("application/json, application/yaml".to_owned()))
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

/// What an answer is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Json,
    Yaml,
    /// A line that says why not, from the layers of kube-apiserver that know no objects.
    Plain,
}

impl Written {
    /// By the head of an answer. What nobody asked for cannot be renamed and does not pass.
    pub(super) fn of(head: &response::Parts) -> Result<Self, Fault> {
        let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
        let media = text(header::CONTENT_TYPE).unwrap_or_default();
        match essence(media) {
            _ if head.headers.contains_key(header::CONTENT_ENCODING) => {}
            "application/json" => return Ok(Self::Json),
            "application/yaml" => return Ok(Self::Yaml),
            "text/plain" if !head.status.is_success() => return Ok(Self::Plain),
            _ => {}
        }
        tracing::error!(media, status = %head.status, "an answer that was not asked for");
        Err(Fault::Timeout(
            "kube-apiserver answered in a form that was not asked for: if this was a write, look \
             whether it was carried out"
                .to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests;
