//! The files of the active version, mirrored into `spec` where no source is declared.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    declared::{FILES, VERSION_ID, declares_files},
    external::{Template, Unreadable},
    fields::FIELDS,
    kind::{Context, Step},
    pin,
};
use crate::{
    api::template::{CoderTemplate, MirroredFiles},
    sync::{
        fields::{
            ownership::{FieldPath, Ownership},
            push::{self, TRY_FORBIDDEN_AGAIN},
            rule::FieldState,
        },
        source::{Content, MIRROR_LIMIT_BYTES},
        step::Action,
    },
};

/// Brings the mirrored part of `spec` up to date, or lets go of what somebody declared. The record of
/// what became of the files follows the write.
pub fn mirror(context: &Context) -> Option<Step> {
    let template = context.present()?;
    let step = push::mirror(&mirrored(context, template));
    if !matches!(step.action, Action::Pass(_)) {
        return Some(step);
    }
    let mut records = context.records();
    records.own.mirrored_files = mirrored_files(context, template);
    let withheld = withheld(context);
    let due = withheld.map(|_| TRY_FORBIDDEN_AGAIN);
    let unmirrored = withheld.map(|message| {
        format!(
            "files: {message}; give the controller's user the right, and they are mirrored within a \
             minute"
        )
    });
    let step = step.after(due).recording(records);
    Some(Step {
        conditions: step.conditions.clone().unmirrored(unmirrored),
        ..step
    })
}

/// Every field that `coderd` owns where nobody declares it.
fn mirrored(context: &Context, template: &Template) -> Vec<FieldState> {
    let spec = &context.object.spec;
    let kept = spec.files.as_ref().map(|files| json!(files));
    let actual = match active_content(context) {
        // What was mirrored stays until it is known what is there now.
        Some(Err(Unreadable { may_pass: true, .. })) => kept.clone(),
        Some(content) => mirrorable(content).ok().map(|files| json!(files)),
        None if spec.source.is_some() => None,
        None => kept.clone(),
    };
    let files = push::state(context, FILES, kept, actual);
    let version = spec.version_id.as_deref().map(Value::from);
    let version = push::state(context, VERSION_ID, version, pin::mirrored(template));
    push::mirrored(context, FIELDS, template, [files, version])
}

/// The active version's content, where it is to be mirrored.
fn active_content<'a>(context: &Context<'a>) -> Option<&'a Result<Content, Unreadable>> {
    context
        .observed
        .active
        .filter(|_| mirrors_files(context.object, context.ownership))
}

/// The files to mirror, or why none are.
fn mirrorable(content: &Result<Content, Unreadable>) -> Result<BTreeMap<String, String>, String> {
    let content = content
        .as_ref()
        .map_err(|unreadable| unreadable.message.clone())?;
    let files = content
        .mirrorable(MIRROR_LIMIT_BYTES)
        .map_err(|omitted| omitted.to_string())?;
    if files.is_empty() {
        Err("the version has no files".to_owned())
    } else {
        Ok(files)
    }
}

/// Why the files cannot be mirrored now, and may be later.
fn withheld<'a>(context: &Context<'a>) -> Option<&'a str> {
    match active_content(context)? {
        Err(Unreadable { message, may_pass }) => may_pass.then_some(message),
        Ok(_) => None,
    }
}

/// Whether `spec.files` mirrors the active version: no source is declared.
fn mirrors_files(object: &CoderTemplate, ownership: &Ownership) -> bool {
    !declares_files(object, ownership) && object.spec.source.is_none()
}

/// Whether mirroring needs the content of active version `version_id`: it was not looked at yet, or
/// what was mirrored is not there any more.
pub fn needs_content(object: &CoderTemplate, ownership: &Ownership, version_id: Uuid) -> bool {
    let status = object.status.as_ref();
    let record = status.and_then(|status| status.mirrored_files.as_ref());
    mirrors_files(object, ownership)
        && match record.filter(|record| record.version_id == version_id.to_string()) {
            None => true,
            Some(MirroredFiles {
                omitted: Some(_), ..
            }) => false,
            Some(MirroredFiles { omitted: None, .. }) => {
                !ownership.held_by_coderd(&FieldPath::spec(FILES))
            }
        }
}

/// What the status is to say of the mirrored files.
fn mirrored_files(context: &Context, template: &Template) -> Option<MirroredFiles> {
    if !mirrors_files(context.object, context.ownership) {
        return None;
    }
    let Some(content) = active_content(context).filter(|_| withheld(context).is_none()) else {
        return context.records().own.mirrored_files;
    };
    let omitted = mirrorable(content).err();
    Some(MirroredFiles {
        version_id: template.live.active_version_id.to_string(),
        omitted,
    })
}
