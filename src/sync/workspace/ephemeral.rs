//! Ephemeral parameters: coderd forgets the value of one with the build after. So what is declared is sent
//! with one start, and not with each: `status` records which build took it.

use serde_json::Value;

use super::{
    external::{Parameter, Workspace},
    kind::{Context, Records, Step},
    parameters,
    value::ParameterValue,
};
use crate::{
    api::{condition::Reason, status::EphemeralRecord},
    sync::{
        build::{Job, Transition},
        conditions::ConditionSet,
        refusal::DigestKey,
    },
};

/// Records what is declared, and which build took it, before anything is built.
pub fn note(context: &Context) -> Option<Step> {
    let workspace = context.present()?;
    let known = workspace.known_parameters.as_deref().unwrap_or_default();
    let mut records = context.records();
    let before = &records.sync.ephemeral;
    let declared = parameters::ephemeral(context, known).into_iter();
    let noted = declared.map(|(name, value)| {
        let before = before.iter().find(|it| it.name == name);
        let new = declared_at(context, workspace.build.number, &name, &value);
        noted(before, new, workspace, &value)
    });
    // One whose Secret is away for a while is the same when it is back.
    let is_missing = |it: &&EphemeralRecord| {
        let referenced = context.observed.referenced.get(&it.name);
        referenced.is_some_and(Result::is_err)
    };
    let missing = before.iter().filter(is_missing).cloned();
    let mut noted: Vec<_> = noted.chain(missing).collect();
    noted.sort_by(|one, other| one.name.cmp(&other.name));
    if noted == records.sync.ephemeral {
        return None;
    }
    records.sync.ephemeral = noted;
    let message = "the ephemeral parameters are noted down";
    let conditions = ConditionSet::reconciling(Reason::WaitingForBuild, message);
    Some(Step::record(records, conditions))
}

/// Records those that the creation sends: its build, number 1, takes them.
pub fn note_creation(records: &mut Records, context: &Context, known: &[Parameter]) {
    let declared = parameters::ephemeral(context, known).into_iter();
    let noted = declared.map(|(name, value)| declared_at(context, 0, &name, &value));
    records.sync.ephemeral = noted.collect();
}

/// Whether the next start sends the parameter: no build took it, or the latest did and failed.
pub fn is_due(context: &Context, workspace: &Workspace, name: &str) -> bool {
    let build = &workspace.build;
    let has_failed = matches!(build.job, Job::Failed | Job::Canceled);
    let records = context.records().sync.ephemeral;
    let record = records.iter().find(|record| record.name == name);
    record.is_none_or(|it| !it.is_sent || it.build_number == build.number && has_failed)
}

/// The record of a declared parameter, as it is to be after `before`.
fn noted(
    before: Option<&EphemeralRecord>,
    new: EphemeralRecord,
    workspace: &Workspace,
    value: &ParameterValue,
) -> EphemeralRecord {
    let build = &workspace.build;
    let Some(before) = before.filter(|before| before.digest == new.digest) else {
        return new;
    };
    let is_start = build.transition == Transition::Start
        && matches!(build.job, Job::Active | Job::Succeeded)
        && build.number > before.build_number;
    let has_value = workspace.parameters.get(&new.name) == Some(value);
    let is_taken = !before.is_sent && is_start && has_value;
    let record = if is_taken { &new } else { before };
    EphemeralRecord {
        is_sent: before.is_sent || is_taken,
        ..record.clone()
    }
}

fn declared_at(
    context: &Context,
    build_number: i64,
    name: &str,
    value: &ParameterValue,
) -> EphemeralRecord {
    // What `spec` shows needs no key: its digest outlasts the token.
    let plain = DigestKey::default();
    let is_secret = context.observed.referenced.contains_key(name);
    let key = if is_secret {
        &context.deployment.digest_key
    } else {
        &plain
    };
    EphemeralRecord {
        name: name.to_owned(),
        digest: key.digest(Some(&Value::from(value.expose()))),
        build_number,
        is_sent: false,
    }
}
