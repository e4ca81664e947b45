//! The source of a template: a checked tree of text files, the archive that coderd gets of it, and
//! what an archive that coderd gives back contains.
//!
//! The archive of a tree is the same bytes in every release, because its hash names the version
//! that is built from it: other bytes would build every template of every installation again. An
//! archive that was read back may come from anybody who can push a template; nothing in it is
//! trusted.

mod archive;
mod content;
mod path;
mod shown;
#[cfg(test)]
mod tests;
mod version;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use self::shown::{Name, Size};
pub use self::{
    content::{Content, MIRROR_LIMIT_BYTES, NotPlain, Omitted},
    path::PathProblem,
    version::{is_version_of, parse_version_name, version_name},
};

/// The most files and folders that a source may have.
pub const MAX_ENTRIES: usize = 2000;
/// The most bytes that one file may have.
pub const MAX_FILE_BYTES: usize = 2 << 20;
/// The most bytes that the archive of a source may have: 3.5 MiB. coderd hands the archive to Terraform in
/// messages of 4 MiB at most, together with the parameters and the state: a workspace of a source that
/// just fits starts, and can then be neither stopped nor deleted.
pub const MAX_ARCHIVE_BYTES: usize = 7 << 19;
/// The most bytes that are read of an archive that coderd gives back, whatever else made it.
pub const MAX_READ_BYTES: usize = 16 << 20;
/// The most characters, paths and text together, that `spec.files` may have, so that the object
/// fits into etcd.
pub const MAX_INLINE_CHARACTERS: usize = 1_000_000;

/// A tree cannot be the source of a template, or an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A path cannot be used.
    #[error("the path {} {problem}", Name(path))]
    Path {
        /// The path as it was given.
        path: String,
        /// What is wrong with it.
        problem: PathProblem,
    },
    /// Two paths name one file.
    #[error("the paths {} and {} name the same file", Name(first), Name(second))]
    SamePath {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A path is a file and the folder of another file.
    #[error(
        "{} is a file, but {} needs it to be a folder",
        Name(file),
        Name(below)
    )]
    FileAsFolder {
        /// The file.
        file: String,
        /// The file below it.
        below: String,
    },
    /// One file is too large.
    #[error("{} is {}; a file may be {} at most", Name(path), Size(*bytes), Size(MAX_FILE_BYTES))]
    FileTooLarge {
        /// The file.
        path: String,
        /// Its size.
        bytes: usize,
    },
    /// There are too many files and folders.
    #[error("there are more than {MAX_ENTRIES} files and folders")]
    TooManyEntries,
    /// The files are too large together.
    #[error(
        "the source is more than {} as a tar archive; coderd passes it to Terraform in messages of 4 MiB \
         at most, together with parameters and state, and a workspace of a larger one could be neither \
         stopped nor deleted: leave out what Terraform does not need",
        Size(MAX_ARCHIVE_BYTES)
    )]
    TooLarge,
    /// An archive is larger than any that coderd can use.
    #[error("the files are more than {} in all", Size(MAX_READ_BYTES))]
    TooLargeToRead,
    /// The files do not fit into the object.
    #[error(
        "spec.files has {characters} characters; at most {MAX_INLINE_CHARACTERS} fit into an \
         object: use spec.source (configMapRef, artifact or archive)"
    )]
    TooLargeInline {
        /// Characters of all paths and texts.
        characters: usize,
    },
    /// The bytes are no tar archive, or it is damaged.
    #[error("the archive cannot be read")]
    Archive(#[source] io::Error),
}

/// A tree of text files that can be the source of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// By path: relative, clean, and no file is the folder of another.
    files: BTreeMap<String, String>,
    /// All folders that hold a file, without the root.
    folders: BTreeSet<String>,
    /// The files that may be run.
    executables: BTreeSet<String>,
}

impl Source {
    /// Checks a tree of path → text.
    pub fn from_files(given: &BTreeMap<String, String>) -> Result<Self, SourceError> {
        let (mut files, mut folders) = (BTreeMap::new(), BTreeSet::new());
        let mut bytes = 0_usize;
        for (path, text) in given {
            let clean = path::clean(path).map_err(|problem| SourceError::Path {
                path: path.clone(),
                problem,
            })?;
            if text.len() > MAX_FILE_BYTES {
                return Err(SourceError::FileTooLarge {
                    path: clean,
                    bytes: text.len(),
                });
            }
            bytes = bytes.saturating_add(text.len());
            folders.extend(path::folders(&clean).map(str::to_owned));
            if files.insert(clean.clone(), text.clone()).is_some() {
                return Err(same_path(given, &clean));
            }
            if bytes > MAX_ARCHIVE_BYTES {
                return Err(SourceError::TooLarge);
            }
            if files.len() + folders.len() > MAX_ENTRIES {
                return Err(SourceError::TooManyEntries);
            }
        }
        if let Some(file) = folders.iter().find(|folder| files.contains_key(*folder)) {
            return Err(file_as_folder(&files, file));
        }
        let source = Self {
            files,
            folders,
            executables: BTreeSet::new(),
        };
        if source.tar_bytes().len() > MAX_ARCHIVE_BYTES {
            return Err(SourceError::TooLarge);
        }
        Ok(source)
    }

    /// The source, of which those of its files may be run that `executables` names.
    #[must_use]
    pub fn with_executables<'a>(
        mut self,
        executables: impl IntoIterator<Item = &'a String>,
    ) -> Self {
        let executables = executables.into_iter();
        let known = executables.filter(|path| self.files.contains_key(*path));
        self.executables = known.cloned().collect();
        self
    }

    /// The files that may be run, in order.
    #[must_use]
    pub fn executables(&self) -> Vec<String> {
        self.executables.iter().cloned().collect()
    }

    /// The files in which people set Terraform's variables, and which coderd gives no effect: it sets each
    /// variable itself.
    #[must_use]
    pub fn variable_files(&self) -> Vec<String> {
        let is_one = |path: &&String| {
            let plain = path.strip_suffix(".json").unwrap_or(path);
            !path.contains('/') && (plain == "terraform.tfvars" || plain.ends_with(".auto.tfvars"))
        };
        self.files.keys().filter(is_one).cloned().collect()
    }

    /// Checks the tree of `spec.files`, which must also fit into its object.
    pub fn from_inline(given: &BTreeMap<String, String>) -> Result<Self, SourceError> {
        let characters = given
            .iter()
            .map(|(path, text)| path.chars().count() + text.chars().count())
            .sum();
        if characters > MAX_INLINE_CHARACTERS {
            return Err(SourceError::TooLargeInline { characters });
        }
        Self::from_files(given)
    }

    /// The archive that coderd gets. One tree always has the same bytes.
    #[must_use]
    pub fn tar_bytes(&self) -> Vec<u8> {
        archive::write(self)
    }

    /// SHA-256 of everything that a version is built from, in hex: the archive and the tags that
    /// choose its provisioner.
    #[must_use]
    pub fn hash(&self, provisioner_tags: &BTreeMap<String, String>) -> String {
        version::hash(&self.tar_bytes(), provisioner_tags)
    }
}

/// A text that anybody may have written, fit to be shown: short, on one line, in quotes.
#[must_use]
pub fn shown(text: &str) -> String {
    format!("\"{}\"", Name(text))
}

fn same_path(given: &BTreeMap<String, String>, clean: &str) -> SourceError {
    let mut same = given
        .keys()
        .filter(|path| path::clean(path).is_ok_and(|other| other == clean))
        .cloned();
    SourceError::SamePath {
        first: same.next().unwrap_or_default(),
        second: same.next().unwrap_or_default(),
    }
}

fn file_as_folder(files: &BTreeMap<String, String>, file: &str) -> SourceError {
    let below = files
        .keys()
        .find(|path| path::folders(path).any(|folder| folder == file))
        .cloned();
    SourceError::FileAsFolder {
        file: file.to_owned(),
        below: below.unwrap_or_default(),
    }
}
