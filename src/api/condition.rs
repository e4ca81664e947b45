//! The condition types and reasons: stable words that scripts may rely on.

use std::fmt;

/// The types of the conditions in `status.conditions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConditionType {
    /// This generation is in effect in coderd.
    Ready,
    /// The last look found both sides equal by the rules.
    Synced,
    /// The workspace is running.
    Running,
    /// The version built from the declared source is the active one.
    VersionPromoted,
    /// Declared fields differ in coderd and `driftPolicy` is `Observe`.
    Drifted,
    /// The controller is working towards this generation.
    Reconciling,
    /// Waiting is useless without a change.
    Stalled,
}

impl ConditionType {
    /// The word in `condition.type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Synced => "Synced",
            Self::Running => "Running",
            Self::VersionPromoted => "VersionPromoted",
            Self::Drifted => "Drifted",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
        }
    }
}

/// Declares the reasons once: the variant is the word, its documentation is the row in the docs.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// The reasons of conditions. Each is explained in `docs/reference/conditions.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Reason {
            /// All reasons, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word in `condition.reason`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// What the reason means, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

reasons! {
    /// Everything declared is in effect.
    Available,
    /// Both sides are equal.
    InSync,
    /// The object was seen for the first time; nothing was done yet.
    Pending,
    /// The twin is being created in coderd.
    Creating,
    /// The twin is being deleted in coderd.
    Deleting,
    /// A build of the workspace or an import of a template version is running.
    Building,
    /// A start was ordered or is running.
    Starting,
    /// A stop was ordered or is running.
    Stopping,
    /// A declared value was pushed and is being checked.
    Pushing,
    /// A value of coderd is being mirrored into spec.
    Mirroring,
    /// Another build is running; the order waits for its end.
    WaitingForBuild,
    /// So many builds of the controller are active that this one waits for a place.
    BuildQueued,
    /// The workspace's template does not exist in coderd yet.
    WaitingForTemplate,
    /// Something that spec refers to, such as a Secret or a key of it, does not exist or cannot be read.
    WaitingForReference,
    /// The template still has workspaces; it is deleted after them.
    WaitingForWorkspaces,
    /// The workspace is running.
    Running,
    /// The workspace is stopped.
    Stopped,
    /// The version built from the declared source is active.
    Promoted,
    /// The version built from the declared source is not active yet.
    NotPromoted,
    /// The latest build failed.
    BuildFailed,
    /// The import of the template version failed.
    VersionFailed,
    /// The import of the template version did not end within the wait timeout.
    VersionTimedOut,
    /// A delete build failed too often.
    DeleteFailed,
    /// Declared fields differ in coderd and driftPolicy is Observe.
    FieldDrift,
    /// A field that nobody declares differs from coderd, and spec cannot follow.
    NotMirrored,
    /// The declared autostart cannot start the workspace.
    AutostartBlocked,
    /// coderd refused a declared value.
    Refused,
    /// coderd accepted a declared value without any effect, as it does where a licence is missing.
    NotEffective,
    /// A declared field is not synchronised yet.
    NotSupportedYet,
    /// The declared version of the template does not exist, belongs to another template, was not imported, or is archived.
    VersionUnusable,
    /// A source and another version are both declared, and each says which version of the template is active.
    SourceConflict,
    /// A declared parameter does not exist in the template's version.
    UnknownParameter,
    /// A declared parameter that cannot be changed any more differs from the workspace's value.
    ImmutableParameter,
    /// The name does not spell an identity in coderd.
    InvalidName,
    /// The organization or owner is spelled by an alias or in another way than coderd's.
    NotCanonical,
    /// Another object is bound to the same twin.
    Duplicate,
    /// The organization does not exist, or the token may not see it.
    OrganizationNotFound,
    /// The owner does not exist, or the token may not see it.
    OwnerNotFound,
    /// A field that creating needs is missing.
    Incomplete,
    /// Something else in coderd has the name that is needed.
    NameTaken,
    /// The twin was renamed in coderd.
    RenamedInCoder,
    /// The twin was deleted in coderd.
    DeletedExternally,
    /// The object was restored or copied, and its twin does not exist.
    LostAfterRestore,
    /// The declared source cannot be one of a template.
    InvalidSource,
    /// coderd says that a request conflicts with something that the controller does not see.
    Conflict,
    /// The API server, or a webhook of it, refuses what the controller writes to the object.
    NotAdmitted,
    /// Somebody else keeps changing a declared value; for an hour it is not put back.
    Fighting,
    /// So many objects are being deleted in coderd already that this one waits for a person.
    DeletionSuspended,
    /// So many imported objects were removed already, because of what happened in coderd, that this one
    /// waits for a person.
    RemovalSuspended,
    /// The annotation coder.com/paused is set.
    Paused,
    /// coderd or its database cannot be reached, or fails.
    CoderdUnavailable,
    /// coderd refuses the controller's token.
    Unauthorized,
    /// The controller's user lacks a right in coderd.
    Forbidden,
    /// coderd does not show the twin, and that it is gone is not proved.
    NotProved,
    /// coderd limits the controller's requests.
    RateLimited,
    /// Another deployment answers at this address than the one the object is bound to.
    DeploymentMismatch,
    /// This version of coderd is not supported.
    UnsupportedCoderVersion,
    /// The namespace has no such control plane.
    NoControlPlane,
    /// The control plane cannot be reached yet: it has no address, or no token for the controller.
    ControlPlaneNotReady,
    /// The control plane that the object belongs to is gone; nothing is done in Coder.
    ControlPlaneGone,
    /// The namespace has several control planes, and the name does not say which of them is meant.
    AmbiguousControlPlane,
    /// Another control plane leads to the same deployment, and its objects are synchronised there.
    DuplicateControlPlane,
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
