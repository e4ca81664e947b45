mod archive;
mod tree;
mod version;

use std::io::Read as _;

use tar::{Archive, EntryType};

use super::*;

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
