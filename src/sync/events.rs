//! What people are told as Events.

use super::{
    conditions::{ConditionSet, Progress},
    fields::ownership::Ownership,
};
use crate::api::condition::Reason;

/// Something worth an Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whether people should look.
    pub warning: bool,
    /// The stable word.
    pub reason: EventReason,
    /// For people.
    pub message: String,
}

impl Event {
    /// A normal event.
    pub fn normal(reason: EventReason, message: impl Into<String>) -> Self {
        Self {
            warning: false,
            reason,
            message: message.into(),
        }
    }

    /// An event that people should look at.
    pub fn warning(reason: EventReason, message: impl Into<String>) -> Self {
        Self {
            warning: true,
            reason,
            message: message.into(),
        }
    }
}

/// Declares the reasons of Events once: the variant is the word.
macro_rules! event_reasons {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// The reasons of Events. An object that is stalled tells it under the condition's reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventReason {
            $($(#[doc = $doc])+ $name,)+
            /// Waiting is useless without a change, for the reason of the condition `Stalled`.
            Stalled(Reason),
        }

        impl EventReason {
            /// All reasons but those of stalled objects, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word in the Event.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                    Self::Stalled(reason) => reason.as_str(),
                }
            }
        }
    };
}

event_reasons! {
    /// The external object was created in coderd.
    Created,
    /// The object was bound to an external object that existed.
    Adopted,
    /// The object was made for an external object that existed.
    Imported,
    /// The external object was deleted in coderd.
    Deleted,
    /// The object was removed; its external object has another name now, or is gone.
    Removed,
    /// The object was let go; its external object stays in coderd.
    Released,
    /// A declared value was put back in coderd.
    DriftCorrected,
    /// A start, stop or delete was ordered.
    BuildOrdered,
    /// The run state was changed in coderd and is mirrored.
    RunStateMirrored,
    /// An order overruled a build of somebody else.
    OrderWins,
    /// A build of somebody else came in place of an order.
    OrderReplaced,
    /// A version was built from the declared source.
    VersionCreated,
    /// A version was made active.
    VersionPromoted,
    /// A declared source leaves out files or links of the active version.
    FilesDropped,
    /// Which files of the active version may be run could not be read.
    ModesUnknown,
    /// Variables of a new version keep values from an earlier one.
    VariablesKept,
    /// A declared source has files of variables, which have no effect.
    VariablesIgnored,
    /// Field ownership was reset: everything counts as declared.
    OwnershipReset,
}

/// That the object is stalled, once it says so.
pub fn stalled(conditions: &ConditionSet) -> Option<Event> {
    let (reason, message) = &conditions.because;
    (conditions.progress == Progress::Stalled)
        .then(|| Event::warning(EventReason::Stalled(*reason), message))
}

/// That field ownership was reset, and the way to hand a field back.
pub fn reset(ownership: &Ownership) -> Option<Event> {
    let effect = if ownership.holds_lost() {
        "what is set is neither pushed nor overwritten until somebody applies it again"
    } else {
        "every field that is set counts as declared"
    };
    let message = format!(
        "metadata.managedFields were reset: {effect}; hand a field back to coderd with kubectl patch \
         --type=merge and null as its value"
    );
    let event = Event::warning(EventReason::OwnershipReset, message);
    ownership.from_reset().then_some(event)
}
