mod archive;
mod content;
mod packed;
mod properties;
mod tree;
mod version;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
};

use proptest::prelude::*;
use tar::{Archive, Builder, EntryType, Header};

use super::{
    shown::{Name, Size},
    *,
};

fn files<P: Into<String>, T: Into<String>>(
    files: impl IntoIterator<Item = (P, T)>,
) -> BTreeMap<String, String> {
    files
        .into_iter()
        .map(|(path, text)| (path.into(), text.into()))
        .collect()
}

fn source<const N: usize>(given: [(&str, &str); N]) -> Source {
    Source::from_files(&files(given)).unwrap()
}

fn refusal(given: &BTreeMap<String, String>) -> String {
    Source::from_files(given).unwrap_err().to_string()
}

fn tags<const N: usize>(given: [(&str, &str); N]) -> BTreeMap<String, String> {
    files(given)
}

/// Name, kind, mode and data.
type Entry<'a> = (&'a [u8], EntryType, u32, &'a [u8]);

/// An archive as somebody else might write it. The names go in unchecked.
fn foreign(entries: &[Entry]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (name, kind, mode, data) in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_mtime(1_700_000_000);
        header.set_uid(1000);
        header.set_gid(1000);
        header.set_size(data.len() as u64);
        header.set_cksum();
        archive.append(&header, *data).unwrap();
    }
    archive.into_inner().unwrap()
}

fn foreign_files(entries: &[(&str, &str)]) -> Vec<u8> {
    let entries: Vec<_> = entries
        .iter()
        .map(|(name, text)| (name.as_bytes(), EntryType::Regular, 0o664, text.as_bytes()))
        .collect();
    foreign(&entries)
}

fn omission(archive: &[u8]) -> String {
    Content::read(archive)
        .unwrap()
        .mirrorable(MIRROR_LIMIT_BYTES)
        .unwrap_err()
        .to_string()
}
