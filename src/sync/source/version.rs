//! The name of the version that is built from a source.

use std::{collections::BTreeMap, fmt::Write as _};

use sha2::{Digest, Sha256};

/// So many characters of a hash are in a name; coderd takes 64 characters in all.
const PREFIX: usize = 32;

/// Each part goes in with its length, so that no two inputs run together.
pub(super) fn hash(archive: &[u8], provisioner_tags: &BTreeMap<String, String>) -> String {
    let mut digest = Sha256::new();
    let mut part = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    };
    part(archive);
    for (key, value) in provisioner_tags {
        part(key.as_bytes());
        part(value.as_bytes());
    }
    digest
        .finalize()
        .iter()
        .fold(String::new(), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// The name of the `attempt`th version built from the source with this hash. A failed import keeps
/// its name for good, so the next attempt needs another.
#[must_use]
pub fn version_name(hash: &str, attempt: u32) -> String {
    format!("{}-{attempt}", prefix(hash))
}

/// The start of the hash and the attempt, if [`version_name`] could have made this name.
#[must_use]
pub fn parse_version_name(name: &str) -> Option<(&str, u32)> {
    let (prefix, number) = name.split_once('-')?;
    let hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    if prefix.len() != PREFIX || !prefix.chars().all(hex) {
        return None;
    }
    let attempt = number.parse::<u32>().ok()?;
    // No second spelling, such as `01` or `+1`.
    (attempt.to_string() == number).then_some((prefix, attempt))
}

/// Whether a version of this name was built from the source with this hash.
#[must_use]
pub fn is_version_of(name: &str, hash: &str) -> bool {
    parse_version_name(name).is_some_and(|(found, _)| found == prefix(hash))
}

fn prefix(hash: &str) -> &str {
    hash.get(..PREFIX).unwrap_or(hash)
}
