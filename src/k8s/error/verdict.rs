//! What a failure means: one question a method.

use std::time::Duration;

use kube::core::{Status, response::StatusDetails};

use super::{Cause, Error};

impl Error {
    /// Proof that the object does not exist: a `Status` that names this very object. A missing
    /// namespace, a missing kind and a proxy's 404 are no proof.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.missing().is_some_and(|details| {
            details.name == self.target.name && details.kind == self.target.plural
        })
    }

    /// The namespace does not exist.
    #[must_use]
    pub fn is_namespace_missing(&self) -> bool {
        self.missing()
            .is_some_and(|details| details.kind == "namespaces" && self.target.kind != "Namespace")
    }

    /// The API server does not serve the kind: its CRD is not there (any more).
    #[must_use]
    pub fn is_kind_missing(&self) -> bool {
        matches!(self.cause(), Cause::Opaque { code: 404, text } if text == "404 page not found")
    }

    /// The API server sent the object, and this program cannot make sense of it.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        matches!(self.cause(), Cause::Unreadable(_))
    }

    /// The object that was known is no longer there: it was deleted, and perhaps created again under
    /// another uid.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.is_not_found()
            || self.says(409, "uid mismatch: the provided object specified uid")
            || self.says(409, "the UID in the precondition")
            || self.says(422, "metadata.uid: Invalid value")
    }

    /// The object has changed since it was read. It is still there, so far as this answer tells.
    #[must_use]
    pub fn is_conflict_of_version(&self) -> bool {
        self.refused(409).is_some_and(Status::is_conflict)
            && self.field_conflicts().is_empty()
            && !self.is_gone()
    }

    /// Another object already has the name.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        self.refused(409).is_some_and(Status::is_already_exists)
    }

    /// A `test` of a JSON patch failed: the object is not what it was. The server says no more.
    #[must_use]
    pub fn is_patch_test_failed(&self) -> bool {
        self.says(
            422,
            "the server rejected our request due to an error in our request",
        )
    }

    /// A finalizer was to be added to an object that is being deleted.
    #[must_use]
    pub fn is_finalizer_refused(&self) -> bool {
        self.says(
            422,
            "no new finalizers can be added if the object is being deleted",
        )
    }

    /// Nothing can be created in the namespace because it is being deleted.
    #[must_use]
    pub fn is_namespace_terminating(&self) -> bool {
        let details = self.refused(403).and_then(|status| status.details.as_ref());
        details
            .iter()
            .flat_map(|details| &details.causes)
            .any(|cause| cause.reason == "NamespaceTerminating")
    }

    /// Nothing of the kind can be created because its CRD is being deleted.
    #[must_use]
    pub fn is_crd_terminating(&self) -> bool {
        self.says(
            403,
            "create not allowed while custom resource definition is terminating",
        )
    }

    /// We lack the right, or an admission plugin said no. Not for what is going away.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.refused(403).is_some()
            && !self.is_namespace_terminating()
            && !self.is_crd_terminating()
    }

    /// The content is not valid: only another content can succeed.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        self.refused(422).is_some() && !self.is_gone() && !self.is_patch_test_failed()
    }

    /// The object is larger than the server or its store takes.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.code() == Some(413)
            || self.says(500, "etcdserver: request is too large")
            || self.says(500, "trying to send message larger than max")
    }

    /// The same call may succeed later without anybody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self.cause() {
            Cause::NoAnswer(_) => true,
            Cause::Build(_) | Cause::Unreadable(_) => false,
            Cause::Refused(_) | Cause::Opaque { .. } => {
                matches!(self.code(), Some(429 | 500..)) && !self.is_too_large()
            }
        }
    }

    /// How long the server asks us to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let Cause::Refused(status) = self.cause() else {
            return None;
        };
        let seconds = status.details.as_ref()?.retry_after_seconds;
        (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)))
    }

    /// The HTTP status code, where something answered.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self.cause() {
            Cause::Refused(status) => Some(status.code),
            Cause::Opaque { code, .. } => Some(*code),
            Cause::Build(_) | Cause::NoAnswer(_) | Cause::Unreadable(_) => None,
        }
    }

    /// The server's `Status`, where it is one with `code`.
    fn refused(&self, code: u16) -> Option<&Status> {
        match self.cause() {
            Cause::Refused(status) if status.code == code => Some(status),
            Cause::Refused(_)
            | Cause::Opaque { .. }
            | Cause::Build(_)
            | Cause::NoAnswer(_)
            | Cause::Unreadable(_) => None,
        }
    }

    fn says(&self, code: u16, words: &str) -> bool {
        self.refused(code)
            .is_some_and(|status| status.message.contains(words))
    }

    fn missing(&self) -> Option<&StatusDetails> {
        let status = self.refused(404)?;
        let details = status.details.as_ref()?;
        (status.reason == "NotFound").then_some(details)
    }
}
