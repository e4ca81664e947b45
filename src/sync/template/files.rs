//! The files of the active version, mirrored into `spec` where no source is declared.

use std::collections::BTreeMap;

use serde_json::json;
use uuid::Uuid;

use super::{
    Context, OwnRecords, Plan, Records, Template, Unreadable,
    declared::{FILES, declares_files},
};
use crate::{
    api::template::{CoderTemplate, MirroredFiles},
    sync::{
        field::FieldState,
        ownership::{FieldPath, Ownership},
        setting,
        source::{Content, MIRROR_LIMIT_BYTES},
    },
};

/// Brings the mirrored part of `spec` up to date, or lets go of what somebody declared. The record of
/// what became of the files follows the write.
pub fn mirror(context: &Context) -> Option<Plan> {
    let template = context.present()?;
    setting::apply(&mirrored(context, template)).or_else(|| {
        let before = context.records();
        let records = Records {
            own: OwnRecords {
                mirrored_files: mirrored_files(context, template),
                ..before.own.clone()
            },
            ..before.clone()
        };
        (records != before).then(|| Plan::record(records, setting::mirroring()))
    })
}

/// Every field that `coderd` owns where nobody declares it.
pub fn mirrored(context: &Context, template: &Template) -> Vec<FieldState> {
    let spec = &context.object.spec;
    let kept = spec.files.as_ref().map(|files| json!(files));
    let actual = match active_content(context) {
        // What was mirrored stays until it is known what is there now.
        Some(Err(Unreadable { may_pass: true, .. })) => kept.clone(),
        Some(content) => mirrorable(content).ok().map(|files| json!(files)),
        None if spec.source.is_some() => None,
        None => kept.clone(),
    };
    let mut states = setting::mirrored(context, template);
    states.push(setting::state(context, FILES, kept, actual));
    states
}

/// The active version's content, where it is to be mirrored.
fn active_content<'a>(context: &Context<'a>) -> Option<&'a Result<Content, Unreadable>> {
    context
        .sight
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
pub fn withheld<'a>(context: &Context<'a>) -> Option<&'a str> {
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
        version_id: template.active_version_id.to_string(),
        omitted,
    })
}
