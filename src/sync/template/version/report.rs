//! What an object says of the version of its source, and when that is looked at again.

use std::time::Duration;

use super::{building, fight};
use crate::{
    api::{condition::Reason, status::DriftPolicy, template::VersionStatus},
    sync::{
        build_wait::Poll,
        outlook::Outlook,
        payload,
        template::{Context, Effect, Find, OwnRecords, Template, Version, VersionJob},
    },
};

/// A build that took too long may still succeed; it is looked at this often.
const LATE_LOOK: Duration = Duration::from_secs(60);

/// What the version says once no step is left; none where its source is in effect.
pub fn outlook(context: &Context) -> Option<Outlook> {
    let hash = match context.sight.source? {
        Ok(declared) => &declared.hash,
        Err(message) => return Some(Outlook::stalled(Reason::InvalidSource, message)),
    };
    let record = context
        .records()
        .own
        .version
        .filter(|version| version.source_hash == *hash)?;
    let Find::Found(version) = context.sight.version else {
        return None;
    };
    // A version that is only watched holds nothing up, whatever became of it.
    let observes = context.standing().drift_policy == DriftPolicy::Observe;
    if observes && context.present().is_some() {
        return None;
    }
    match &version.job {
        VersionJob::Succeeded => {
            let active = &context.present()?.active_version_name;
            let difference = format!(
                "files: declared {}, in Coder {active} is active",
                record.name
            );
            fight(context).map(|fight| fight.outlook(&difference))
        }
        VersionJob::Active if poll(context, &record) == Poll::TimedOut => Some(Outlook::stalled(
            Reason::VersionTimedOut,
            format!(
                "the import of version {} did not end in time (job {}); it is promoted if it still \
                 succeeds",
                record.name, version.job_status
            ),
        )),
        VersionJob::Active => Some(building(&record.name)),
        VersionJob::Failed { error, .. } => Some(Outlook::stalled(
            Reason::VersionFailed,
            format!(
                "the import of version {} failed: {}",
                record.name,
                payload::explained(record.error.as_ref().unwrap_or(error))
            ),
        )),
    }
}

/// The effects towards the version that are asked for: a refusal of one of them still matters.
pub fn pending(context: &Context, template: &Template) -> Vec<Effect> {
    match (context.sight.version, context.records().own.version) {
        (Find::Found(version), Some(_)) if version.id != template.active_version_id => {
            vec![Effect::Unarchive(version.id), Effect::Promote(version.id)]
        }
        (Find::Absent, Some(record)) => vec![Effect::CreateVersion {
            name: record.name,
            template_id: Some(template.id),
            executables: record.executable_files,
        }],
        _ => Vec::new(),
    }
}

/// The records once no step is left: a bound template without a declared source has no version of ours.
pub fn records_at_rest(context: &Context) -> OwnRecords {
    let mut own = context.records().own;
    if context.sight.source.is_none() && context.present().is_some() {
        own.version = None;
    }
    own
}

/// When to look at an active build again.
pub fn look_again(context: &Context) -> Option<Duration> {
    let Find::Found(Version {
        job: VersionJob::Active,
        ..
    }) = context.sight.version
    else {
        return fight(context).map(|fight| fight.remaining(context.now));
    };
    Some(match poll(context, &context.records().own.version?) {
        Poll::After(delay) => delay,
        Poll::TimedOut => LATE_LOOK,
    })
}

fn poll(context: &Context, record: &VersionStatus) -> Poll {
    let started = record
        .started_at
        .as_ref()
        .map_or(context.coderd_now, |at| at.0);
    let elapsed = context.coderd_now.duration_since(started);
    context
        .sight
        .build_wait
        .next_poll(elapsed.try_into().unwrap_or_default())
}

/// The variables of a version that keep their values, and how they get others.
pub fn kept_variables(version: &VersionStatus) -> Option<String> {
    let kept = version.kept_variables.as_deref()?;
    (!kept.is_empty()).then(|| {
        let kept = kept.join("; ");
        format!(
            "a variable keeps its value from version to version, whatever its default becomes: {kept}; \
             spec.variables sets it, where this version of the controller synchronises that, and a new \
             name gets the new default"
        )
    })
}
