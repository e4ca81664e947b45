//! The declared version of a template: it travels with the next start, like parameters.

use std::time::Duration;

use uuid::Uuid;

use super::{
    external::{PinnedVersion, Workspace},
    kind::{Context, Step},
};
use crate::{
    api::{condition::Reason, workspace::CoderWorkspace},
    sync::{
        build::Job,
        conditions::ConditionSet,
        fields::ownership::{FieldPath, Ownership},
    },
};

/// The field.
pub const PIN: &str = "templateVersionID";

/// How soon an import that somebody else began is looked at again.
const IMPORT_POLL: Duration = Duration::from_secs(5);

/// The version that somebody declares; what is only mirrored asks for nothing.
pub fn declared(object: &CoderWorkspace, ownership: &Ownership) -> Option<Uuid> {
    let id = object.spec.template_version_id.as_deref()?;
    let is_declared = ownership.declared(&FieldPath::spec(PIN));
    id.parse().ok().filter(|_| is_declared)
}

/// The version that the next start sends, where it is not that of the latest build.
pub fn of_next_start(context: &Context, workspace: &Workspace) -> Option<Uuid> {
    declared(context.object, context.ownership).or(workspace.version_of_next_start)
}

/// Whether the latest build used another version than the declared one.
pub fn is_waiting(context: &Context, workspace: &Workspace) -> bool {
    declared(context.object, context.ownership).is_some_and(|pin| pin != workspace.version_id)
}

/// A declared version that no build can use is said at once, and never sent.
pub fn usable(context: &Context) -> Option<Step> {
    obstacle(context, context.present()?.template_id)
}

/// What keeps the declared version from being used for a workspace of the template.
pub fn obstacle(context: &Context, template: Uuid) -> Option<Step> {
    let version = context.observed.pinned?;
    let text = match (version.template_id, version.import) {
        (None, _) => "is of no template, or the controller's user may not see it",
        (Some(other), _) if other != template => "belongs to another template",
        (_, Job::Failed | Job::Canceled) => "was not imported",
        (_, Job::Active) => return Some(importing(version)),
        (_, Job::Succeeded) => return None,
    };
    Some(unusable(version, text))
}

/// The step that says what is wrong with the declared version.
pub fn unusable(version: &PinnedVersion, text: &str) -> Step {
    let message = format!(
        "spec.{PIN}: version {} {text}; declare another one, or leave the field out",
        version.id
    );
    Step::pass(ConditionSet::stalled(Reason::VersionUnusable, message))
}

fn importing(version: &PinnedVersion) -> Step {
    let message = format!("spec.{PIN}: version {} is being imported", version.id);
    let conditions = ConditionSet::reconciling(Reason::Building, message);
    Step::pass(conditions).after(Some(IMPORT_POLL))
}
