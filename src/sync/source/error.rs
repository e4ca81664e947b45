//! What a source may be at most, and why a tree or an archive is refused.

use std::io;

use super::{
    path::PathProblem,
    shown::{Name, Size},
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

/// Why an entry of an archive is no file that path and text could stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum NotPlain {
    #[error("has a path that {0}")]
    Path(PathProblem),
    #[error("is there twice")]
    Twice,
    #[error("is not text")]
    NotText,
    #[error("is executable")]
    Executable,
    #[error("is larger than {}", Size(MAX_FILE_BYTES))]
    TooLarge,
    #[error("is a symbolic link")]
    SymbolicLink,
    #[error("is a hard link")]
    HardLink,
    #[error("is a device or a pipe")]
    Device,
    #[error("is a sparse file")]
    Sparse,
    #[error("is of an unknown kind")]
    Unknown,
}

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
    /// An entry of an archive is no file of text.
    #[error("{} {reason}", Name(path))]
    Entry {
        /// Its path.
        path: String,
        /// What it is.
        reason: NotPlain,
    },
    /// There is nothing that a template could be.
    #[error("there is no file in it")]
    Empty,
    /// The bytes are a zip archive.
    #[error("a zip archive cannot be read: pack the files as .tar or .tar.gz")]
    Zip,
    /// The bytes are no tar archive, or it is damaged.
    #[error("the archive cannot be read")]
    Archive(#[source] io::Error),
}
