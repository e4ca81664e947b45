//! Tables of what kube-apiserver and clients say, and properties against a slow reference.

mod answer;
mod body;
mod document;
mod property;
mod reference;
mod yaml;

use super::*;

/// `text` filtered in one push.
fn filtered(text: &str, options: Options) -> String {
    String::from_utf8(filtered_bytes(text.as_bytes(), usize::MAX, options)).unwrap()
}

/// `input` filtered in chunks of `size`.
fn filtered_bytes(input: &[u8], size: usize, options: Options) -> Vec<u8> {
    let mut filter = ResponseFilter::new(options);
    let mut output = Vec::new();
    for chunk in input.chunks(size) {
        filter.push(chunk, &mut output);
    }
    filter.finish(&mut output);
    output
}

const PLAIN: Options = Options {
    omit_files: false,
    foreign: false,
    yaml: false,
};
const OMIT: Options = Options {
    omit_files: true,
    foreign: false,
    yaml: false,
};
const FOREIGN: Options = Options {
    omit_files: false,
    foreign: true,
    yaml: false,
};
