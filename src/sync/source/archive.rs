//! The archive of a source, byte for byte the same in every release.
//!
//! It is written by hand rather than with `tar::Builder`, whose choices (how a long name is split,
//! which names it refuses) are not promised to stay.

use std::collections::{BTreeMap, BTreeSet};

use tar::{EntryType, Header};

const BLOCK: usize = 512;

/// Folders are entries of their own: coderd does not create those that an archive leaves out.
pub(super) fn write(
    files: &BTreeMap<String, String>,
    folders: &BTreeSet<String>,
    executables: &BTreeSet<String>,
) -> Vec<u8> {
    let folders = folders.iter().map(|folder| (format!("{folder}/"), None));
    let files = files
        .iter()
        .map(|(path, text)| (path.clone(), Some(text.as_bytes())));
    let mut entries: Vec<(String, Option<&[u8]>)> = folders.chain(files).collect();
    entries.sort();

    let mut archive = Vec::new();
    for (path, text) in entries {
        let (kind, mode) = match text {
            None => (EntryType::Directory, 0o755),
            Some(_) if executables.contains(&path) => (EntryType::Regular, 0o755),
            Some(_) => (EntryType::Regular, 0o644),
        };
        append(
            &mut archive,
            path.as_bytes(),
            kind,
            mode,
            text.unwrap_or_default(),
        );
    }
    archive.extend([0; 2 * BLOCK]);
    archive
}

/// A name that does not fit its field goes ahead as GNU's long name, at any length.
fn append(archive: &mut Vec<u8>, name: &[u8], kind: EntryType, mode: u32, data: &[u8]) {
    let mut header = Header::new_ustar();
    if name.len() > header.as_old().name.len() {
        append_block(
            archive,
            Header::new_gnu(),
            b"././@LongLink",
            EntryType::GNULongName,
            0o644,
            &[name, &[0]].concat(),
        );
        header = Header::new_gnu();
    }
    append_block(archive, header, name, kind, mode, data);
}

fn append_block(
    archive: &mut Vec<u8>,
    mut header: Header,
    name: &[u8],
    kind: EntryType,
    mode: u32,
    data: &[u8],
) {
    for (slot, byte) in header.as_old_mut().name.iter_mut().zip(name) {
        *slot = *byte;
    }
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(data.len() as u64);
    header.set_cksum();
    archive.extend(header.as_bytes());
    archive.extend(data);
    archive.resize(archive.len().next_multiple_of(BLOCK), 0);
}
