//! Renames what clients send. A body is in memory as a whole, and small.

use std::{borrow::Cow, ops::Range};

use super::{
    document::{Content, Edits, Node},
    json,
    place::RequestPlace,
    yaml,
};
use crate::apiserver::names::{GROUP_VERSION, STORED_GROUP_VERSION};

/// A renamed body.
#[derive(Debug, PartialEq, Eq)]
pub struct Rewritten<'a> {
    /// What is sent on; the body itself if there was nothing to rename.
    pub body: Cow<'a, [u8]>,
    /// An object named the stored version, and now names the aggregated one: kube-apiserver will
    /// refuse it, and its answer is to be filtered with [`foreign`](super::Options::foreign).
    pub foreign: bool,
}

/// Renames a whole object of ours, as create, update and apply send it; `yaml` says that its type
/// is one of the YAML types, which JSON is sent under, too.
///
/// What cannot be read is not changed: kube-apiserver judges it. Of YAML, only the first document
/// is looked at. An alias in the place of a name is replaced by the name; an alias elsewhere of a
/// name that is replaced is written out, so that it means what it meant.
#[must_use]
pub fn object(body: &[u8], yaml: bool) -> Rewritten<'_> {
    let mut changes = Changes::default();
    if changes.read_json(body, RequestPlace::Object, 0) {
        return changes.apply(body);
    }
    let mut changes = Changes::default();
    match std::str::from_utf8(body) {
        Ok(text) if yaml && changes.read_yaml(text) => changes.apply(body),
        Ok(_) | Err(_) => Rewritten::unchanged(body),
    }
}

/// Renames a JSON merge patch (RFC 7386): it is read as an object.
#[must_use]
pub fn merge_patch(body: &[u8]) -> Rewritten<'_> {
    object(body, false)
}

/// Renames the values of a JSON patch (RFC 6902) by what their operation's path names.
#[must_use]
pub fn json_patch(body: &[u8]) -> Rewritten<'_> {
    let mut changes = Changes::default();
    let mut target = RequestPlace::Nowhere;
    let mut operands: Vec<Range<usize>> = Vec::new();
    let valid = json::walk(body, RequestPlace::Patch, |node| {
        match (node.place, node.content) {
            (_, Content::Key) => {}
            (RequestPlace::Path, Content::Text(pointer)) => {
                target = RequestPlace::of_pointer(&pointer);
            }
            (RequestPlace::Path, _) => target = RequestPlace::Nowhere,
            (RequestPlace::Operand, _) => operands.push(node.span),
            (RequestPlace::Operation, _) => {
                let target = std::mem::replace(&mut target, RequestPlace::Nowhere);
                for span in operands.drain(..) {
                    let operand = body.get(span.clone()).unwrap_or_default();
                    changes.read_json(operand, target, span.start);
                }
            }
            _ => {}
        }
    });
    if valid {
        changes.apply(body)
    } else {
        Rewritten::unchanged(body)
    }
}

impl<'a> Rewritten<'a> {
    fn unchanged(body: &'a [u8]) -> Self {
        Rewritten {
            body: Cow::Borrowed(body),
            foreign: false,
        }
    }
}

#[derive(Debug, Default)]
struct Changes {
    edits: Edits,
    foreign: bool,
}

impl Changes {
    /// Reads the JSON value that stands at `offset` of the body; says whether it is one.
    fn read_json(&mut self, value: &[u8], root: RequestPlace, offset: usize) -> bool {
        root != RequestPlace::Nowhere
            && json::walk(value, root, |node| {
                if let Some((_, to)) = self.renaming(&node) {
                    let span = node.span.start + offset..node.span.end + offset;
                    self.edits.replace(span, format!("\"{to}\"").into_bytes());
                }
            })
    }

    fn read_yaml(&mut self, text: &str) -> bool {
        let aliases = yaml::walk(text, RequestPlace::Object, |node| {
            if let Some(names) = self.renaming(&node) {
                yaml::respell(text, node.span, names, &mut self.edits);
            }
        });
        aliases.is_some_and(|aliases| {
            aliases.keep_meaning(&mut self.edits);
            true
        })
    }

    /// The name that the node is, and the one it becomes.
    fn renaming(&mut self, node: &Node<'_, RequestPlace>) -> Option<(&'static str, &'static str)> {
        let Content::Text(text) = &node.content else {
            return None;
        };
        let is_version = node.place == RequestPlace::Version;
        if !is_version && node.place != RequestPlace::StoredVersion {
            None
        } else if **text == *GROUP_VERSION.as_bytes() {
            Some((GROUP_VERSION, STORED_GROUP_VERSION))
        } else if is_version && **text == *STORED_GROUP_VERSION.as_bytes() {
            self.foreign = true;
            Some((STORED_GROUP_VERSION, GROUP_VERSION))
        } else {
            None
        }
    }

    fn apply(self, body: &[u8]) -> Rewritten<'_> {
        Rewritten {
            body: self.edits.apply(body),
            foreign: self.foreign,
        }
    }
}
