//! A source that somebody packed, or keeps in a ConfigMap. It is read and packed anew, never passed on: so one
//! tree has one hash, whoever packed it and however.

use std::{collections::BTreeMap, io::Read};

use flate2::read::MultiGzDecoder;

use super::{
    content::Content,
    error::{MAX_READ_BYTES, NotPlain, SourceError},
    tree::Source,
};

/// How the names of packed sources end; of zip archives it is told that they cannot be read.
const PACKED: [&str; 4] = [".tar", ".tar.gz", ".tgz", ".zip"];
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZIP: &[u8] = b"PK";

impl Source {
    /// Reads a tar archive, plain or compressed with gzip, whose entries are all folders or files of text.
    pub fn from_packed(bytes: &[u8]) -> Result<Self, SourceError> {
        if bytes.starts_with(ZIP) {
            return Err(SourceError::Zip);
        }
        let content = if bytes.starts_with(GZIP) {
            Content::read(&inflated(bytes)?)?
        } else {
            Content::read(bytes)?
        };
        content.into_source()
    }

    /// Reads the keys of a ConfigMap: each is the path of a file, or the only one is a packed source.
    pub fn from_keys(
        text: &BTreeMap<String, String>,
        binary: &BTreeMap<String, &[u8]>,
    ) -> Result<Self, SourceError> {
        if let (true, Some(packed)) = (text.is_empty(), only_packed(binary)) {
            return Self::from_packed(packed);
        }
        let mut files = text.clone();
        for (key, bytes) in binary {
            let text = str::from_utf8(bytes).map_err(|_| SourceError::Entry {
                path: key.clone(),
                reason: NotPlain::NotText,
            })?;
            files.insert(key.clone(), text.to_owned());
        }
        if files.is_empty() {
            return Err(SourceError::Empty);
        }
        Self::from_files(&files)
    }
}

fn only_packed<'a>(binary: &BTreeMap<String, &'a [u8]>) -> Option<&'a [u8]> {
    let mut entries = binary.iter();
    let (key, bytes) = entries.next().filter(|_| binary.len() == 1)?;
    let is_packed = PACKED.iter().any(|end| key.ends_with(end));
    is_packed.then_some(bytes)
}

/// Memory follows what may be read, whatever the archive would grow to.
fn inflated(bytes: &[u8]) -> Result<Vec<u8>, SourceError> {
    let mut tar = Vec::new();
    let limit = MAX_READ_BYTES as u64 + 1;
    let mut decoder = MultiGzDecoder::new(bytes).take(limit);
    decoder
        .read_to_end(&mut tar)
        .map_err(SourceError::Archive)?;
    if tar.len() > MAX_READ_BYTES {
        return Err(SourceError::TooLargeToRead);
    }
    Ok(tar)
}
