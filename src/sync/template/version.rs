//! The version of the declared source: find or build it, wait for it, promote it.
//!
//! `status.version` is the one record. It is written with the version's name before the version is
//! created, so that a lost reply is settled by looking for that name.

mod content;
pub mod report;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;
use uuid::Uuid;

use super::{
    Context, Declared, Effect, Find, Plan, Template, Version, VersionJob, declared::FILES, metadata,
};
use crate::{
    api::{
        condition::Reason,
        names,
        status::DriftPolicy,
        template::{CoderTemplate, VersionStatus},
    },
    sync::{
        damper::{Correction, Fight},
        kind::Kind,
        note::{Note, NoteReason},
        outlook::Outlook,
        source,
    },
};

/// How often a build that somebody gave up is begun again by itself.
const OWN_ATTEMPTS: u32 = 3;
/// So many versions that are in the way are passed over: failed ones of a source that comes back, and
/// those of others under our names.
const OLD_ATTEMPTS: u32 = 16;

/// Where the version of the declared source is to be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek<'a> {
    /// Nowhere: it is known to be in effect, or there is none yet.
    Nothing,
    /// By its id.
    ById(Uuid),
    /// By its name.
    ByName(&'a str),
}

/// Where to look for the version of a source with `hash`.
pub fn seek<'a>(object: &'a CoderTemplate, hash: &str) -> Seek<'a> {
    let version = object
        .status
        .as_ref()
        .and_then(|status| status.version.as_ref());
    match version.filter(|version| version.source_hash == hash) {
        None => Seek::Nothing,
        Some(version) => id_of(version).map_or(Seek::ByName(&version.name), Seek::ById),
    }
}

/// coderd's id of the recorded version, once that is known.
pub fn id_of(record: &VersionStatus) -> Option<Uuid> {
    record.id.as_deref()?.parse().ok()
}

/// Whether the content of the active version decides about a source with `hash`: nothing tells yet
/// which version it belongs to.
pub fn needs_active_content(object: &CoderTemplate, hash: &str) -> bool {
    let version = object.own_records().version;
    version.is_none_or(|version| version.source_hash != hash)
}

/// Whether it is still to be told which variables the version keeps: it was built here, and they are not
/// known. They never change.
pub fn needs_variables(object: &CoderTemplate) -> bool {
    let version = object.own_records().version;
    version.is_some_and(|version| version.started_at.is_some() && version.kept_variables.is_none())
}

/// The next step towards the version of the declared source being the active one of the bound
/// template.
pub fn plan(context: &Context) -> Option<Plan> {
    let declared = declared(context)?;
    let template = context.present()?;
    if !metadata::unsupported_of_version(context).is_empty() {
        return None;
    }
    let record = context
        .records()
        .own
        .version
        .filter(|version| version.source_hash == declared.hash);
    let Some(record) = record else {
        return adopt_active(context, template, declared).or_else(|| {
            let observes = context.standing().drift_policy == DriftPolicy::Observe;
            (!observes).then(|| begin(context, declared, 1))
        });
    };
    let Find::Found(version) = context.sight.version else {
        return build(context, &record, Some(template.id));
    };
    if version.template_id != Some(template.id) {
        // Made for a template that did not come to be: this one needs a version of its own.
        return next_attempt(context, &record);
    }
    usurped(context, &record, version)
        .or_else(|| superseded(context, &record, version))
        .or_else(|| recorded(context, &record, version))
        .or_else(|| again(context, &record, version))
        .or_else(|| promote(context, template, &record, version))
}

/// The next step towards a version that can create the template.
pub fn plan_first(context: &Context) -> Option<Plan> {
    let declared = declared(context)?;
    let record = context
        .records()
        .own
        .version
        .filter(|version| version.source_hash == declared.hash);
    let Some(record) = record else {
        return Some(begin(context, declared, 1));
    };
    match context.sight.version {
        Find::Found(version) if version.template_id.is_none() => usurped(context, &record, version)
            .or_else(|| superseded(context, &record, version))
            .or_else(|| recorded(context, &record, version))
            .or_else(|| again(context, &record, version)),
        // It already belongs to a template, so that it cannot create one.
        Find::Found(_) => next_attempt(context, &record),
        Find::Absent | Find::NotSought => build(context, &record, None),
    }
}

/// A declared source that is the active version's content already is recorded, not built. Its name tells
/// where the content cannot be read, but only of a version that we made.
fn adopt_active(context: &Context, template: &Template, declared: &Declared) -> Option<Plan> {
    let Declared { source, hash } = declared;
    let is_equal = content::active(context).is_some_and(|content| content.equals(source));
    let is_ours = is_ours(context, template.active_version_creator);
    let is_named_so = source::is_version_of(&template.active_version_name, hash);
    if !(is_equal || is_named_so && is_ours) {
        return None;
    }
    let mut records = context.records();
    records.own.version = Some(VersionStatus {
        id: Some(template.active_version_id.to_string()),
        name: template.active_version_name.clone(),
        source_hash: hash.to_owned(),
        executable_files: content::runnable(context, source).executables(),
        job_status: Some("succeeded".to_owned()),
        promoted_at: Some(Time(context.now)),
        ..VersionStatus::default()
    });
    let outlook = Outlook::reconciling(Reason::Promoted, "the active version has this source");
    Some(Plan::record(records, outlook))
}

/// Whether we asked for what `creator` asked for.
fn is_ours(context: &Context, creator: Option<Uuid>) -> bool {
    creator == Some(context.session.us)
}

/// Somebody else's version has the name that was meant for ours. It may hold anything, and keeps the name
/// for good.
fn usurped(context: &Context, record: &VersionStatus, version: &Version) -> Option<Plan> {
    if record.id.is_some() || is_ours(context, version.creator) {
        return None;
    }
    let may_go_on = attempt_of(record) < OLD_ATTEMPTS || context.standing().is_requested();
    if may_go_on {
        next_attempt(context, record)
    } else {
        let message = format!(
            "somebody else made {OLD_ATTEMPTS} versions with the names that are meant for this source, \
             the last one {}; set the annotation {} to try the next name",
            record.name,
            names::ANNOTATION_RECONCILE_REQUESTED_AT
        );
        Some(Plan::rest(Outlook::stalled(Reason::NameTaken, message)))
    }
}

/// Records that another version of the recorded source is to be built, under a name of its own: to record
/// the same once more would never end.
fn next_attempt(context: &Context, record: &VersionStatus) -> Option<Plan> {
    let attempt = attempt_of(record).saturating_add(1);
    Some(begin(context, declared(context)?, attempt))
}

/// The declared source, if it can be one.
fn declared<'a>(context: &Context<'a>) -> Option<&'a Declared> {
    context.sight.source?.as_ref().ok()
}

/// Records that the version of `declared` is to be built, under a name that tells which it is: of what is
/// declared, and of the files that may be run.
fn begin(context: &Context, declared: &Declared, attempt: u32) -> Plan {
    let mut records = context.records();
    let source = content::runnable(context, &declared.source);
    let name = source::version_name(&source.hash(&BTreeMap::new()), attempt);
    let outlook = building(&name);
    records.own.version = Some(VersionStatus {
        name,
        source_hash: declared.hash.clone(),
        executable_files: source.executables(),
        started_at: Some(Time(context.coderd_now)),
        ..VersionStatus::default()
    });
    Plan::record(records, outlook)
        .noting(content::dropped(context, &source))
        .noting(content::modes_unknown(context))
        .noting(content::without_effect(&source))
}

/// Requests the recorded version.
fn build(context: &Context, record: &VersionStatus, template_id: Option<Uuid>) -> Option<Plan> {
    if record.id.is_some() {
        let message = format!(
            "coderd does not show version {} any more; set the annotation {} to build it again",
            record.name,
            names::ANNOTATION_RECONCILE_REQUESTED_AT
        );
        return if context.standing().is_requested() {
            next_attempt(context, record)
        } else {
            Some(Plan::rest(Outlook::stalled(Reason::NotProved, message)))
        };
    }
    let effect = Effect::CreateVersion {
        name: record.name.clone(),
        template_id,
        executables: record.executable_files.clone(),
    };
    if context.refusal(&effect).is_some() {
        return None;
    }
    let note = Note::normal(
        NoteReason::VersionCreated,
        format!("building version {}", record.name),
    );
    Some(Plan::act(effect, building(&record.name)).noting(Some(note)))
}

/// What was found of the version is written down as far as it is new.
fn recorded(context: &Context, record: &VersionStatus, version: &Version) -> Option<Plan> {
    let (error, ended) = match &version.job {
        VersionJob::Active => (None, false),
        VersionJob::Succeeded => (None, true),
        VersionJob::Failed { error, .. } => (Some(error.clone()), true),
    };
    let is_active = context
        .present()
        .is_some_and(|twin| twin.active_version_id == version.id);
    // Only what was built here has a beginning, and so an end.
    let ended = ended && record.started_at.is_some();
    let kept = version.kept_variables.as_deref().map(content::kept);
    let found = VersionStatus {
        id: Some(version.id.to_string()),
        job_status: Some(version.job_status.clone()),
        kept_variables: kept.or_else(|| record.kept_variables.clone()),
        error: record.error.clone().filter(|_| error.is_some()).or(error),
        finished_at: ended.then(|| {
            record
                .finished_at
                .clone()
                .unwrap_or(Time(context.coderd_now))
        }),
        promoted_at: record
            .promoted_at
            .clone()
            .or(is_active.then_some(Time(context.now))),
        ..record.clone()
    };
    let note = content::kept_variables(record, &found);
    (found != *record).then(|| write(context, found).noting(note))
}

fn write(context: &Context, found: VersionStatus) -> Plan {
    let mut records = context.records();
    let outlook = building(&found.name);
    records.own.version = Some(found);
    Plan::record(records, outlook)
}

/// A source that comes back finds its versions of before: one that had failed by then is none of this
/// attempt, and the next one may have succeeded.
fn superseded(context: &Context, record: &VersionStatus, version: &Version) -> Option<Plan> {
    let VersionJob::Failed { .. } = version.job else {
        return None;
    };
    let begun = record.started_at.as_ref()?.0;
    let is_older = version.created_at < begun;
    (record.id.is_none() && is_older && attempt_of(record) < OLD_ATTEMPTS)
        .then(|| next_attempt(context, record))?
}

/// A failed import keeps its name for good: another try is another version.
fn again(context: &Context, record: &VersionStatus, version: &Version) -> Option<Plan> {
    let VersionJob::Failed { is_given_up, .. } = version.job else {
        return None;
    };
    let is_tried_again = is_given_up && attempt_of(record) < OWN_ATTEMPTS;
    (context.standing().is_requested() || is_tried_again).then(|| next_attempt(context, record))?
}

fn attempt_of(record: &VersionStatus) -> u32 {
    source::parse_version_name(&record.name).map_or(1, |(_, attempt)| attempt)
}

/// Promotes the version once it succeeded; again where somebody else's took its place.
fn promote(
    context: &Context,
    template: &Template,
    record: &VersionStatus,
    version: &Version,
) -> Option<Plan> {
    let observes = context.standing().drift_policy == DriftPolicy::Observe;
    if version.job != VersionJob::Succeeded || template.active_version_id == version.id || observes
    {
        return None;
    }
    let effect = if version.is_archived {
        Effect::Unarchive(version.id)
    } else {
        Effect::Promote(version.id)
    };
    if context.refusal(&effect).is_some() || fight(context).is_some() {
        return None;
    }
    let name = &record.name;
    let outlook = Outlook::reconciling(Reason::NotPromoted, format!("promoting {name}"));
    let plan = Plan::act(effect, outlook);
    if version.is_archived {
        return Some(plan);
    }
    if record.promoted_at.is_none() {
        let note = Note::normal(NoteReason::VersionPromoted, format!("promoted {name}"));
        return Some(plan.noting(Some(note)));
    }
    let found = &template.active_version_name;
    let message = format!("files: found version {found} active, restored {name}");
    let note = Note::normal(NoteReason::DriftCorrected, message);
    Some(
        plan.noting(Some(note))
            .correcting(Some(correction(&record.source_hash))),
    )
}

fn correction(source_hash: &str) -> Correction {
    Correction::of(FILES, Some(Value::from(source_hash)))
}

/// Somebody else keeps promoting another version.
fn fight(context: &Context) -> Option<Fight> {
    let (Find::Found(version), Some(record)) =
        (context.sight.version, context.records().own.version)
    else {
        return None;
    };
    let is_active = context.present()?.active_version_id == version.id;
    context
        .fight(&correction(&record.source_hash))
        .filter(|_| !is_active)
}

fn building(name: &str) -> Outlook {
    Outlook::reconciling(
        Reason::Building,
        format!("version {name} is being imported"),
    )
}
