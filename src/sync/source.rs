//! The source of a template: a checked tree of text files, the archive that coderd gets of it, and
//! what an archive that coderd gives back contains.
//!
//! The archive of a tree is the same bytes in every release, because its hash names the version
//! that is built from it: other bytes would build every template of every installation again. An
//! archive that was read back may come from anybody who can push a template; nothing in it is
//! trusted.

mod archive;
mod content;
mod error;
mod packed;
mod path;
mod shown;
#[cfg(test)]
mod tests;
mod tree;
mod version;

pub use self::{
    content::{Content, MIRROR_LIMIT_BYTES, Omitted},
    error::{
        MAX_ARCHIVE_BYTES, MAX_ENTRIES, MAX_FILE_BYTES, MAX_INLINE_CHARACTERS, MAX_READ_BYTES,
        NotPlain, SourceError,
    },
    path::PathProblem,
    shown::shown,
    tree::Source,
    version::{is_version_of, parse_version_name, version_name},
};
