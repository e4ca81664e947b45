//! YAML in and out, by way of JSON, which alone is renamed.

use std::io;

use serde::de::Error as _;
use serde_json::ser::{Formatter, Serializer};
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_transcode::{Transcoder, transcode};

use crate::k8s::yaml;

/// The JSON that says what `text` says, duplicates and the order of members included; none where it is
/// no YAML. kube-apiserver reads only the first document, and takes what this gives for the same.
pub(super) fn read(mut text: &[u8]) -> Option<Vec<u8>> {
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        legacy_octal_numbers: true,
    };
    let mut documents = serde_saphyr::read_with_options::<_, Json>(&mut text, options);
    let Json(json) = documents.next()?.ok()?;
    // What follows is not looked at, but has to be another document.
    documents
        .next()
        .is_none_or(|next| next.is_ok())
        .then_some(json)
}

/// A document, written anew while it is read.
struct Json(Vec<u8>);

impl<'de> serde::Deserialize<'de> for Json {
    fn deserialize<D: serde::Deserializer<'de>>(document: D) -> Result<Self, D::Error> {
        let mut json = Bounded(Vec::new());
        let mut writer = Serializer::with_formatter(&mut json, ForYaml);
        transcode(document, &mut writer).map_err(D::Error::custom)?;
        Ok(Self(json.0))
    }
}

/// More than kube-apiserver takes. Aliases make much out of little.
const LONGEST: usize = 4 * 1024 * 1024;

struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.0.len() + more.len() > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.write(more)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes JSON in the characters that stand for themselves in YAML, and numbers as kube-apiserver does:
/// a whole one has no fraction, by which integers are told.
struct ForYaml;

impl Formatter for ForYaml {
    fn write_f64<W: ?Sized + io::Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        write!(out, "{value}")
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for part in fragment.split_inclusive(|character| !yaml::is_plain(character)) {
            let special = part
                .chars()
                .next_back()
                .filter(|last| !yaml::is_plain(*last));
            let plain = part.len() - special.map_or(0, char::len_utf8);
            out.write_all(part.get(..plain).unwrap_or_default().as_bytes())?;
            if let Some(special) = special {
                write!(out, "\\u{:04x}", u32::from(special))?;
            }
        }
        Ok(())
    }
}

/// What `json` says, as YAML; none where it is no JSON.
///
/// By the options, each string is in one line: go-yaml does not read every block that the library
/// writes.
#[must_use]
pub fn write(json: &[u8]) -> Option<String> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let mut reader = serde_json::Deserializer::from_slice(json);
    serde_saphyr::to_string_with_options(&Transcoder::new(&mut reader), options).ok()
}
