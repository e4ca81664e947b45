//! What the archive of a version contains, as far as text can tell it.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use tar::{Archive, Entry, EntryType};

use super::{
    error::{MAX_ENTRIES, MAX_FILE_BYTES, MAX_READ_BYTES, NotPlain, SourceError},
    path::{self, PathProblem},
    shown::{Name, Size},
    tree::Source,
};

/// The most bytes, paths and text together, that are mirrored into an object.
pub const MIRROR_LIMIT_BYTES: usize = 128 << 10;

/// The files of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    entries: BTreeMap<String, Found>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    File { text: String, executable: bool },
    NotPlain(NotPlain),
}

/// Why the files of a version are not mirrored.
#[derive(Debug, thiserror::Error)]
pub enum Omitted {
    /// A file would not come back as it is.
    #[error("{} {reason}", Name(path))]
    File {
        /// The first such file.
        path: String,
        /// What it is.
        reason: NotPlain,
    },
    /// They are too large for an object that nobody asked for.
    #[error("the files are {} in all; at most {} are mirrored", Size(*bytes), Size(*limit))]
    TooLarge {
        /// Bytes of all paths and texts.
        bytes: usize,
        /// How many would be mirrored.
        limit: usize,
    },
    /// The tree could not be given back as a source.
    #[error(transparent)]
    NoSource(SourceError),
}

impl Content {
    /// How many bytes of text it holds.
    pub fn bytes(&self) -> usize {
        let text = |found: &Found| match found {
            Found::File { text, .. } => text.len(),
            Found::NotPlain(_) => 0,
        };
        self.entries.values().map(text).sum()
    }

    /// Reads the archive of a version. Folders are left out. Of two entries with one path none counts:
    /// Terraform sees the later one written over the earlier without cutting that off.
    ///
    /// Memory follows the bytes that are there, never the sizes that they claim. An error means that
    /// nothing can be said of the version, so it equals no source.
    pub fn read(archive: &[u8]) -> Result<Self, SourceError> {
        let mut entries = BTreeMap::new();
        let mut left = MAX_READ_BYTES;
        let mut archive = Archive::new(archive);
        for (index, entry) in archive.entries().map_err(SourceError::Archive)?.enumerate() {
            if index == MAX_ENTRIES {
                return Err(SourceError::TooManyEntries);
            }
            let mut entry = entry.map_err(SourceError::Archive)?;
            let kind = entry.header().entry_type();
            let extended = Extended::read(&mut entry).map_err(SourceError::Archive)?;
            let name = extended.name.unwrap_or_else(|| entry.path_bytes().into());
            let folder = kind.is_dir() || (name.ends_with(b"/") && entry.size() == 0);
            if folder || kind.is_pax_global_extensions() {
                continue;
            }
            let (path, found) = match clean(&name) {
                Ok(path) => (path, found(&mut entry, extended.sparse, &mut left)?),
                Err(problem) => {
                    let path = String::from_utf8_lossy(&name).into_owned();
                    (path, Found::NotPlain(NotPlain::Path(problem)))
                }
            };
            entries
                .entry(path)
                .and_modify(|before| *before = Found::NotPlain(NotPlain::Twice))
                .or_insert(found);
        }
        Ok(Self { entries })
    }

    /// The files, if path and text say all there is to say of them and they are at most
    /// `limit_bytes` in all.
    pub fn mirrorable(&self, limit_bytes: usize) -> Result<BTreeMap<String, String>, Omitted> {
        let mut files = BTreeMap::new();
        let mut bytes = 0;
        for (path, found) in &self.entries {
            let text = found.plain_text().map_err(|reason| Omitted::File {
                path: path.clone(),
                reason,
            })?;
            bytes += path.len() + text.len();
            files.insert(path.clone(), text.to_owned());
        }
        if bytes > limit_bytes {
            return Err(Omitted::TooLarge {
                bytes,
                limit: limit_bytes,
            });
        }
        Source::from_inline(&files).map_err(Omitted::NoSource)?;
        Ok(files)
    }

    /// The source that the archive holds, if each entry is a file of text; else the first that is not.
    pub(super) fn into_source(self) -> Result<Source, SourceError> {
        if self.entries.is_empty() {
            return Err(SourceError::Empty);
        }
        let executables = self.executables().cloned().collect();
        let mut files = BTreeMap::new();
        for (path, found) in self.entries {
            match found {
                Found::File { text, .. } => files.insert(path, text),
                Found::NotPlain(reason) => return Err(SourceError::Entry { path, reason }),
            };
        }
        Ok(Source::from_files(&files)?.with_modes(&executables))
    }

    /// Whether these are the files of `source`, with the same text and nothing besides. Times do not count,
    /// nor do modes where `source` has no word for them.
    #[must_use]
    pub fn equals(&self, source: &Source) -> bool {
        let has_modes = !source.has_modes() || self.executables().eq(&source.executables);
        has_modes
            && self.entries.len() == source.files.len()
            && self.entries.iter().zip(&source.files).all(
                |((path, found), (wanted, wanted_text))| {
                    path == wanted
                        && matches!(found, Found::File { text, .. } if text == wanted_text)
                },
            )
    }

    /// The files that may be run.
    pub fn executables(&self) -> impl Iterator<Item = &String> {
        let is_one = |found: &Found| {
            matches!(
                found,
                Found::File {
                    executable: true,
                    ..
                }
            )
        };
        let entries = self.entries.iter();
        entries.filter_map(move |(path, found)| is_one(found).then_some(path))
    }

    /// The paths, sorted and fit to be shown, that are here but not in `source`; also where that has a
    /// file in place of a link.
    #[must_use]
    pub fn dropped_by(&self, source: &Source) -> Vec<String> {
        let is_link = |found: &Found| {
            matches!(
                found,
                Found::NotPlain(NotPlain::SymbolicLink | NotPlain::HardLink)
            )
        };
        self.entries
            .iter()
            .filter(|(path, found)| is_link(found) || !source.files.contains_key(*path))
            .map(|(path, _)| Name(path).to_string())
            .collect()
    }
}

impl Found {
    /// The text, if it is all that the file is.
    fn plain_text(&self) -> Result<&str, NotPlain> {
        match self {
            Self::File { text, .. } if text.contains('\0') => Err(NotPlain::NotText),
            Self::File {
                executable: true, ..
            } => Err(NotPlain::Executable),
            Self::File { text, .. } => Ok(text),
            Self::NotPlain(reason) => Err(*reason),
        }
    }
}

/// What a pax header says of the entry behind it, besides what `tar` makes of it by itself.
#[derive(Default)]
struct Extended {
    sparse: bool,
    name: Option<Vec<u8>>,
}

impl Extended {
    fn read(entry: &mut Entry<'_, impl Read>) -> io::Result<Self> {
        let mut extended = Self::default();
        if entry.header().entry_type().is_pax_global_extensions() {
            return Ok(extended);
        }
        for record in entry.pax_extensions()?.into_iter().flatten() {
            let record = record?;
            extended.sparse |= record.key_bytes().starts_with(b"GNU.sparse.");
            if record.key_bytes() == b"GNU.sparse.name" {
                extended.name = Some(record.value_bytes().to_vec());
            }
        }
        Ok(extended)
    }
}

fn clean(name: &[u8]) -> Result<String, PathProblem> {
    path::clean(str::from_utf8(name).map_err(|_| PathProblem::NotText)?)
}

/// Reads one entry, taking its size off what is `left` for all of them.
fn found(
    entry: &mut Entry<'_, impl Read>,
    sparse: bool,
    left: &mut usize,
) -> Result<Found, SourceError> {
    if let Some(reason) = special(entry.header().entry_type(), sparse) {
        return Ok(Found::NotPlain(reason));
    }
    let Some(size) = usize::try_from(entry.size())
        .ok()
        .filter(|size| *size <= MAX_FILE_BYTES)
    else {
        return Ok(Found::NotPlain(NotPlain::TooLarge));
    };
    *left = left.checked_sub(size).ok_or(SourceError::TooLargeToRead)?;

    // A blank mode is no mode to `tar`, but fine for coderd.
    let executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
    let mut bytes = Vec::new();
    entry
        .read_to_end(&mut bytes)
        .map_err(SourceError::Archive)?;
    if bytes.len() != size {
        return Err(SourceError::Archive(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Found::File { text, executable },
        Err(_) => Found::NotPlain(NotPlain::NotText),
    })
}

fn special(kind: EntryType, sparse: bool) -> Option<NotPlain> {
    if sparse || kind.is_gnu_sparse() {
        return Some(NotPlain::Sparse);
    }
    if kind.is_symlink() {
        return Some(NotPlain::SymbolicLink);
    }
    if kind.is_hard_link() {
        return Some(NotPlain::HardLink);
    }
    if kind.is_character_special() || kind.is_block_special() || kind.is_fifo() {
        return Some(NotPlain::Device);
    }
    (!kind.is_file()).then_some(NotPlain::Unknown)
}
