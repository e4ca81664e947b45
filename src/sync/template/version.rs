//! The version of the declared source: find or build it, wait for it, promote it.
//!
//! `status.version` is the one record. It is written with the version's name before the version is
//! created, so that a lost reply is settled by looking for that name.

mod content;
pub mod promotion;

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use uuid::Uuid;

use super::{
    declared::{Declared, Unusable, needs_source, source_field},
    effect::Effect,
    external::{Find, Template, Version, VersionJob},
    fields,
    kind::{Context, Step},
    pin,
};
use crate::{
    api::{
        condition::Reason,
        names,
        status::DriftPolicy,
        template::{CoderTemplate, VersionStatus},
    },
    sync::{
        conditions::ConditionSet,
        events::{Event, EventReason},
        fields::push,
        kind::SyncedKind,
        source,
    },
};

/// How often a build that somebody gave up is begun again by itself.
const OWN_ATTEMPTS: u32 = 3;
/// So many versions that are in the way are passed over: failed ones of a source that comes back, and
/// those of others under our names.
const OLD_ATTEMPTS: u32 = 16;

/// Who may not read a Secret is not told when he may.
const READ_AGAIN: Duration = Duration::from_secs(60);

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
/// template, or what that waits for.
pub fn plan(context: &Context) -> Option<Step> {
    let template = context.present()?;
    let holds_up = pin::conflict(context).is_some();
    if holds_up || !fields::unsupported_of_version(context).is_empty() {
        return None;
    }
    let Some(source) = context.observed.source else {
        return without_source(context);
    };
    let declared = match source {
        Ok(declared) => declared,
        Err(problem) => return Some(unusable(problem)),
    };
    let observes = context.standing().drift_policy == DriftPolicy::Observe;
    let Some(record) = record_of(context, declared) else {
        return adopt_active(context, template, declared)
            .or_else(|| (!observes).then(|| begin(context, declared, 1)))
            .or_else(|| Some(drifted(context, template)));
    };
    let Find::Found(version) = context.observed.version else {
        let build = || build(context, &record, Some(template.live.id));
        return Some(if observes {
            drifted(context, template)
        } else {
            build()
        });
    };
    if observes {
        // Watched only: it holds nothing up, whatever became of it.
        let is_active = version.id == template.live.active_version_id;
        let is_ours = record.id.is_some() || is_ours(context, version.creator);
        let known = is_ours.then(|| recorded(context, &record, version));
        return known.flatten().or_else(|| {
            (!is_active && !pin::is_manual(context)).then(|| drifted(context, template))
        });
    }
    if version.template_id != Some(template.live.id) {
        // Made for a template that did not come to be: this one needs a version of its own.
        return next_attempt(context, &record);
    }
    known(context, &record, version)
        .or_else(|| promotion::awaited(context, &record, version))
        .or_else(|| promotion::promote(context, template, &record, version))
}

/// The next step towards a version that can create the template, or what that waits for.
pub fn plan_first(context: &Context) -> Option<Step> {
    let declared = declared(context)?;
    let Some(record) = record_of(context, declared) else {
        return Some(begin(context, declared, 1));
    };
    match context.observed.version {
        Find::Found(version) if version.template_id.is_none() => known(context, &record, version)
            .or_else(|| promotion::awaited(context, &record, version)),
        // It already belongs to a template, so that it cannot create one.
        Find::Found(_) => next_attempt(context, &record),
        Find::Absent | Find::NotSought => Some(build(context, &record, None)),
    }
}

/// The next step until the record says all that is known of the version.
fn known(context: &Context, record: &VersionStatus, version: &Version) -> Option<Step> {
    usurped(context, record, version)
        .or_else(|| superseded(context, record, version))
        .or_else(|| recorded(context, record, version))
        .or_else(|| again(context, record, version))
}

/// The record of the version of `declared`.
fn record_of(context: &Context, declared: &Declared) -> Option<VersionStatus> {
    let version = context.records().own.version;
    version.filter(|version| version.source_hash == declared.hash)
}

/// What is declared cannot be built from: whoever makes what is missing is awaited.
pub fn unusable(problem: &Unusable) -> Step {
    match problem {
        Unusable::Invalid(message) => {
            Step::pass(ConditionSet::stalled(Reason::InvalidSource, message))
        }
        Unusable::Missing(message) => {
            let conditions = ConditionSet::reconciling(Reason::WaitingForReference, message);
            Step::pass(conditions).after(Some(READ_AGAIN))
        }
    }
}

/// What is declared for versions that are built from a declared source, where there is none.
fn without_source(context: &Context) -> Option<Step> {
    let fields = needs_source(context.object);
    (!fields.is_empty()).then(|| {
        let message = format!(
            "{}: only a version that is built from a declared source has a use for it; declare spec.files or \
             spec.source, or \
             leave it out",
            fields.join(", ")
        );
        Step::pass(ConditionSet::stalled(Reason::Incomplete, message))
    })
}

/// The source differs where another version than its own is active.
fn drifted(context: &Context, template: &Template) -> Step {
    let (field, active) = (source_field(context.object), &template.active_version_name);
    let text = format!("{field}: the active version {active} was not built from it");
    Step::pass(ConditionSet::settled("").drifting([text]))
}

/// A declared source that is the active version's content already is recorded, not built. Its name tells
/// where the content cannot be read, but only of a version that we made.
fn adopt_active(context: &Context, template: &Template, declared: &Declared) -> Option<Step> {
    let Declared { source, hash, .. } = declared;
    // Which tags and values a version of somebody else was built with, nobody can tell.
    let is_equal = declared.is_of_files_alone()
        && content::active(context).is_some_and(|content| content.equals(source));
    let is_ours = is_ours(context, template.active_version_creator);
    let is_named_so = source::is_version_of(&template.active_version_name, hash);
    if !(is_equal || is_named_so && is_ours) {
        return None;
    }
    let mut records = context.records();
    records.own.version = Some(VersionStatus {
        id: Some(template.live.active_version_id.to_string()),
        name: template.active_version_name.clone(),
        source_hash: hash.to_owned(),
        executable_files: content::runnable(context, source).executables(),
        job_status: Some("succeeded".to_owned()),
        promoted_at: Some(Time(context.now)),
        ..VersionStatus::default()
    });
    let conditions =
        ConditionSet::reconciling(Reason::Promoted, "the active version has this source");
    Some(Step::record(records, conditions))
}

/// Whether we asked for what `creator` asked for.
fn is_ours(context: &Context, creator: Option<Uuid>) -> bool {
    creator == Some(context.deployment.us)
}

/// Somebody else's version has the name that was meant for ours. It may hold anything, and keeps the name
/// for good.
fn usurped(context: &Context, record: &VersionStatus, version: &Version) -> Option<Step> {
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
        Some(Step::rest(ConditionSet::stalled(
            Reason::NameTaken,
            message,
        )))
    }
}

/// Records that another version of the recorded source is to be built, under a name of its own: to record
/// the same once more would never end.
fn next_attempt(context: &Context, record: &VersionStatus) -> Option<Step> {
    let attempt = attempt_of(record).saturating_add(1);
    Some(begin(context, declared(context)?, attempt))
}

/// The declared source, if it can be one.
fn declared<'a>(context: &Context<'a>) -> Option<&'a Declared> {
    context.observed.source?.as_ref().ok()
}

/// Records that the version of `declared` is to be built, under a name that tells which it is: of what is
/// declared, and of the files that may be run.
fn begin(context: &Context, declared: &Declared, attempt: u32) -> Step {
    let mut records = context.records();
    let source = content::runnable(context, &declared.source);
    let name = source::version_name(&declared.hash_with(&source), attempt);
    let conditions = building(&name);
    records.own.version = Some(VersionStatus {
        name,
        source_hash: declared.hash.clone(),
        executable_files: source.executables(),
        started_at: Some(Time(context.coderd_now)),
        ..VersionStatus::default()
    });
    Step::record(records, conditions)
        .telling(content::dropped(context, &source))
        .telling(content::modes_unknown(context, &source))
        .telling(content::without_effect(&source))
}

/// Requests the recorded version.
fn build(context: &Context, record: &VersionStatus, template_id: Option<Uuid>) -> Step {
    if record.id.is_some() {
        let again = context.standing().is_requested();
        let next = again.then(|| next_attempt(context, record)).flatten();
        return next.unwrap_or_else(|| not_shown(record));
    }
    let effect = Effect::CreateVersion {
        name: record.name.clone(),
        template_id,
        executables: record.executable_files.clone(),
    };
    if let Some(refusal) = context.refusal(&effect) {
        return push::refused_before(refusal);
    }
    let event = Event::normal(
        EventReason::VersionCreated,
        format!("building version {}", record.name),
    );
    Step::act(effect, building(&record.name)).telling(Some(event))
}

fn not_shown(record: &VersionStatus) -> Step {
    let message = format!(
        "coderd does not show version {} any more; set the annotation {} to build it again",
        record.name,
        names::ANNOTATION_RECONCILE_REQUESTED_AT
    );
    Step::rest(ConditionSet::stalled(Reason::NotProved, message))
}

/// What was found of the version is written down as far as it is new.
fn recorded(context: &Context, record: &VersionStatus, version: &Version) -> Option<Step> {
    let (error, ended) = match &version.job {
        VersionJob::Active => (None, false),
        VersionJob::Succeeded => (None, true),
        VersionJob::Failed { error, .. } => (Some(error.clone()), true),
    };
    let is_active = context
        .present()
        .is_some_and(|external| external.live.active_version_id == version.id);
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
    let event = content::kept_variables(record, &found);
    (found != *record).then(|| write(context, found).telling(event))
}

fn write(context: &Context, found: VersionStatus) -> Step {
    let mut records = context.records();
    let conditions = building(&found.name);
    records.own.version = Some(found);
    Step::record(records, conditions)
}

/// A source that comes back finds its versions of before: one that had failed by then is none of this
/// attempt, and the next one may have succeeded.
fn superseded(context: &Context, record: &VersionStatus, version: &Version) -> Option<Step> {
    let VersionJob::Failed { .. } = version.job else {
        return None;
    };
    let begun = record.started_at.as_ref()?.0;
    let is_older = version.created_at < begun;
    (record.id.is_none() && is_older && attempt_of(record) < OLD_ATTEMPTS)
        .then(|| next_attempt(context, record))?
}

/// A failed import keeps its name for good: another try is another version.
fn again(context: &Context, record: &VersionStatus, version: &Version) -> Option<Step> {
    let VersionJob::Failed { is_given_up, .. } = version.job else {
        return None;
    };
    let is_tried_again = is_given_up && attempt_of(record) < OWN_ATTEMPTS;
    (context.standing().is_requested() || is_tried_again).then(|| next_attempt(context, record))?
}

fn attempt_of(record: &VersionStatus) -> u32 {
    source::parse_version_name(&record.name).map_or(1, |(_, attempt)| attempt)
}

fn building(name: &str) -> ConditionSet {
    ConditionSet::reconciling(
        Reason::Building,
        format!("version {name} is being imported"),
    )
}

/// The variables of a version that keep their values, and how they get others.
pub fn kept_variables(version: &VersionStatus) -> Option<String> {
    let kept = version.kept_variables.as_deref()?;
    (!kept.is_empty()).then(|| {
        let kept = kept.join("; ");
        format!(
            "a variable keeps its value from version to version, whatever its default becomes: {kept}, and has \
             another value in effect; spec.variables sets it, and a new name gets the new default"
        )
    })
}
