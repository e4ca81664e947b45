//! Renames what clients send. A body is in memory as a whole, and small.

use std::borrow::Cow;

use super::{
    json::{self, Edited},
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
    renamed(body, Place::Object).unwrap_or_else(|| {
        let Some(json) = yaml.then(|| yaml::read(body)).flatten() else {
            return Rewritten::unchanged(body);
        };
        let (renamed, foreign) = match renamed(&json, Place::Object) {
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
    renamed(body, Place::Patch).unwrap_or_else(|| Rewritten::unchanged(body))
}

impl<'a> Rewritten<'a> {
    fn unchanged(body: &'a [u8]) -> Self {
        Rewritten {
            body: Cow::Borrowed(body),
            foreign: false,
        }
    }
}

/// The renamed body; none where it is neither an object nor an array.
fn renamed(body: &[u8], place: Place) -> Option<Rewritten<'_>> {
    // As in Go, text need not be UTF-8, and is read with such marks in it.
    let text = String::from_utf8_lossy(body);
    let mut renaming = Renaming {
        edited: Edited::new(&text),
        foreign: false,
    };
    renaming.read(&text, place).then_some(())?;
    let Renaming { edited, foreign } = renaming;
    let body = edited.finish().map_or(Cow::Borrowed(body), |edited| {
        Cow::Owned(edited.into_bytes())
    });
    Some(Rewritten { body, foreign })
}

/// The places of a body that the rules speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Nowhere,
    /// An object of ours, whole or as a merge patch.
    Object,
    Metadata,
    ManagedFields,
    ManagedField,
    /// Leaf: the object's own version.
    Version,
    /// Leaf: the version of an entry of managedFields.
    StoredVersion,
    /// The operations of a JSON patch.
    Patch,
    Operation,
}

impl Place {
    /// The place of a member or, without a key, of an element.
    fn child(self, key: Option<&str>) -> Self {
        match (self, key) {
            (Self::Object, Some("apiVersion")) => Self::Version,
            (Self::Object, Some("metadata")) => Self::Metadata,
            (Self::Metadata, Some("managedFields")) => Self::ManagedFields,
            (Self::ManagedFields, None) => Self::ManagedField,
            (Self::ManagedField, Some("apiVersion")) => Self::StoredVersion,
            (Self::Patch, None) => Self::Operation,
            _ => Self::Nowhere,
        }
    }

    /// The place of an object of ours that a JSON pointer names.
    ///
    /// No name on the way needs an escape of RFC 6901. What names an element of managedFields is not
    /// checked: the server also takes `-` and negative numbers.
    fn of_pointer(pointer: &str) -> Self {
        let mut segments = pointer.split('/');
        if segments.next() != Some("") {
            return Self::Nowhere;
        }
        segments.fold(Self::Object, |place, segment| {
            place.child((place != Self::ManagedFields).then_some(segment))
        })
    }
}

struct Renaming<'a> {
    edited: Edited<'a>,
    foreign: bool,
}

impl Renaming<'_> {
    /// Reads what stands at `place`; says whether it can have members or elements.
    fn read(&mut self, json: &str, place: Place) -> bool {
        match place {
            Place::Nowhere => false,
            Place::Version | Place::StoredVersion => {
                self.name(json, place);
                false
            }
            Place::Operation => self.operation(json),
            Place::Object
            | Place::Metadata
            | Place::ManagedFields
            | Place::ManagedField
            | Place::Patch => json::children(json, |key, child| {
                self.read(child, place.child(key));
            }),
        }
    }

    /// The last path counts, and may stand after the value.
    fn operation(&mut self, json: &str) -> bool {
        let mut target = Place::Nowhere;
        json::children(json, |key, path| {
            if key == Some("path") {
                let path = json::text(path);
                target = path.map_or(Place::Nowhere, |path| Place::of_pointer(&path));
            }
        });
        json::children(json, |key, value| {
            if key == Some("value") {
                self.read(value, target);
            }
        })
    }

    fn name(&mut self, json: &str, place: Place) {
        let to = match json::text(json).as_deref() {
            Some(GROUP_VERSION) => STORED_GROUP_VERSION,
            Some(STORED_GROUP_VERSION) if place == Place::Version => {
                self.foreign = true;
                GROUP_VERSION
            }
            _ => return,
        };
        self.edited.replace(json, &format!("\"{to}\""));
    }
}
