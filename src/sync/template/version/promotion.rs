//! From an import that was begun to the active version: what is awaited, and the promotion.

use std::time::Duration;

use serde_json::Value;

use super::{building, id_of};
use crate::{
    api::{condition::Reason, names, template::VersionStatus},
    sync::{
        build_wait::Poll,
        conditions::ConditionSet,
        events::{Event, EventReason},
        fields::push,
        payload,
        rules::damper::Correction,
        template::{
            declared::{VERSION_ID, source_field},
            effect::Effect,
            external::{Find, Template, Version, VersionJob},
            kind::{Context, Step},
            pin,
        },
    },
};

/// A build that took too long may still succeed; it is looked at this often.
const LATE_LOOK: Duration = Duration::from_secs(60);

/// What an import says that is not to be promoted yet, or never.
pub(super) fn awaited(
    context: &Context,
    record: &VersionStatus,
    version: &Version,
) -> Option<Step> {
    let name = &record.name;
    let conditions = match &version.job {
        VersionJob::Succeeded => return None,
        VersionJob::Failed { error, .. } => {
            let error = payload::explained(record.error.as_ref().unwrap_or(error));
            let message = format!("the import of version {name} failed: {error}");
            return Some(Step::pass(ConditionSet::stalled(
                Reason::VersionFailed,
                message,
            )));
        }
        VersionJob::Active => match poll(context, record) {
            Poll::After(delay) => return Some(Step::pass(building(name)).after(Some(delay))),
            Poll::TimedOut => format!(
                "the import of version {name} did not end in time (job {}); it is promoted if it \
                 still succeeds",
                version.job_status
            ),
        },
    };
    let conditions = ConditionSet::stalled(Reason::VersionTimedOut, conditions);
    Some(Step::pass(conditions).after(Some(LATE_LOOK)))
}

/// Promotes the version, which succeeded; again where somebody else's took its place.
pub(super) fn promote(
    context: &Context,
    template: &Template,
    record: &VersionStatus,
    version: &Version,
) -> Option<Step> {
    if template.live.active_version_id == version.id {
        return None;
    }
    if pin::is_manual(context) && !is_asked_for(context, record) {
        return None;
    }
    let effect = if version.is_archived {
        Effect::Unarchive(version.id)
    } else {
        Effect::Promote(version.id)
    };
    if let Some(refusal) = context.refusal(&effect) {
        return Some(push::refused_before(refusal));
    }
    let (name, found) = (&record.name, &template.active_version_name);
    let field = source_field(context.object);
    let correction = Correction::of(field, Some(Value::from(record.source_hash.as_str())));
    if let Some(fight) = context.fight(&correction) {
        let difference = format!("{field}: declared {name}, in Coder {found} is active");
        let conditions = fight.conditions(&difference);
        return Some(Step::pass(conditions).after(Some(fight.remaining(context.now))));
    }
    let conditions = ConditionSet::reconciling(Reason::NotPromoted, format!("promoting {name}"));
    let step = Step::act(effect, conditions);
    Some(if version.is_archived {
        step
    } else if record.promoted_at.is_none() {
        let message = format!("promoted {name}");
        step.telling(Some(Event::normal(EventReason::VersionPromoted, message)))
    } else {
        let message = format!("{field}: found version {found} active, restored {name}");
        let event = Event::normal(EventReason::DriftCorrected, message);
        step.telling(Some(event)).correcting([correction])
    })
}

/// Whether somebody names the version that waits; once it was active, that is done.
fn is_asked_for(context: &Context, record: &VersionStatus) -> bool {
    let named = context
        .standing()
        .annotation(names::ANNOTATION_PROMOTE_VERSION);
    record.promoted_at.is_none() && named == Some(&record.name)
}

/// That a version waits for somebody to promote it, and how that is done.
pub fn waiting(context: &Context, template: &Template) -> Option<String> {
    let record = context.records().own.version?;
    let Find::Found(version) = context.observed.version else {
        return None;
    };
    let is_ready = version.job == VersionJob::Succeeded && id_of(&record) == Some(version.id);
    let is_active = template.live.active_version_id == version.id;
    let waits = pin::is_manual(context) && is_ready && !is_active;
    waits.then(|| {
        let (name, id) = (&record.name, version.id);
        let by_annotation = format!(
            " or the annotation {} {name}",
            names::ANNOTATION_PROMOTE_VERSION
        );
        let once = record.promoted_at.is_none();
        let by_annotation = if once { by_annotation.as_str() } else { "" };
        format!(
            "version {name} is built and not active: spec.{VERSION_ID} {id}{by_annotation} promotes it"
        )
    })
}

fn poll(context: &Context, record: &VersionStatus) -> Poll {
    let started = record.started_at.as_ref();
    let started = started.map_or(context.coderd_now, |at| at.0);
    let elapsed = context.coderd_now.duration_since(started);
    let build_wait = context.observed.build_wait;
    build_wait.next_poll(elapsed.try_into().unwrap_or_default())
}
