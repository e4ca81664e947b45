//! What a live look at coderd found of one external object.

use std::time::Duration;

use crate::api::condition::Reason;

/// The external object of an object, as the last look found it.
#[derive(Clone, Debug, PartialEq)]
pub enum External<T> {
    /// It is there.
    Present(T),
    /// Nothing has its name. That proves nothing about an external object that is known by id.
    Absent,
    /// It is gone for good: coderd said so of this very id.
    Gone,
    /// The look proved nothing; neither side may be changed because of it.
    Unknown(Failure),
}

/// Why something could not be seen or done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason for the condition.
    pub reason: Reason,
    /// What failed, on what, and what to do.
    pub message: String,
    /// How long the other side asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A cause without a wish of the other side.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            retry_after: None,
        }
    }
}
