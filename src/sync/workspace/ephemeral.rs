//! Ephemeral parameters: coderd forgets the value of one with the build after. So what is declared is sent
//! with one start, and not with each: `status` records which build took it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    external::{Parameter, Workspace},
    kind::{Context, Records, Step},
    parameters,
};
use crate::{
    api::{condition::Reason, status::EphemeralRecord, workspace::CoderWorkspace},
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
    let declared = parameters::ephemeral(context.object, known).into_iter();
    let noted: Vec<_> = declared
        .map(|(name, value)| {
            let before = records.sync.ephemeral.iter().find(|it| it.name == name);
            noted(before, workspace, &name, &value)
        })
        .collect();
    if noted == records.sync.ephemeral {
        return None;
    }
    records.sync.ephemeral = noted;
    let message = "the ephemeral parameters are noted down";
    let conditions = ConditionSet::reconciling(Reason::WaitingForBuild, message);
    Some(Step::record(records, conditions))
}

/// Records those that the creation sends: its build, number 1, takes them.
pub fn note_creation(records: &mut Records, object: &CoderWorkspace, known: &[Parameter]) {
    let declared: BTreeMap<_, _> = parameters::ephemeral(object, known);
    let noted = declared
        .iter()
        .map(|(name, value)| declared_at(0, name, value));
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
    workspace: &Workspace,
    name: &str,
    value: &str,
) -> EphemeralRecord {
    let build = &workspace.build;
    let new = declared_at(build.number, name, value);
    let Some(before) = before.filter(|before| before.digest == new.digest) else {
        return new;
    };
    let is_start = build.transition == Transition::Start
        && matches!(build.job, Job::Active | Job::Succeeded)
        && build.number > before.build_number;
    let has_value = workspace.parameters.get(name).is_some_and(|it| it == value);
    let is_taken = !before.is_sent && is_start && has_value;
    let record = if is_taken { &new } else { before };
    EphemeralRecord {
        is_sent: before.is_sent || is_taken,
        ..record.clone()
    }
}

fn declared_at(build_number: i64, name: &str, value: &str) -> EphemeralRecord {
    EphemeralRecord {
        name: name.to_owned(),
        // `spec` shows the value to everybody who reads this, so that no key is needed.
        digest: DigestKey::default().digest(Some(&Value::from(value))),
        build_number,
        is_sent: false,
    }
}
