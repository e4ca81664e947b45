//! What a worker looks at: an object, or what is in coderd only.

use std::fmt;

use kube::CustomResourceExt;
use uuid::Uuid;

use crate::{
    api::{
        object_name::{ObjectName as _, TemplateName, WorkspaceName},
        template::CoderTemplate,
        workspace::CoderWorkspace,
    },
    k8s::object,
};

/// What a worker looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    /// A workspace object.
    Workspace(object::Key),
    /// A template object.
    Template(object::Key),
    /// The workspace in coderd of this id, which has no object.
    ImportWorkspace(Uuid),
    /// The template in coderd of this id, which has no object.
    ImportTemplate(Uuid),
}

impl Key {
    /// What is done: the kind of the object, or an import.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Workspace(_) | Self::Template(_) => self.object_kind(),
            Self::ImportWorkspace(_) | Self::ImportTemplate(_) => "import",
        }
    }

    /// The kind of the object that it is about.
    pub(super) fn object_kind(&self) -> &'static str {
        match self {
            Self::Workspace(_) | Self::ImportWorkspace(_) => "CoderWorkspace",
            Self::Template(_) | Self::ImportTemplate(_) => "CoderTemplate",
        }
    }

    /// The object; none for an import.
    pub(super) fn object(&self) -> Option<&object::Key> {
        match self {
            Self::Workspace(object) | Self::Template(object) => Some(object),
            Self::ImportWorkspace(_) | Self::ImportTemplate(_) => None,
        }
    }

    /// The control plane that the object's name begins with.
    pub(super) fn named_control_plane(&self) -> Option<String> {
        match self {
            Self::Workspace(object) => WorkspaceName::parse(&object.name)?.control_plane,
            Self::Template(object) => TemplateName::parse(&object.name)?.control_plane,
            Self::ImportWorkspace(_) | Self::ImportTemplate(_) => None,
        }
    }

    /// The name of that kind's CRD.
    pub(super) fn crd_name(&self) -> &'static str {
        match self {
            Self::Workspace(_) | Self::ImportWorkspace(_) => CoderWorkspace::crd_name(),
            Self::Template(_) | Self::ImportTemplate(_) => CoderTemplate::crd_name(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workspace(key) | Self::Template(key) => write!(out, "{} {key}", self.kind()),
            Self::ImportWorkspace(id) => write!(out, "import of workspace {id}"),
            Self::ImportTemplate(id) => write!(out, "import of template {id}"),
        }
    }
}
