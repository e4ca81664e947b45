//! Which fields another manager holds, read out of a refused apply.

use kube::core::response::StatusCause;

use super::{Cause, Error};

/// A field that could not be applied because another manager owns it with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldConflict {
    /// The field in the server's notation, such as `.spec.parameters[name="cpu"]`.
    pub field: String,
    /// The manager that owns it; empty where the server's words cannot be read.
    pub manager: String,
    /// The server's words, such as `conflict with "kubectl"`.
    pub message: String,
}

impl Error {
    /// The fields that other managers hold; empty for every other kind of failure.
    #[must_use]
    pub fn field_conflicts(&self) -> Vec<FieldConflict> {
        let Cause::Refused(status) = self.cause() else {
            return Vec::new();
        };
        let causes = status.details.iter().flat_map(|details| &details.causes);
        causes.filter_map(FieldConflict::read).collect()
    }
}

impl FieldConflict {
    fn read(cause: &StatusCause) -> Option<Self> {
        (cause.reason == "FieldManagerConflict").then(|| Self {
            field: cause.field.clone(),
            manager: manager(&cause.message).unwrap_or_default(),
            message: cause.message.clone(),
        })
    }
}

/// The first Go-quoted string of `message`.
fn manager(message: &str) -> Option<String> {
    let (_, quoted) = message.split_once('"')?;
    let mut name = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some(name),
            '\\' => name.push(characters.next()?),
            character => name.push(character),
        }
    }
}
