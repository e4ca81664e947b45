//! From coderd's wire types to what deciding needs.

use crate::{
    api::object_name::TemplateName,
    coderd::{self, JobStatus, LogLevel, LogLine},
    sync::template::{KeptVariable, Template, Version, VersionJob},
};

/// The most that is kept of a failed import's log, in bytes.
const LOG_LIMIT: usize = 4096;
/// How coderd's reaper ends what it says of a job that it gave up.
const REAPER: &str = "terminated by the reaper";

/// The name of an object for `wire`.
pub(in crate::controller) fn object_name(wire: &coderd::Template) -> TemplateName {
    TemplateName::new(&wire.organization_name, &wire.name)
}

/// A template as coderd sent it, with its active version where that was read.
pub(in crate::controller) fn translate(
    wire: &coderd::Template,
    active: Option<&coderd::Version>,
) -> Template {
    Template {
        id: wire.id.to_string(),
        organization: wire.organization_name.clone(),
        name: wire.name.clone(),
        display_name: wire.display_name.clone(),
        description: wire.description.clone(),
        icon: wire.icon.clone(),
        active_version_id: wire.active_version_id.to_string(),
        active_version_name: active.map(|it| it.name.clone()).unwrap_or_default(),
        active_version_creator: active.and_then(creator),
        is_deprecated: wire.deprecated,
        created_at: wire.created_at,
        updated_at: wire.updated_at,
        creator: wire.created_by_id.to_string(),
    }
}

/// A version as coderd sent it; `log` is the end of its log where its import failed, `variables` are its
/// variables where they were asked for.
pub(super) fn version(
    wire: &coderd::Version,
    log: &[LogLine],
    variables: Option<Vec<coderd::VersionVariable>>,
) -> Version {
    let error = wire
        .job
        .error
        .clone()
        .unwrap_or_else(|| "no error was given".to_owned());
    let job = match wire.job.status {
        JobStatus::Succeeded => VersionJob::Succeeded,
        JobStatus::Failed | JobStatus::Canceled => VersionJob::Failed {
            is_given_up: wire.job.canceled_at.is_some() || error.contains(REAPER),
            error: with_log(error, log),
        },
        JobStatus::Pending | JobStatus::Running | JobStatus::Canceling | JobStatus::Unknown(_) => {
            VersionJob::Active
        }
    };
    Version {
        id: wire.id.to_string(),
        created_at: wire.created_at,
        creator: creator(wire),
        template_id: wire.template_id.map(|id| id.to_string()),
        job,
        job_status: wire.job.status.as_str().to_owned(),
        is_archived: wire.archived,
        kept_variables: variables.map(|all| all.into_iter().filter_map(kept).collect()),
    }
}

/// A variable that has another value than the default of its source. Sensitive values are not shown, so
/// that they cannot be compared.
fn kept(variable: coderd::VersionVariable) -> Option<KeptVariable> {
    let coderd::VersionVariable {
        name,
        value,
        default_value,
        required,
        sensitive,
    } = variable;
    let differs = !required && !sensitive && value != default_value;
    differs.then_some(KeptVariable {
        name,
        in_source: default_value,
        in_effect: value,
    })
}

/// Who asked for a version.
fn creator(version: &coderd::Version) -> Option<String> {
    version.job.initiator_id.map(|id| id.to_string())
}

/// The error and the last lines of the log, errors first if there are any: only they are telling.
fn with_log(error: String, log: &[LogLine]) -> String {
    let errors: Vec<_> = log
        .iter()
        .filter(|line| line.log_level == LogLevel::Error)
        .collect();
    let lines = if errors.is_empty() {
        log.iter().collect()
    } else {
        errors
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut size = 0;
    for line in lines.iter().rev().map(|line| line.output.trim_end()) {
        size += line.len() + 1;
        if size > LOG_LIMIT {
            break;
        }
        kept.push(line);
    }
    kept.reverse();
    let text = kept.join("\n");
    if text.trim().is_empty() {
        error
    } else {
        format!("{error}\n{text}")
    }
}
