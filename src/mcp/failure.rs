//! Why a call did not do what it was asked for, in words that an AI tool can act on.

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A failure of one call: what happened, on what object, and what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The arguments are not what the schema says.
    #[error("{0}")]
    Arguments(String),
    /// kube-apiserver refused.
    #[error("{message}. {}", advice(*code, *retry_after))]
    Refused {
        /// The HTTP status.
        code: u16,
        /// In its own words.
        message: String,
        /// When it may be asked again, in seconds.
        retry_after: Option<u64>,
    },
    /// Fields that it would set belong to others.
    #[error("{}", owned(.0))]
    Owned(Vec<Conflict>),
    /// There is no such kind in the cluster.
    #[error(
        "this cluster has no {kind}: whoever administers it has to install the CustomResourceDefinition \
         {name}"
    )]
    NoKind {
        /// The kind.
        kind: &'static str,
        /// Its CRD.
        name: String,
    },
    /// What is asked for cannot be done to the object as it is.
    #[error("{0}")]
    Unfit(String),
    /// Nothing came back; a write may have happened.
    #[error(
        "kube-apiserver did not answer: {0}. Try again in 5 s; look first whether a change was made"
    )]
    NoAnswer(String),
    /// The answer is no JSON of that kind.
    #[error("cannot read what kube-apiserver answered: {0}")]
    Unreadable(serde_json::Error),
    /// The caller asks too much.
    #[error("too many calls at a time: try again in {0} s")]
    Busy(u64),
    /// The tool took too long.
    #[error("not done within {0} s: ask for less, or try again later")]
    Late(u64),
    /// The caller does not want it any more.
    #[error("cancelled")]
    Cancelled,
    /// More than an answer may hold.
    #[error(
        "the answer would have {size} bytes, and at most {most} are sent: ask for less, by limit, \
         limitBytes or one namespace"
    )]
    TooLarge {
        /// What it would have.
        size: usize,
        /// What it may have.
        most: usize,
    },
    /// It was done, but what was to be told of it is no JSON.
    #[error("cannot write the answer: {0}")]
    Unwritable(serde_json::Error),
}

/// A field that somebody else owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Conflict {
    /// Which field, as in .spec.running.
    field: String,
    /// Who owns it, in the words of kube-apiserver.
    owner: String,
}

#[derive(Deserialize)]
struct Status {
    kind: String,
    #[serde(default)]
    message: String,
    details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    name: Option<String>,
    #[serde(default)]
    causes: Vec<Cause>,
    #[serde(rename = "retryAfterSeconds")]
    retry_after: Option<u64>,
}

#[derive(Deserialize)]
struct Cause {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    field: String,
}

impl Failure {
    /// One word for the log.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Arguments(_) => "InvalidArguments",
            Self::Refused { code, .. } => refusal(*code),
            Self::Owned(_) => "Conflict",
            Self::NoKind { .. } => "NoKind",
            Self::Unfit(_) => "Unfit",
            Self::NoAnswer(_) => "NoAnswer",
            Self::Unreadable(_) => "Unreadable",
            Self::Busy(_) => "Busy",
            Self::Late(_) => "Late",
            Self::Cancelled => "Cancelled",
            Self::TooLarge { .. } => "TooLarge",
            Self::Unwritable(_) => "Unwritable",
        }
    }

    /// What kube-apiserver refused. A kind that is not served is answered without naming an object: as
    /// text, or as a `Status` without details.
    pub(super) fn refused(
        code: StatusCode,
        body: &[u8],
        kind: &'static str,
        crd: impl FnOnce() -> Option<String>,
    ) -> Self {
        let status: Option<Status> = serde_json::from_slice(body).ok();
        let status = status.filter(|status| status.kind == "Status");
        let details = status.as_ref().and_then(|status| status.details.as_ref());
        let is_named = details.is_some_and(|details| details.name.is_some());
        if code == StatusCode::NOT_FOUND
            && !is_named
            && let Some(name) = crd()
        {
            return Self::NoKind { kind, name };
        }
        let causes = details.map(|details| details.causes.as_slice());
        let conflicts = conflicts(causes.unwrap_or_default());
        if !conflicts.is_empty() {
            return Self::Owned(conflicts);
        }
        let retry_after = details.and_then(|details| details.retry_after);
        let message = status
            .map(|status| status.message)
            .filter(|text| !text.is_empty());
        Self::Refused {
            code: code.as_u16(),
            message: message.unwrap_or_else(|| format!("kube-apiserver answered {code}")),
            retry_after,
        }
    }
}

fn conflicts(causes: &[Cause]) -> Vec<Conflict> {
    let causes = causes.iter();
    let owned = causes.filter(|cause| cause.reason == "FieldManagerConflict");
    owned
        .map(|cause| Conflict {
            field: cause.field.clone(),
            owner: cause.message.clone(),
        })
        .collect()
}

fn owned(conflicts: &[Conflict]) -> String {
    let each = conflicts
        .iter()
        .map(|conflict| format!("{}: {}", conflict.field, conflict.owner));
    let each: Vec<_> = each.collect();
    format!("others own what it would set: {}", each.join("; "))
}

fn refusal(code: u16) -> &'static str {
    match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        500.. => "ServerError",
        _ => "Refused",
    }
}

fn advice(code: u16, retry_after: Option<u64>) -> String {
    let advice = match code {
        401 => "Connect again with a new token",
        403 => {
            "Only whoever administers the cluster can give you that right; or name another namespace"
        }
        404 => "Check namespace and name; the list tools say what there is",
        409 => "Somebody changed it at the same time: look again, then repeat",
        410 => "The list has moved on: begin again without continue",
        400 | 422 => "Correct it and try again",
        429 | 500.. => return format!("Try again in {} s", retry_after.unwrap_or(5)),
        _ => "It cannot be done",
    };
    advice.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(code: u16, body: &str) -> String {
        let code = StatusCode::from_u16(code).unwrap();
        let crd = || Some("coderworkspaces.coder.com".to_owned());
        Failure::refused(code, body.as_bytes(), "CoderWorkspace", crd).to_string()
    }

    #[test]
    fn a_missing_kind_is_not_a_missing_object() {
        let object =
            json!({"kind": "Status", "message": "x \"a\" not found", "details": {"name": "a"}});
        assert!(told(404, &object.to_string()).starts_with("x \"a\" not found. Check"));
        let kind = json!({"kind": "Status", "message": "not found", "details": {}});
        for body in ["404 page not found\n", &kind.to_string()] {
            assert!(told(404, body).contains("CustomResourceDefinition coderworkspaces.coder.com"));
        }
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        let body = json!({"kind": "Status", "message": "m", "details": {"retryAfterSeconds": 9}});
        for (code, expected) in [
            (401, "new token"),
            (403, "administers"),
            (409, "look again"),
            (410, "without continue"),
            (422, "Correct"),
            (429, "in 9 s"),
            (503, "in 9 s"),
        ] {
            let text = told(code, &body.to_string());
            assert!(text.starts_with("m. ") && text.contains(expected), "{text}");
        }
        assert!(
            told(500, "oops <html>").contains("500"),
            "no text of strangers"
        );
    }
}
