//! The declared source of a template, and what a version of it is built with.

use std::collections::BTreeMap;

use super::variables::Variables;
use crate::{
    api::template::CoderTemplate,
    sync::{
        fields::ownership::{FieldPath, Ownership},
        source::Source,
    },
};

/// The field of the inline source.
pub const FILES: &str = "files";
/// The field of a version that is there.
pub const VERSION_ID: &str = "versionID";

/// A declared source with everything else that a version is built from.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The source.
    pub source: Source,
    /// The tags that choose the provisioner.
    pub tags: BTreeMap<String, String>,
    /// The values of variables.
    pub variables: Variables,
    /// The hash of all of it, in hex.
    pub hash: String,
}

/// Why no version can be built of what is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It can be no source, until it is declared otherwise.
    Invalid(String),
    /// Something that it refers to is not there, or cannot be read.
    Missing(String),
}

impl Declared {
    /// `source` with these tags and variables.
    #[must_use]
    pub fn new(source: Source, tags: BTreeMap<String, String>, variables: Variables) -> Self {
        let hash = variables.joined_to(source.hash(&tags));
        Self {
            source,
            tags,
            variables,
            hash,
        }
    }

    /// The hash of the same with the files of `source`, in hex.
    #[must_use]
    pub fn hash_with(&self, source: &Source) -> String {
        self.variables.joined_to(source.hash(&self.tags))
    }

    /// Whether files are all there is: a version with these files has all that is declared.
    #[must_use]
    pub fn is_of_files_alone(&self) -> bool {
        self.tags.is_empty() && self.variables.is_empty()
    }
}

/// The declared source, checked, with the values of the declared variables; none where none is declared.
/// `referred` is what `spec.source` refers to.
pub fn declared_source(
    object: &CoderTemplate,
    ownership: &Ownership,
    referred: Option<Result<Source, Unusable>>,
    variables: Result<Variables, String>,
) -> Option<Result<Declared, Unusable>> {
    let files = object.spec.files.as_ref();
    let source = match (
        files.filter(|_| declares_files(object, ownership)),
        referred,
    ) {
        (None, None) => return None,
        (None, Some(referred)) => referred,
        (Some(files), None) => inline(files),
        (Some(_), Some(_)) => Err(two_sources()),
    };
    let tags = object.spec.provisioner_tags.clone().unwrap_or_default();
    Some(source.and_then(|source| {
        let variables = variables.map_err(Unusable::Missing)?;
        Ok(Declared::new(source, tags, variables))
    }))
}

fn inline(files: &BTreeMap<String, String>) -> Result<Source, Unusable> {
    Source::from_inline(files).map_err(|error| Unusable::Invalid(error.to_string()))
}

fn two_sources() -> Unusable {
    let message = "spec.files and spec.source are both declared, and a version has one source; leave one of them out";
    Unusable::Invalid(message.to_owned())
}

/// Whether a source is declared that a version can be built from.
pub fn declares_source(object: &CoderTemplate, ownership: &Ownership) -> bool {
    declares_files(object, ownership) || config_map(object).is_some()
}

/// The ConfigMap that holds the declared source. Nothing of `spec.source` is mirrored, so that whoever sets it
/// declares it.
pub fn config_map(object: &CoderTemplate) -> Option<&str> {
    let reference = object.spec.source.as_ref()?.config_map_ref.as_ref()?;
    Some(&reference.name)
}

/// The field that says what the files are.
pub fn source_field(object: &CoderTemplate) -> &'static str {
    if object.spec.source.is_some() {
        "source"
    } else {
        FILES
    }
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

/// The declared fields that only a version built from a declared source has a use for.
pub fn needs_source(object: &CoderTemplate) -> Vec<&'static str> {
    let spec = &object.spec;
    let tags = spec.provisioner_tags.as_ref();
    let given = [
        (!spec.variables.is_empty(), "spec.variables"),
        (
            tags.is_some_and(|tags| !tags.is_empty()),
            "spec.provisionerTags",
        ),
    ];
    let given = given.into_iter().filter(|(is_given, _)| *is_given);
    given.map(|(_, name)| name).collect()
}
