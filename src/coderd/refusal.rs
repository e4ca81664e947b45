//! A reply that says no, and what it means.
//!
//! coderd's status alone is not enough: a missing right, a lost race and a text that is too long
//! are 500 in some calls, and proxies in front answer with statuses of their own.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;

use super::{reply, said::Secrets, wire::null_as_default};

/// How much of a text that is not coderd's JSON is kept, in bytes.
const EXCERPT: usize = 256;
/// How much of each of coderd's own words is kept, in bytes: its longest are a tenth of it.
const WORDS: usize = 1024;
/// How many of the fields that coderd refuses are kept.
const FIELDS: usize = 16;
/// How much of the name of such a field, and of what is wrong with it, is kept, in bytes.
const FIELD: usize = 256;

/// A field of the request that coderd refuses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Validation {
    /// The field, as coderd names it (not always the name in the request's JSON); for build
    /// parameters the parameter's name.
    #[serde(default)]
    pub field: String,
    /// Why.
    #[serde(default)]
    pub detail: String,
}

/// A reply with a status that is not of success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// coderd's message; else an excerpt of the body, empty if there was none.
    pub message: String,
    /// coderd's further words.
    pub detail: Option<String>,
    /// The fields that coderd refuses, the first of them.
    pub validations: Vec<Validation>,
    /// How many more there are.
    pub more_validations: usize,
    /// True if the body has the shape of coderd's errors; false for a proxy's page, a plain text
    /// and an empty body.
    pub by_coderd: bool,
    /// How long to wait before the next request, at most an hour.
    pub retry_after: Option<Duration>,
    /// When coderd answered, by its own clock, cut to whole seconds.
    pub at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Body {
    message: String,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    validations: Vec<Validation>,
}

impl Refusal {
    /// Reads a reply. `secrets` are taken out of its texts should the server repeat them.
    pub(super) fn read(
        status: StatusCode,
        headers: &HeaderMap,
        body: &Bytes,
        secrets: &Secrets,
    ) -> Self {
        let read = serde_json::from_slice::<Body>(body).ok();
        let by_coderd = read.is_some();
        let (message, detail, validations) = match read {
            Some(body) => (
                secrets.line(&body.message, WORDS),
                body.detail.map(|text| secrets.line(&text, WORDS)),
                body.validations,
            ),
            None => (excerpt(body, secrets), None, Vec::new()),
        };
        let fields = validations.iter().take(FIELDS).map(|row| Validation {
            field: secrets.line(&row.field, FIELD),
            detail: secrets.line(&row.detail, FIELD),
        });
        Self {
            status,
            message,
            detail: detail.filter(|text| !text.is_empty()),
            validations: fields.collect(),
            more_validations: validations.len().saturating_sub(FIELDS),
            by_coderd,
            retry_after: reply::retry_after(headers),
            at: reply::date(headers),
        }
    }

    /// coderd itself says that there is no such object, or none that the token may read.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && self.by_coderd && !self.is_route_unknown()
    }

    /// This coderd (by version or licence) does not have the route or the method.
    #[must_use]
    pub fn is_route_unknown(&self) -> bool {
        match self.status {
            StatusCode::NOT_FOUND => self.by_coderd && self.message.starts_with("Route not found"),
            // coderd's own 405 (rename of a deleted workspace) has a body.
            StatusCode::METHOD_NOT_ALLOWED => !self.by_coderd,
            _ => false,
        }
    }

    /// The token lacks a right. Also licences and some states (promotion of a failed version).
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.status == StatusCode::FORBIDDEN || self.is_internal("rbac: forbidden")
    }

    /// The name is taken, or a build is active; also as seen by the loser of a race.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.status == StatusCode::CONFLICT || self.is_internal("violates unique constraint")
    }

    /// coderd refuses what was sent: the same request will be refused again.
    #[must_use]
    pub fn is_validation(&self) -> bool {
        let status = matches!(
            self.status,
            StatusCode::BAD_REQUEST
                | StatusCode::PAYLOAD_TOO_LARGE
                | StatusCode::UNPROCESSABLE_ENTITY
        );
        (status && self.by_coderd) || self.is_internal("value too long")
    }

    /// coderd, its database or a proxy is out of order, for a while.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        let verdict = self.is_forbidden() || self.is_conflict() || self.is_validation();
        self.status == StatusCode::REQUEST_TIMEOUT || (self.status.is_server_error() && !verdict)
    }

    fn is_internal(&self, words: &str) -> bool {
        self.status == StatusCode::INTERNAL_SERVER_ERROR
            && self.by_coderd
            && (self.message.contains(words)
                || self
                    .detail
                    .as_ref()
                    .is_some_and(|detail| detail.contains(words)))
    }
}

impl fmt::Display for Refusal {
    /// The status and the words of coderd, on one line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.status)?;
        if !self.message.is_empty() {
            write!(formatter, ": {}", self.message)?;
        }
        if let Some(detail) = &self.detail {
            write!(formatter, ": {detail}")?;
        }
        for (index, row) in self.validations.iter().enumerate() {
            let lead = if index == 0 { ": " } else { "; " };
            write!(formatter, "{lead}{}: {}", row.field, row.detail)?;
        }
        match self.more_validations {
            0 => Ok(()),
            more => write!(formatter, "; and {more} more"),
        }
    }
}

/// The beginning of a body as one printable line.
pub(super) fn excerpt(body: &Bytes, secrets: &Secrets) -> String {
    secrets.line(&String::from_utf8_lossy(body), EXCERPT)
}
