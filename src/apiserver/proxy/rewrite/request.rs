//! Renames what clients send. A body is in memory as a whole, and small.

use std::borrow::Cow;

use super::{
    json::{self, Edited},
    position::Position,
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

/// Renames a whole object of ours, as create, update and apply send it, or a JSON merge patch
/// (RFC 7386), which is read as one. `yaml` says that its type is one of the YAML types: what is no JSON
/// becomes JSON, which is YAML too.
///
/// What cannot be read is not changed: kube-apiserver judges it.
#[must_use]
pub fn object(body: &[u8], yaml: bool) -> Rewritten<'_> {
    renamed(body, Meant::Object).unwrap_or_else(|| {
        let Some(json) = yaml.then(|| yaml::read(body)).flatten() else {
            return Rewritten::unchanged(body);
        };
        let (renamed, foreign) = match renamed(&json, Meant::Object) {
            Some(renamed) => (renamed.body.into_owned(), renamed.foreign),
            None => (json, false),
        };
        Rewritten {
            body: renamed.into(),
            foreign,
        }
    })
}

/// Renames the values of a JSON patch (RFC 6902) by what their operation's path names.
#[must_use]
pub fn json_patch(body: &[u8]) -> Rewritten<'_> {
    renamed(body, Meant::Patch).unwrap_or_else(|| Rewritten::unchanged(body))
}

impl<'a> Rewritten<'a> {
    fn unchanged(body: &'a [u8]) -> Self {
        Rewritten {
            body: Cow::Borrowed(body),
            foreign: false,
        }
    }
}

/// What a body is.
#[derive(Clone, Copy)]
enum Meant {
    Object,
    Patch,
}

/// The renamed body; none where it is neither an object nor an array.
fn renamed(body: &[u8], meant: Meant) -> Option<Rewritten<'_>> {
    // As in Go, text need not be UTF-8, and is read with such marks in it.
    let text = String::from_utf8_lossy(body);
    let mut renaming = Renaming {
        edited: Edited::new(&text),
        foreign: false,
    };
    let is_read = match meant {
        Meant::Object => renaming.read(&text, Position::Item),
        Meant::Patch => renaming.patch(&text),
    };
    is_read.then_some(())?;
    let Renaming { edited, foreign } = renaming;
    let body = edited.finish().map_or(Cow::Borrowed(body), |edited| {
        Cow::Owned(edited.into_bytes())
    });
    Some(Rewritten { body, foreign })
}

/// The position in an object of ours that a JSON pointer names.
///
/// No name on the way needs an escape of RFC 6901. What names an element of managedFields is not
/// checked: the server also takes `-` and negative numbers.
fn pointed(pointer: &str) -> Position {
    let mut segments = pointer.split('/');
    if segments.next() != Some("") {
        return Position::Nowhere;
    }
    segments.fold(Position::Item, |position, segment| {
        position.child((position != Position::ManagedFields).then_some(segment))
    })
}

struct Renaming<'a> {
    edited: Edited<'a>,
    foreign: bool,
}

impl Renaming<'_> {
    /// Reads what stands at `position`; says whether it can have members or elements.
    fn read(&mut self, json: &str, position: Position) -> bool {
        if position.has_text() {
            self.name(json, position);
        }
        (position.has_members() || position.has_elements())
            && json::children(json, |key, child| {
                self.read(child, position.child(key));
            })
    }

    /// The operations of a JSON patch.
    fn patch(&mut self, json: &str) -> bool {
        json::children(json, |key, operation| {
            if key.is_none() {
                self.operation(operation);
            }
        })
    }

    /// The last path counts, and may stand after the value.
    fn operation(&mut self, json: &str) {
        let mut target = Position::Nowhere;
        json::children(json, |key, path| {
            if key == Some("path") {
                target = json::text(path).map_or(Position::Nowhere, |path| pointed(&path));
            }
        });
        json::children(json, |key, value| {
            if key == Some("value") {
                self.read(value, target);
            }
        });
    }

    fn name(&mut self, json: &str, position: Position) {
        let to = match json::text(json).as_deref() {
            Some(GROUP_VERSION) => STORED_GROUP_VERSION,
            Some(STORED_GROUP_VERSION) if position == Position::Version => {
                self.foreign = true;
                GROUP_VERSION
            }
            _ => return,
        };
        self.edited.replace(json, &format!("\"{to}\""));
    }
}
