//! Puts the files of a template back into an update that leaves them out.
//!
//! Lists do not show `spec.files`, and clients list, edit and update: an absent member means "as it
//! is", and so does `null`, which old clients that always write the member mean by it.

use std::str::from_utf8;

use super::json::{Edited, children};
use crate::k8s::yaml;

/// Whether nothing is to be put into `body`, which is JSON: it has `spec.files` other than `null`, or is
/// no object whose `spec` can take them. The last of several members of one name counts.
#[must_use]
pub fn has_files(body: &[u8]) -> bool {
    gap(&String::from_utf8_lossy(body)).is_none()
}

/// `body` with `files` as `spec.files`, changed nowhere else; `body` itself if it [has them](has_files).
/// Both are JSON, and what is put in is written so that YAML takes it for the same.
#[must_use]
pub fn insert_files(body: &[u8], files: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let files = serde_json::from_slice(files).map(|files| yaml::written(&files));
    let (Some(gap), Ok(files)) = (gap(&text), files) else {
        return body.to_vec();
    };
    let [before, after, comma] = gap.around;
    let mut edited = Edited::new(&text);
    edited.replace(gap.part, &format!("{before}{files}{after}{comma}"));
    edited.finish().map_or(body.to_vec(), String::into_bytes)
}

/// The bytes of `.spec.files` in an object that is JSON, if it has any other than `null`.
#[must_use]
pub fn files_of(object: &[u8]) -> Option<&[u8]> {
    let spec = member(from_utf8(object).ok()?, "spec").ok()??;
    let files = member(spec, "files").ok()??;
    (files != "null").then_some(files.as_bytes())
}

/// Where files have to be put.
struct Gap<'a> {
    /// What they take the place of.
    part: &'a str,
    /// What has to stand before and after them, and before what follows.
    around: [&'static str; 3],
}

fn gap(body: &str) -> Option<Gap<'_>> {
    let spec = member(body, "spec").ok()?;
    let files = spec.map(|spec| member(spec, "files"));
    let (part, around) = match (spec, files) {
        (None, _) => {
            let (start, comma) = inside(body);
            (start, ["\"spec\":{\"files\":", "}", comma])
        }
        (Some(null @ "null"), _) => (null, ["{\"files\":", "}", ""]),
        (Some(spec), Some(Ok(None))) => {
            let (start, comma) = inside(spec);
            (start, ["\"files\":", "", comma])
        }
        (Some(_), Some(Ok(Some(null @ "null")))) => (null, ["", "", ""]),
        (Some(_), Some(Ok(Some(_)) | Err(NoObject)) | None) => return None,
    };
    Some(Gap { part, around })
}

/// Where the first member of `object` starts, and what has to stand before what follows.
fn inside(object: &str) -> (&str, &'static str) {
    let inside = object.split_once('{').map_or("", |(_, inside)| inside);
    let is_empty = inside.trim_start().starts_with('}');
    let (start, _) = inside.split_at(0);
    (start, if is_empty { "" } else { "," })
}

/// What is asked for a member is something else.
struct NoObject;

/// The last member `key` of `object`.
fn member<'a>(object: &'a str, key: &str) -> Result<Option<&'a str>, NoObject> {
    let mut found = None;
    let is_object = object.trim_start().starts_with('{');
    let read = children(object, |name, value| {
        if name == Some(key) {
            found = Some(value);
        }
    });
    if is_object && read {
        Ok(found)
    } else {
        Err(NoObject)
    }
}
