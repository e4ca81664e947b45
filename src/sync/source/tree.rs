//! A tree of text files that can be the source of a template.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    archive,
    error::{MAX_ARCHIVE_BYTES, MAX_ENTRIES, MAX_FILE_BYTES, MAX_INLINE_CHARACTERS, SourceError},
    path, version,
};

/// A tree of text files that can be the source of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// By path: relative, clean, and no file is the folder of another.
    pub(super) files: BTreeMap<String, String>,
    /// All folders that hold a file, without the root.
    folders: BTreeSet<String>,
    /// The files that may be run.
    pub(super) executables: BTreeSet<String>,
    /// Whether it says itself which files those are.
    has_modes: bool,
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
            has_modes: false,
        };
        if source.tar_bytes().len() > MAX_ARCHIVE_BYTES {
            return Err(SourceError::TooLarge);
        }
        Ok(source)
    }

    /// The source, of which those of its files may be run that `executables` names, whatever others say.
    #[must_use]
    pub(super) fn with_modes(self, executables: &BTreeSet<String>) -> Self {
        let mut source = self.with_executables(executables);
        source.has_modes = true;
        source
    }

    /// Whether it says itself which of its files may be run, as an archive does.
    #[must_use]
    pub fn has_modes(&self) -> bool {
        self.has_modes
    }

    /// The source, of which those of its files may be run that `executables` names, unless it says so itself.
    #[must_use]
    pub fn with_executables<'a>(
        mut self,
        executables: impl IntoIterator<Item = &'a String>,
    ) -> Self {
        if self.has_modes {
            return self;
        }
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
        archive::write(&self.files, &self.folders, &self.executables)
    }

    /// SHA-256 of everything that a version is built from, in hex: the archive and the tags that
    /// choose its provisioner.
    #[must_use]
    pub fn hash(&self, provisioner_tags: &BTreeMap<String, String>) -> String {
        version::hash(&self.tar_bytes(), provisioner_tags)
    }
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
