//! The declared source of a template.

use std::collections::BTreeMap;

use crate::{
    api::template::CoderTemplate,
    sync::{
        fields::ownership::{FieldPath, Ownership},
        source::Source,
    },
};

/// The field of the inline source.
pub const FILES: &str = "files";

/// A declared source with its hash.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The source.
    pub source: Source,
    /// SHA-256 of it, in hex.
    pub hash: String,
}

/// The declared source, checked; none where none is declared.
pub fn declared_source(
    object: &CoderTemplate,
    ownership: &Ownership,
) -> Option<Result<Declared, String>> {
    let files = object
        .spec
        .files
        .as_ref()
        .filter(|_| declares_files(object, ownership))?;
    Some(match Source::from_inline(files) {
        Ok(source) => {
            let hash = source.hash(&BTreeMap::new());
            Ok(Declared { source, hash })
        }
        Err(error) => Err(error.to_string()),
    })
}

/// Whether `spec.files` is declared, by anybody but us.
pub fn declares_files(object: &CoderTemplate, ownership: &Ownership) -> bool {
    object
        .spec
        .files
        .as_ref()
        .is_some_and(|files| !files.is_empty())
        && ownership.declared(&FieldPath::spec(FILES))
}
