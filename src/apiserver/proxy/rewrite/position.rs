//! Which positions of a body the rules speak of, as steps from the root. Below one that no rule speaks
//! of, there is none.

use crate::apiserver::names::{GROUP, GROUP_VERSION, STORED_GROUP, STORED_GROUP_VERSION};

/// The positions of what kube-apiserver answers, and of what clients send, which are fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    Nowhere,
    /// An object, a list, a table, a status, or a watch frame.
    Root,
    /// `.object` of a watch frame: an object, a table or a status.
    Frame,
    Items,
    Rows,
    Row,
    /// An object of ours: `.items[*]`, `.object` of a row, or what a client sends.
    Item,
    Metadata,
    ManagedFields,
    ManagedField,
    Details,
    Causes,
    Cause,
    /// The spec of an object.
    Spec,
    /// Leaf: the group and version of what stands at the root, of a frame or of an item.
    Version,
    /// Leaf: the group and version of an entry of managedFields.
    EntryVersion,
    /// Leaf: a group.
    Group,
    /// Leaf: text for people.
    Message,
    /// Leaf: the files of a template.
    Files,
}

impl Position {
    /// The position of the member `key` (decoded) or, without one, of an element.
    pub(super) fn child(self, key: Option<&str>) -> Self {
        match (self, key) {
            (Self::Root | Self::Frame | Self::Item, Some("apiVersion")) => Self::Version,
            (Self::Root | Self::Frame | Self::Item, Some("metadata")) => Self::Metadata,
            (Self::Root | Self::Frame | Self::Item, Some("spec")) => Self::Spec,
            (Self::Root | Self::Frame, Some("rows")) => Self::Rows,
            (Self::Root | Self::Frame, Some("details")) => Self::Details,
            (Self::Root | Self::Frame | Self::Cause, Some("message")) => Self::Message,
            (Self::Root, Some("items")) => Self::Items,
            (Self::Root, Some("object")) => Self::Frame,
            (Self::Metadata, Some("managedFields")) => Self::ManagedFields,
            (Self::ManagedField, Some("apiVersion")) => Self::EntryVersion,
            (Self::Details, Some("group")) => Self::Group,
            (Self::Details, Some("causes")) => Self::Causes,
            (Self::Spec, Some("files")) => Self::Files,
            (Self::Items, None) | (Self::Row, Some("object")) => Self::Item,
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

    /// Whether a rule can speak of a text here.
    pub(super) fn has_text(self) -> bool {
        self == Self::Message || self.renaming().is_some()
    }

    /// What a text here has to equal to be renamed in an answer, and its new name.
    pub(super) fn renaming(self) -> Option<(&'static str, &'static str)> {
        if matches!(self, Self::Version | Self::EntryVersion) {
            Some((STORED_GROUP_VERSION, GROUP_VERSION))
        } else if self == Self::Group {
            Some((STORED_GROUP, GROUP))
        } else {
            None
        }
    }
}
