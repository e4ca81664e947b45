//! From a terminating object to one that is gone: delete the template if that is in effect, with
//! proof, and let the object go.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Context, Effect, TemplatePlan, creation};
use crate::{
    api::condition::Reason,
    sync::{
        lifecycle::{self, Departure},
        note::{Note, NoteReason},
        outlook::Outlook,
        plan::ObjectEffect,
        twin::Twin,
    },
};

/// How often it is looked whether the workspaces of a template are gone.
const WORKSPACES_LOOK: Duration = Duration::from_secs(15);

/// What to do about an object that is being deleted; none if it is not.
pub fn plan(context: &Context) -> Option<TemplatePlan> {
    let standing = context.standing();
    let departure = lifecycle::departure(&standing, context.crd_is_going)?;
    let released = || release("its template stays in Coder", NoteReason::Released);
    Some(match departure {
        Departure::NotHeld => TemplatePlan::rest(deleting("waiting for other finalizers")),
        Departure::Release => released(),
        _ if standing.is_paused() => TemplatePlan::rest(Outlook::paused()),
        Departure::DeleteTwin | Departure::SettleAttempt => match (context.twin, context.read_only)
        {
            (Twin::Gone, _) => release("its template is deleted in Coder", NoteReason::Deleted),
            (Twin::Unknown(cause), _) => TemplatePlan::rest(Outlook::unknown(cause)),
            (_, Some(cause)) => TemplatePlan::rest(Outlook::stalled(cause.reason, &cause.message)),
            (Twin::Absent, _) => settle_absent(context),
            (Twin::Present(template), _) if departure == Departure::SettleAttempt => {
                if creation::is_ours(context, template) {
                    creation::bind(context, template)
                } else {
                    released()
                }
            }
            (Twin::Present(_), _) => delete(context),
        },
    })
}

/// A creation whose reply was lost may still arrive for as long as a request may be under way.
fn settle_absent(context: &Context) -> TemplatePlan {
    let begun = context
        .standing()
        .sync
        .and_then(|sync| sync.attempt.as_ref());
    let until = begun.map(|attempt| {
        let timeout = SignedDuration::try_from(context.request_timeout).unwrap_or_default();
        attempt
            .requested_at
            .0
            .saturating_add(timeout)
            .unwrap_or(Timestamp::MAX)
    });
    match until {
        Some(until) if context.coderd_now < until => {
            let wait = until.duration_since(context.coderd_now).unsigned_abs();
            let outlook = deleting("waiting to see whether its creation still arrives in Coder");
            TemplatePlan::look_again(wait, outlook)
        }
        _ => release("no template was created", NoteReason::Released),
    }
}

/// coderd deletes a template only after its last workspace.
fn delete(context: &Context) -> TemplatePlan {
    match context.workspaces {
        Some(count) if count > 0 => {
            let noun = if count == 1 {
                "workspace"
            } else {
                "workspaces"
            };
            let message = format!(
                "{count} {noun} still use the template; it is deleted after them. \
                 spec.deletionPolicy: Retain lets the object go at once"
            );
            let outlook = Outlook::reconciling(Reason::WaitingForWorkspaces, message);
            TemplatePlan::look_again(WORKSPACES_LOOK, outlook)
        }
        _ => TemplatePlan::act(Effect::Delete, deleting("the template is being deleted")),
    }
}

fn release(message: &str, reason: NoteReason) -> TemplatePlan {
    TemplatePlan::act(
        Effect::Object(ObjectEffect::RemoveFinalizer),
        deleting(message),
    )
    .noting(Some(Note::normal(
        reason,
        format!("the object is let go: {message}"),
    )))
}

fn deleting(message: &str) -> Outlook {
    Outlook::reconciling(Reason::Deleting, message)
}
