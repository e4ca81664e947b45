//! From coderd's wire types to what deciding needs.

use uuid::Uuid;

use crate::{
    api::object_name::TemplateName,
    coderd::{self, JobStatus, LogLevel, LogLine, Secrets},
    sync::template::external::{KeptVariable, Template, Version, VersionJob},
};

/// How much of a failed import's error is kept, and of each line of its log, in bytes.
const LINE: usize = 1024;
/// How much of that log is kept, in bytes.
const LOG: usize = 4096;
/// How much of a word of coderd's is kept: we may not know it.
const WORD: usize = 64;
/// How much of a variable's name and of its values is kept, in bytes.
const VARIABLE: usize = 128;
/// How coderd's reaper ends what it says of a job that it gave up.
const REAPER: &str = "terminated by the reaper";

/// The name of an object for `wire`.
pub(in crate::controller) fn object_name(wire: &coderd::Template) -> TemplateName {
    TemplateName::new(&wire.organization_name, &wire.name)
}

/// A template as coderd sent it, with its active version where that was read.
pub(in crate::controller) fn translate(
    live: &coderd::Template,
    active: Option<&coderd::Version>,
) -> Template {
    Template {
        live: live.clone(),
        active_version_name: active.map(|it| it.name.clone()).unwrap_or_default(),
        active_version_creator: active.and_then(creator),
    }
}

/// A version as coderd sent it, without `secrets` where somebody has his say; `log` is the end of its log
/// where its import failed, `variables` are its variables where they are known.
pub(super) fn version(
    wire: &coderd::Version,
    log: &[LogLine],
    variables: Option<Vec<coderd::VersionVariable>>,
    secrets: &Secrets,
) -> Version {
    let said = wire.job.error.as_ref();
    let is_reaped = said.is_some_and(|error| error.mentions(REAPER));
    let kept = |variable| kept(variable, secrets);
    let job = match wire.job.status {
        JobStatus::Succeeded => VersionJob::Succeeded,
        JobStatus::Failed | JobStatus::Canceled => VersionJob::Failed {
            is_given_up: wire.job.canceled_at.is_some() || is_reaped,
            error: with_log(said.map(|it| it.line(secrets, LINE)), log, secrets),
        },
        JobStatus::Pending | JobStatus::Running | JobStatus::Canceling | JobStatus::Unknown(_) => {
            VersionJob::Active
        }
    };
    Version {
        id: wire.id,
        created_at: wire.created_at,
        creator: creator(wire),
        template_id: wire.template_id,
        job,
        job_status: secrets.line(wire.job.status.as_str(), WORD),
        is_archived: wire.archived,
        kept_variables: variables.map(|all| all.into_iter().filter_map(kept).collect()),
    }
}

/// A variable that has another value than the default of its source. Sensitive values are not shown, so
/// that they cannot be compared. Of the others none is shown either: it may have come from a Secret once.
fn kept(variable: coderd::VersionVariable, secrets: &Secrets) -> Option<KeptVariable> {
    let coderd::VersionVariable {
        name,
        value,
        default_value,
        required,
        sensitive,
    } = variable;
    let differs = !required && !sensitive && value != default_value;
    let shown = |text: &str| secrets.line(text, VARIABLE);
    differs.then(|| KeptVariable {
        name: shown(&name),
        in_source: shown(&default_value),
    })
}

/// Who asked for a version.
fn creator(version: &coderd::Version) -> Option<Uuid> {
    version.job.initiator_id
}

/// The error and the last lines of the log, errors first if there are any: only they are telling.
fn with_log(error: Option<String>, log: &[LogLine], secrets: &Secrets) -> String {
    let is_error = |line: &&LogLine| line.log_level == LogLevel::Error;
    let has_errors = log.iter().any(|line| is_error(&line));
    let telling = log.iter().filter(|line| !has_errors || is_error(line));
    let mut lines = Vec::new();
    let mut size = 0;
    for line in telling.rev().map(|line| line.output.line(secrets, LINE)) {
        size += line.len() + 1;
        if size > LOG {
            break;
        }
        lines.push(line);
    }
    lines.push(error.unwrap_or_else(|| "no error was given".to_owned()));
    lines.reverse();
    lines.join("\n").trim_end().to_owned()
}

#[cfg(test)]
mod tests;
