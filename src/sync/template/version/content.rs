//! What the content of the active version means for a new one: which files may be run, and what people
//! are told.

use crate::{
    api::template::VersionStatus,
    sync::{
        events::{Event, EventReason},
        source::{Content, Source, shown},
        template::{external::KeptVariable, kind::Context},
    },
};

/// So many variables that keep their values are named.
const KEPT: usize = 16;

/// The declared source, of which those files may be run that might in the active version: `spec.files` has
/// no word for it, so that nobody meant to take it away; an archive has. What cannot be read now is as it was recorded.
pub(super) fn runnable(context: &Context, source: &Source) -> Source {
    let plain = source.clone();
    match (active(context), context.records().own.version) {
        (Some(content), _) => plain.with_executables(content.executables()),
        (None, Some(record)) => plain.with_executables(&record.executable_files),
        (None, None) => plain,
    }
}

/// What may be run of the active version could not be read.
pub(super) fn modes_unknown(context: &Context, source: &Source) -> Option<Event> {
    let unreadable = context.observed.active?.as_ref().err();
    let unreadable = unreadable.filter(|_| !source.has_modes())?;
    let message = format!(
        "which files of the active version may be run is not known, so that none of the new one may but \
         those that were known before: {}",
        unreadable.message
    );
    Some(Event::warning(EventReason::ModesUnknown, message))
}

/// Files by which somebody means to set variables.
pub(super) fn without_effect(source: &Source) -> Option<Event> {
    let files = source.variable_files();
    (!files.is_empty()).then(|| {
        let message = format!(
            "coderd gives {} no effect: it sets each variable of the template itself; write the values \
             into spec.variables",
            files.join(", ")
        );
        Event::warning(EventReason::VariablesIgnored, message)
    })
}

/// Files of the active version that the declared source leaves out.
pub(super) fn dropped(context: &Context, source: &Source) -> Option<Event> {
    let paths = active(context)?.dropped_by(source);
    (!paths.is_empty()).then(|| {
        let message = format!("the declared files leave out {}", paths.join(", "));
        Event::warning(EventReason::FilesDropped, message)
    })
}

/// The content of the active version, as far as it could be read.
pub(super) fn active<'a>(context: &Context<'a>) -> Option<&'a Content> {
    context.observed.active?.as_ref().ok()
}

/// The variables that keep their values, for people: the first of them, and how many more there are.
pub(super) fn kept(variables: &[KeptVariable]) -> Vec<String> {
    let (first, others) = variables.split_at_checked(KEPT).unwrap_or((variables, &[]));
    let more = (!others.is_empty()).then(|| format!("and {} more", others.len()));
    first.iter().map(differs).chain(more).collect()
}

fn differs(variable: &KeptVariable) -> String {
    let KeptVariable { name, in_source } = variable;
    format!("{name} is {} in the files", shown(in_source))
}

/// That variables keep their values, once that is found.
pub(super) fn kept_variables(before: &VersionStatus, found: &VersionStatus) -> Option<Event> {
    let is_new = before.kept_variables != found.kept_variables;
    let text = super::kept_variables(found).filter(|_| is_new)?;
    Some(Event::warning(EventReason::VariablesKept, text))
}
