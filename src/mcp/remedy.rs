//! What to do about a reason of a condition, where there is something to do.

use crate::api::condition::Reason;

/// The reason that `word` is.
pub(super) fn reason(word: &str) -> Option<Reason> {
    Reason::ALL
        .iter()
        .copied()
        .find(|reason| reason.as_str() == word)
}

/// What to do; none where nothing has to be done, or waiting is all.
pub(super) fn remedy(reason: Reason) -> Option<&'static str> {
    use Reason as R;
    let remedy = match reason {
        R::Available
        | R::InSync
        | R::Pending
        | R::Creating
        | R::Deleting
        | R::Building
        | R::Starting
        | R::Stopping
        | R::Pushing
        | R::Mirroring
        | R::WaitingForBuild
        | R::BuildQueued
        | R::Running
        | R::Stopped
        | R::Promoted
        | R::NotPromoted
        | R::RateLimited => return None,
        R::WaitingForTemplate => {
            "Create the template that spec.templateName names, or correct the name."
        }
        R::WaitingForReference => {
            "Create what the message names, such as a Secret with the key, or correct the reference."
        }
        R::WaitingForWorkspaces => "Delete the workspaces of the template first.",
        R::BuildFailed => {
            "Read the log of the build in Coder, mend the template or the parameters, then start it again."
        }
        R::VersionFailed | R::InvalidSource => {
            "Mend the template's source: the message holds the end of the log. A new source is built by \
             itself."
        }
        R::VersionTimedOut => {
            "Look in Coder whether provisioners are free; then set the annotation \
             coder.com/reconcile-requested-at to try again."
        }
        R::DeleteFailed => {
            "Read the log of the delete build in Coder and mend its cause; then set the annotation \
             coder.com/reconcile-requested-at."
        }
        R::FieldDrift | R::NotMirrored => {
            "Decide which side is right: change spec, or change it back in Coder, or set driftPolicy."
        }
        R::AutostartBlocked
        | R::VersionUnusable
        | R::SourceConflict
        | R::UnknownParameter
        | R::ImmutableParameter
        | R::Refused
        | R::Incomplete => "Correct the field of spec that the message names.",
        R::NotEffective => {
            "Coder needs a licence for the field that the message names, or a template forbids it: leave it \
             out. With a licence it takes effect by itself."
        }
        R::NotSupportedYet => "Remove the field that the message names from spec.",
        R::InvalidName
        | R::NotCanonical
        | R::RenamedInCoder
        | R::OrganizationNotFound
        | R::OwnerNotFound => {
            "Names cannot be changed: make an object with the name that the message gives, and delete this \
             one, with deletionPolicy Retain."
        }
        R::Duplicate | R::NameTaken => {
            "Two objects, or an object and something in Coder, want one name: delete or rename one of them."
        }
        R::DeletedExternally | R::LostAfterRestore => {
            "It is gone in Coder: delete the object, or set the annotation coder.com/recreate to make a new, \
             empty one."
        }
        R::Conflict | R::NotAdmitted => {
            "Look at the message: somebody outside of this program refuses it."
        }
        R::Fighting => {
            "Find who else keeps changing the field, and let one of them leave it alone."
        }
        R::DeletionSuspended | R::RemovalSuspended => {
            "A person has to confirm: set the annotation coder.com/confirm-deletions as the message says."
        }
        R::Paused => "Remove the annotation coder.com/paused.",
        R::CoderdUnavailable => "Wait until Coder answers again; whoever runs it can say more.",
        R::Unauthorized | R::Forbidden | R::NotProved => {
            "Whoever runs the controller has to give its token the right that the message names."
        }
        R::AmbiguousControlPlane => {
            "Names cannot be changed: make an object whose name begins with the control plane that is meant, and \
             delete this one."
        }
        R::NoControlPlane | R::ControlPlaneNotReady | R::ControlPlaneGone => {
            "Whoever runs Coder has to look at the CoderControlPlane that the message names."
        }
        R::DuplicateControlPlane => {
            "Whoever runs Coder has to remove one of the two control planes that the message names."
        }
        R::DeploymentMismatch | R::UnsupportedCoderVersion => {
            "Whoever runs the controller has to look at the address or the version of Coder."
        }
    };
    Some(remedy)
}
