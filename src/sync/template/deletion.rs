//! Deleting a template: coderd does it only after its last workspace.

use super::{
    effect::Effect,
    external::Template,
    kind::{Context, Step},
};
use crate::{
    api::condition::Reason,
    sync::{
        conditions::ConditionSet,
        rules::{adoption::REQUEUE_AFTER, deletion::deleting},
    },
};

/// Deletes the template, or says how many workspaces it waits for.
pub fn delete(context: &Context, _template: &Template) -> Step {
    let count = context.observed.workspaces.unwrap_or_default();
    if count <= 0 {
        return Step::act(Effect::Delete, deleting("the template is being deleted"));
    }
    let noun = if count == 1 {
        "workspace uses"
    } else {
        "workspaces use"
    };
    let message = format!(
        "{count} {noun} the template; it is deleted after them. spec.deletionPolicy: Retain lets the \
         object go at once"
    );
    let conditions = ConditionSet::reconciling(Reason::WaitingForWorkspaces, message);
    Step::requeue_after(REQUEUE_AFTER, conditions)
}
