//! The declared version of a template: an existing one, that the template is created from or that is active.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    declared::VERSION_ID,
    effect::Effect,
    external::{Find, Template, Version, VersionJob},
    kind::{Context, Step},
};
use crate::{
    api::{
        condition::Reason,
        status::DriftPolicy,
        template::{CoderTemplate, Promotion},
    },
    sync::{
        conditions::ConditionSet,
        events::{Event, EventReason},
        fields::{
            ownership::{FieldPath, Ownership},
            push,
        },
        rules::damper::Correction,
    },
};

/// How soon an import that somebody else began is looked at again.
const IMPORT_POLL: Duration = Duration::from_secs(5);

/// The version that somebody declares; what is only mirrored asks for nothing.
pub fn declared(object: &CoderTemplate, ownership: &Ownership) -> Option<Uuid> {
    let id = object.spec.version_id.as_deref()?;
    let is_declared = ownership.declared(&FieldPath::spec(VERSION_ID));
    id.parse().ok().filter(|_| is_declared)
}

fn of(context: &Context) -> Option<Uuid> {
    declared(context.object, context.ownership)
}

/// Whether a version that was built waits for somebody to promote it.
pub fn is_manual(context: &Context) -> bool {
    context.object.spec.promotion == Some(Promotion::Manual)
}

/// A source and a version that is none of it are both declared: with `Automatic`, and at creation, each of them
/// says which version is active.
pub fn conflict(context: &Context) -> Option<Step> {
    let (pin, _) = (of(context)?, context.observed.source?);
    let built = context.records().own.version;
    let is_built = built.is_some_and(|record| record.id == Some(pin.to_string()));
    let active = context
        .present()
        .map(|template| template.live.active_version_id);
    let decides = is_manual(context) && active.is_some();
    (!is_built && active != Some(pin) && !decides).then(|| {
        let message = format!(
            "a source and spec.{VERSION_ID} {pin} are both declared, and each says which version is active; leave \
             one of them out, or, once the template exists, let spec.promotion be Manual"
        );
        Step::pass(ConditionSet::stalled(Reason::SourceConflict, message))
    })
}

/// The version that creates the template, or what that waits for.
pub fn first(context: &Context) -> Result<Uuid, Box<Step>> {
    let pin = of(context).ok_or_else(|| Box::new(incomplete()))?;
    let text = match context.observed.pinned {
        Find::NotSought | Find::Absent => MISSING,
        Find::Found(version) if version.template_id.is_some() => OF_ANOTHER,
        Find::Found(version) => match obstacle(version) {
            Some(step) => return Err(Box::new(step)),
            None => return Ok(version.id),
        },
    };
    Err(Box::new(unusable(pin, text)))
}

fn incomplete() -> Step {
    let message = "spec.files, spec.source or spec.versionID is needed to create the template";
    Step::pass(ConditionSet::stalled(Reason::Incomplete, message))
}

const MISSING: &str = "does not exist, or the controller's user may not see it";
const OF_ANOTHER: &str = "belongs to another template";

/// The next step towards the declared version being active, or what keeps it from that.
pub fn plan(context: &Context) -> Option<Step> {
    let template = context.present()?;
    let pin = of(context).filter(|pin| *pin != template.live.active_version_id)?;
    if conflict(context).is_some() {
        return None;
    }
    Some(match context.observed.pinned {
        Find::NotSought | Find::Absent => unusable(pin, MISSING),
        Find::Found(version) if version.template_id != Some(template.live.id) => {
            unusable(pin, OF_ANOTHER)
        }
        Find::Found(version) => {
            obstacle(version).unwrap_or_else(|| promote(context, template, pin))
        }
    })
}

/// What keeps a version of the right template from being active.
fn obstacle(version: &Version) -> Option<Step> {
    let text = match version.job {
        VersionJob::Active => {
            let message = format!(
                "spec.{VERSION_ID}: version {} is being imported",
                version.id
            );
            let conditions = ConditionSet::reconciling(Reason::Building, message);
            return Some(Step::pass(conditions).after(Some(IMPORT_POLL)));
        }
        VersionJob::Failed { .. } => "was not imported",
        VersionJob::Succeeded if version.is_archived => "is archived; unarchive it in Coder",
        VersionJob::Succeeded => return None,
    };
    Some(unusable(version.id, text))
}

fn unusable(pin: Uuid, text: &str) -> Step {
    let message = format!(
        "spec.{VERSION_ID}: version {pin} {text}; declare another one, or leave the field out"
    );
    Step::pass(ConditionSet::stalled(Reason::VersionUnusable, message))
}

fn promote(context: &Context, template: &Template, pin: Uuid) -> Step {
    let found = template.live.active_version_id;
    if context.standing().drift_policy == DriftPolicy::Observe {
        let text = format!("{VERSION_ID}: declared {pin}, in Coder {found}");
        return Step::pass(ConditionSet::settled("").drifting([text]));
    }
    let effect = Effect::PromotePinned(pin);
    if let Some(refusal) = context.refusal(&effect) {
        return push::refused_before(refusal);
    }
    let correction = Correction::of(VERSION_ID, Some(json!(pin)));
    if let Some(fight) = context.fight(&correction) {
        let difference = format!("{VERSION_ID}: declared {pin}, in Coder {found} is active");
        let conditions = fight.conditions(&difference);
        return Step::pass(conditions).after(Some(fight.remaining(context.now)));
    }
    let conditions = ConditionSet::reconciling(Reason::NotPromoted, format!("promoting {pin}"));
    let step = Step::act(effect, conditions);
    if context.standing().has_new_spec() {
        let event = Event::normal(EventReason::VersionPromoted, format!("promoted {pin}"));
        return step.telling(Some(event));
    }
    let message = format!("{VERSION_ID}: found {found} active, restored {pin}");
    let event = Event::normal(EventReason::DriftCorrected, message);
    step.telling(Some(event)).correcting([correction])
}

/// What of it is mirrored: the active version, as old clients read it.
pub fn mirrored(template: &Template) -> Option<Value> {
    Some(json!(template.live.active_version_id))
}
