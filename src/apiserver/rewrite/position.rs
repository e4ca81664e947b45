//! Which places of an answer the rules speak of, as steps from the root. Below one that no rule speaks of,
//! there is none.

use crate::apiserver::names::{GROUP, GROUP_VERSION, STORED_GROUP, STORED_GROUP_VERSION};

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

impl ResponsePlace {
    /// The place of the member `key` (decoded) or, without one, of an element.
    pub(super) fn child(self, key: Option<&[u8]>) -> Self {
        match (self, key) {
            (Self::Root | Self::Frame | Self::Item | Self::ManagedField, Some(b"apiVersion")) => {
                Self::Version
            }
            (Self::Root | Self::Frame | Self::Item, Some(b"metadata")) => Self::Metadata,
            (Self::Root | Self::Frame, Some(b"rows")) => Self::Rows,
            (Self::Root | Self::Frame, Some(b"details")) => Self::Details,
            (Self::Root | Self::Frame | Self::Cause, Some(b"message")) => Self::Message,
            (Self::Root, Some(b"items")) => Self::Items,
            (Self::Root, Some(b"object")) => Self::Frame,
            (Self::Root | Self::Frame | Self::Item, Some(b"spec")) => Self::Spec,
            (Self::Metadata, Some(b"managedFields")) => Self::ManagedFields,
            (Self::Details, Some(b"group")) => Self::Group,
            (Self::Details, Some(b"causes")) => Self::Causes,
            (Self::Spec, Some(b"files")) => Self::Files,
            (Self::Items, None) | (Self::Row, Some(b"object")) => Self::Item,
            (Self::Rows, None) => Self::Row,
            (Self::ManagedFields, None) => Self::ManagedField,
            (Self::Causes, None) => Self::Cause,
            _ => Self::Nowhere,
        }
    }

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
        self.child(None) != Self::Nowhere
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
