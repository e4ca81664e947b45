//! The one error of this layer: which action on which object failed, and verdicts on why.
//!
//! The API server says different things with one code: 404 may speak of the object, its namespace or
//! its kind; 409 of a version, a field or another object under the same name; 403 of rights or of a
//! namespace that is going away. The verdicts read `reason`, `details` and causes first, and words
//! only where the server gives nothing else.

mod conflict;
mod verdict;

use std::fmt;

use kube::{
    Resource,
    core::{Status, request},
};

pub use self::conflict::FieldConflict;

/// A failed call.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {target}")]
pub struct Error {
    action: Action,
    target: Target,
    #[source]
    cause: Box<Cause>,
}

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A live read.
    Read,
    /// An apply that may create the object.
    Import,
    /// An apply to a known object.
    Apply,
    /// An apply to the status of a known object.
    ApplyStatus,
    /// A delete of a known object.
    Delete,
    /// The addition of a finalizer.
    AddFinalizer,
    /// The removal of a finalizer.
    RemoveFinalizer,
    /// The creation of an Event.
    CreateEvent,
    /// The counting of an Event that is already there.
    CountEvent,
}

/// The object that a call was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its kind, such as `CoderWorkspace`.
    pub kind: String,
    /// Its kind's name in paths and in `details.kind`, such as `coderworkspaces`.
    pub plural: String,
    /// Its namespace; none where the kind has none.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Nothing was sent.
    #[error("the request cannot be built")]
    Build(#[source] request::Error),
    /// Nothing came back in time, or it broke off: a write may have happened all the same.
    #[error("no answer")]
    NoAnswer(#[source] kube::Error),
    /// The API server refused, in its own words.
    #[error("{}", .0.message)]
    Refused(Box<Status>),
    /// Something answered with a failure that is no `Status`: a removed kind, or a proxy.
    #[error("answered {code}: {text}")]
    Opaque {
        /// The HTTP status code.
        code: u16,
        /// The beginning of the body.
        text: String,
    },
    /// The answer was good, but cannot be read as what was asked for.
    #[error("the answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

impl Error {
    /// The failure of `action` on `target` because of `cause`.
    #[must_use]
    pub fn new(action: Action, target: Target, cause: Cause) -> Self {
        Self {
            action,
            target,
            cause: Box::new(cause),
        }
    }

    /// What was tried.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// The object that it was about.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Why it failed.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.cause
    }
}

impl Target {
    /// The object `namespace`/`name` of kind `K`.
    #[must_use]
    pub fn of<K: Resource<DynamicType = ()>>(namespace: Option<&str>, name: &str) -> Self {
        Self {
            kind: K::kind(&()).into_owned(),
            plural: K::plural(&()).into_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ", self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(out, "{namespace}/")?;
        }
        out.write_str(&self.name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Read => "read",
            Self::Import => "create",
            Self::Apply => "apply",
            Self::ApplyStatus => "apply the status of",
            Self::Delete => "delete",
            Self::AddFinalizer => "add a finalizer to",
            Self::RemoveFinalizer => "remove a finalizer from",
            Self::CreateEvent => "record an Event on",
            Self::CountEvent => "count an Event on",
        })
    }
}

#[cfg(test)]
mod tests;
