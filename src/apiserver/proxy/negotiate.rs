//! Media types: what a request may be written in, and what is asked of kube-apiserver for its answer.
//!
//! Only text can be renamed, and only text of a form that is known here. Everything else is refused in
//! either direction: what cannot be read would pass as it is. No client depends on binary forms of these
//! kinds: every one that asks for metadata in protobuf also takes JSON.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, response};

use super::route::Verb;
use crate::apiserver::server::fault::Fault;
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

/// What an answer is asked for in.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Accept {
    /// What kube-apiserver is asked for: JSON, also where YAML is wanted. None leaves the header away.
    pub(super) header: Option<HeaderValue>,
    pub(super) yaml: Yaml,
}

/// Which answers are written in YAML in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Yaml {
    #[default]
    None,
    /// Tables, for one: a refusal has no such form, and is JSON.
    Done,
    All,
}

impl Yaml {
    pub(super) fn is_for(self, status: StatusCode) -> bool {
        self == Self::All || (self == Self::Done && status.is_success())
    }
}

/// What asks for JSON, or takes it.
pub(super) const JSONS: [&str; 3] = ["application/json", "application/*", "*/*"];
const YAML: &str = "application/yaml";

impl Accept {
    /// By the headers of a request. What cannot be renamed is left out; a watch is never in YAML.
    pub(super) fn of(verb: Verb, headers: &HeaderMap) -> Result<Self, Fault> {
        let known: &[&str] = if verb == Verb::Watch {
            &JSONS
        } else {
            &["application/json", YAML, "application/*", "*/*"]
        };
        let mut asked = clauses(headers, &header::ACCEPT).peekable();
        if asked.peek().is_none() {
            return Ok(Self::default());
        }
        let is_known = |clause: &&str| known.contains(&media(clause).as_str());
        let asked: Vec<&str> = asked.filter(is_known).collect();
        let json: Vec<String> = asked.iter().map(|clause| in_json(clause)).collect();
        let header = HeaderValue::from_str(&json.join(",")).ok();
        let header = header.filter(|value| !value.is_empty()).ok_or_else(|| {
            let text = known
                .split_last_chunk::<2>()
                .map_or(known, |(text, _)| text);
            Fault::NotAcceptable(text.join(", "))
        })?;
        // The first one of the best, as kube-apiserver chooses; it prefers what is without a star.
        let weight = |clause: &&&str| (quality(clause), !media(clause).contains('*'));
        let best = asked
            .iter()
            .rev()
            .filter(|clause| is_served(clause))
            .max_by(|one, other| {
                let ((one, is_one), (other, is_other)) = (weight(one), weight(other));
                one.total_cmp(&other).then(is_one.cmp(&is_other))
            });
        Ok(Self {
            header: Some(header),
            yaml: match best {
                Some(clause) if media(clause) != YAML => Yaml::None,
                Some(clause) if parameter(clause, "as").is_some() => Yaml::Done,
                Some(_) => Yaml::All,
                None => Yaml::None,
            },
        })
    }
}

/// The same clause with JSON in the place of YAML.
fn in_json(clause: &str) -> String {
    let (_, parameters) = clause.split_at(clause.find(';').unwrap_or(clause.len()));
    match media(clause).as_str() {
        YAML => format!("application/json{parameters}"),
        _ => clause.to_owned(),
    }
}

/// Whether kube-apiserver knows the form that a clause names, if it names one.
fn is_served(clause: &str) -> bool {
    parameter(clause, "as")
        .is_none_or(|form| form == "Table" || form.starts_with("PartialObjectMetadata"))
}

/// The weight of a clause.
fn quality(clause: &str) -> f32 {
    let quality = parameter(clause, "q").and_then(|quality| quality.parse().ok());
    quality.unwrap_or(1.0)
}

pub(super) fn parameter<'a>(clause: &'a str, name: &str) -> Option<&'a str> {
    let mut parameters = clause.split(';').skip(1);
    parameters.find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        (key.trim() == name).then(|| value.trim())
    })
}

/// A clause's media type in lower case.
fn media(clause: &str) -> String {
    essence(clause).to_ascii_lowercase()
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
    clauses(headers, &header::ACCEPT_ENCODING)
        .any(|clause| essence(clause).eq_ignore_ascii_case("gzip") && quality(clause) > 0.0)
}

/// What an answer is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Json,
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
