//! Renames YAML answers. YAML has no stream form, so an answer is in memory as a whole.

use std::ops::Range;

use granit_parser::Parser;

use super::{
    Options,
    document::{Content, Edits, Node},
    place::ResponsePlace,
    token::rename_text,
    yaml,
};
use crate::k8s::yaml::quoted;

/// Renames what kube-apiserver answers in YAML, by the rules of the module above.
///
/// A member that is left out goes with its lines in block style, comments after it included; in
/// flow style it goes up to the next key or the closing brace. A mapping that is left without
/// members becomes `{}`. A message in a quoted or plain style is written anew, in double quotes,
/// only if a token is broken by its line breaks or escapes; in block style such a token stays.
/// Text that is not YAML is returned as it is.
#[must_use]
pub fn response_yaml(text: &[u8], options: Options) -> Vec<u8> {
    let Ok(document) = std::str::from_utf8(text) else {
        return text.to_vec();
    };
    let mut renaming = Renaming {
        document,
        options,
        edits: Edits::default(),
        keys: Vec::new(),
    };
    match yaml::walk(document, ResponsePlace::Root, |node| renaming.node(node)) {
        Some(_) => renaming.edits.apply(text).into_owned(),
        None => text.to_vec(),
    }
}

struct Renaming<'a> {
    document: &'a str,
    options: Options,
    edits: Edits,
    /// The keys of the spec that is being read: where, and whether the member is left out.
    keys: Vec<(usize, bool)>,
}

impl Renaming<'_> {
    fn node(&mut self, node: Node<'_, ResponsePlace>) {
        match (node.place, node.content) {
            (ResponsePlace::Spec, Content::Key) => self.keys.push((node.span.start, false)),
            (_, Content::Key) => {}
            (ResponsePlace::Files, _) => {
                if let Some((_, omitted)) = self.keys.last_mut() {
                    *omitted = self.options.omit_files;
                }
            }
            (ResponsePlace::Spec, Content::Container(_)) => self.omit(&node.span, node.block),
            (ResponsePlace::Message, Content::Text(text)) => {
                let text = String::from_utf8_lossy(&text);
                self.message(node.span, node.block, &text);
            }
            (place, Content::Text(text)) => {
                if let Some((from, to)) = place.renaming()
                    && *text == *from.as_bytes()
                {
                    yaml::respell(self.document, node.span, (from, to), &mut self.edits);
                }
            }
            _ => {}
        }
    }

    fn message(&mut self, span: Range<usize>, block: bool, text: &str) {
        let renamed = rename_text(text, self.options.foreign);
        let source = self.document.get(span.clone()).unwrap_or_default();
        if renamed == text {
            return;
        }
        let respelled = rename_text(source, self.options.foreign).into_owned();
        if block || scalar(&respelled).as_deref() == Some(&renamed) {
            self.edits.replace(span, respelled.into_bytes());
        } else {
            self.edits.replace(span, quoted(&renamed).into_bytes());
        }
    }

    /// Leaves out the members of the spec at `span` that have to go.
    fn omit(&mut self, span: &Range<usize>, block: bool) {
        let keys = std::mem::take(&mut self.keys);
        if block && !keys.is_empty() && keys.iter().all(|(_, omitted)| *omitted) {
            let end = self.line_start(span.end);
            let lines = self.document.get(span.start..end).unwrap_or_default();
            let empty = if lines.ends_with('\n') { "{}\n" } else { "{}" };
            self.edits.replace(span.start..end, empty.as_bytes());
            return;
        }
        let end = if block { span.end } else { span.end - 1 };
        let mut begun = None;
        for (start, omitted) in keys.into_iter().chain([(end, false)]) {
            if omitted {
                begun.get_or_insert(start);
            } else if let Some(first) = begun.take() {
                let members = self.members(first, start, block);
                self.edits.replace(members, b"".as_slice());
            }
        }
    }

    /// What the members from the key at `first` up to that at `next` take.
    fn members(&self, first: usize, next: usize, block: bool) -> Range<usize> {
        let line = self.line_start(first);
        let before = self.document.get(line..first).unwrap_or_default();
        if !block {
            first..next
        } else if before.trim_start().is_empty() {
            line..self.line_start(next)
        } else {
            // The first key shares its line with what the mapping belongs to: the next one takes
            // its place, in the same column.
            first..self.line_start(next) + (first - line)
        }
    }

    /// Where the line of what stands at `at` begins; at the end of the document nothing does.
    fn line_start(&self, at: usize) -> usize {
        let before = self.document.get(..at).unwrap_or_default();
        if at == self.document.len() {
            return at;
        }
        before.rfind('\n').map_or(0, |newline| newline + 1)
    }
}

/// What `source` says, if it is one scalar.
fn scalar(source: &str) -> Option<String> {
    Parser::new_from_str(source)
        .filter_map(Result::ok)
        .find_map(|(event, _)| event.scalar().map(|(text, _)| text.to_owned()))
}
