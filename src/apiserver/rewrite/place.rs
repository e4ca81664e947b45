//! Which places of a document the rules speak of, as steps from the root.

use crate::apiserver::names::{GROUP, GROUP_VERSION, STORED_GROUP, STORED_GROUP_VERSION};

/// A place in a document. Reading a document means stepping from place to place; what no rule
/// speaks of is [`Place::NOWHERE`], and so is all below it.
pub(super) trait Place: Copy + Eq {
    /// No rule speaks of it.
    const NOWHERE: Self;

    /// The place of the member `key` (decoded) of an object here.
    fn member(self, key: &[u8]) -> Self;

    /// The place of each element of an array here.
    fn element(self) -> Self;
}

/// The places of what kube-apiserver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResponsePlace {
    Nowhere,
    /// An object, a list, a table, a status, or a watch frame.
    Root,
    /// `.object` of a watch frame: an object, a table or a status.
    Frame,
    Items,
    Rows,
    Row,
    /// `.items[*]` or `.object` of a row.
    Item,
    Metadata,
    ManagedFields,
    ManagedField,
    Details,
    Causes,
    Cause,
    /// The spec of an object.
    Spec,
    /// Leaf: a group and version.
    Version,
    /// Leaf: a group.
    Group,
    /// Leaf: text for people.
    Message,
    /// Leaf: the files of a template.
    Files,
}

impl Place for ResponsePlace {
    const NOWHERE: Self = Self::Nowhere;

    fn member(self, key: &[u8]) -> Self {
        match (self, key) {
            (Self::Root | Self::Frame | Self::Item | Self::ManagedField, b"apiVersion") => {
                Self::Version
            }
            (Self::Root | Self::Frame | Self::Item, b"metadata") => Self::Metadata,
            (Self::Root | Self::Frame, b"rows") => Self::Rows,
            (Self::Root | Self::Frame, b"details") => Self::Details,
            (Self::Root | Self::Frame | Self::Cause, b"message") => Self::Message,
            (Self::Root, b"items") => Self::Items,
            (Self::Root, b"object") => Self::Frame,
            (Self::Row, b"object") => Self::Item,
            (Self::Root | Self::Frame | Self::Item, b"spec") => Self::Spec,
            (Self::Metadata, b"managedFields") => Self::ManagedFields,
            (Self::Details, b"group") => Self::Group,
            (Self::Details, b"causes") => Self::Causes,
            (Self::Spec, b"files") => Self::Files,
            _ => Self::Nowhere,
        }
    }

    fn element(self) -> Self {
        match self {
            Self::Items => Self::Item,
            Self::Rows => Self::Row,
            Self::ManagedFields => Self::ManagedField,
            Self::Causes => Self::Cause,
            Self::Nowhere
            | Self::Root
            | Self::Frame
            | Self::Row
            | Self::Item
            | Self::Metadata
            | Self::ManagedField
            | Self::Details
            | Self::Cause
            | Self::Spec
            | Self::Version
            | Self::Group
            | Self::Message
            | Self::Files => Self::Nowhere,
        }
    }
}

impl ResponsePlace {
    /// Whether a rule can speak of a member of an object here.
    pub(super) fn has_members(self) -> bool {
        matches!(
            self,
            Self::Root
                | Self::Frame
                | Self::Row
                | Self::Item
                | Self::Metadata
                | Self::ManagedField
                | Self::Details
                | Self::Cause
                | Self::Spec
        )
    }

    /// Whether a rule can speak of an element of an array here.
    pub(super) fn has_elements(self) -> bool {
        self.element() != Self::Nowhere
    }

    /// What a string here has to equal to be renamed, and its new name.
    pub(super) fn renaming(self) -> Option<(&'static str, &'static str)> {
        if self == Self::Version {
            Some((STORED_GROUP_VERSION, GROUP_VERSION))
        } else if self == Self::Group {
            Some((STORED_GROUP, GROUP))
        } else {
            None
        }
    }
}

/// The places of what clients send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestPlace {
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
    /// Leaf: `.path` of an operation.
    Path,
    /// `.value` of an operation; what it is, the path says.
    Operand,
}

impl Place for RequestPlace {
    const NOWHERE: Self = Self::Nowhere;

    fn member(self, key: &[u8]) -> Self {
        match (self, key) {
            (Self::Object, b"apiVersion") => Self::Version,
            (Self::Object, b"metadata") => Self::Metadata,
            (Self::Metadata, b"managedFields") => Self::ManagedFields,
            (Self::ManagedField, b"apiVersion") => Self::StoredVersion,
            (Self::Operation, b"path") => Self::Path,
            (Self::Operation, b"value") => Self::Operand,
            _ => Self::Nowhere,
        }
    }

    fn element(self) -> Self {
        match self {
            Self::ManagedFields => Self::ManagedField,
            Self::Patch => Self::Operation,
            Self::Nowhere
            | Self::Object
            | Self::Metadata
            | Self::ManagedField
            | Self::Version
            | Self::StoredVersion
            | Self::Operation
            | Self::Path
            | Self::Operand => Self::Nowhere,
        }
    }
}

impl RequestPlace {
    /// The place of an object of ours that the JSON pointer `pointer` (decoded from JSON) names.
    ///
    /// No name on the way needs an escape of RFC 6901. What names an element of managedFields is
    /// not checked: the server also takes `-` and negative numbers.
    pub(super) fn of_pointer(pointer: &[u8]) -> Self {
        let mut segments = pointer.split(|byte| *byte == b'/');
        if segments.next() != Some(b"") {
            return Self::Nowhere;
        }
        segments.fold(Self::Object, |place, segment| {
            let element = place.element();
            if element == Self::Nowhere {
                place.member(segment)
            } else {
                element
            }
        })
    }
}
