//! Puts the files of a template back into an update that leaves them out.
//!
//! Lists do not show `spec.files`, and clients list, edit and update: an absent member means "as it
//! is", and so does `null`, which old clients that always write the member mean by it.

use std::ops::Range;

use super::{
    document::{Container, Content, Edits, Node},
    json,
    place::Place,
    yaml,
};
use crate::k8s;

/// Whether nothing is to be put into `body`: it has `spec.files` other than `null`, or is no object
/// whose `spec` can take them. The last of several members of one name counts.
#[must_use]
pub fn has_files(body: &[u8], yaml: bool) -> bool {
    gap(body, yaml).is_none()
}

/// `body` with `files` (JSON) as `spec.files`, changed nowhere else; `body` itself if it
/// [has them](has_files). `yaml` says that the body's type is one of the YAML types.
#[must_use]
pub fn insert_files(body: &[u8], yaml: bool, files: &[u8]) -> Vec<u8> {
    let Some(gap) = gap(body, yaml) else {
        return body.to_vec();
    };
    let mut text = gap.before.into_bytes();
    match serde_json::from_slice(files) {
        Ok(files) if yaml => text.extend(k8s::yaml::written(&files).into_bytes()),
        Ok(_) | Err(_) => text.extend(files),
    }
    text.extend(gap.after.into_bytes());
    let mut edits = Edits::default();
    edits.replace(gap.span, text);
    edits.apply(body).into_owned()
}

/// The bytes of `.spec.files` in an object that is JSON, if it has any other than `null`.
#[must_use]
pub fn files_of(object: &[u8]) -> Option<&[u8]> {
    let mut found = Found::default();
    json::walk(object, FilesPlace::Object, |node| found.node(node)).then_some(())?;
    let files = found.spec?.files?;
    match files.form {
        Form::Null => None,
        Form::Container(_) | Form::Other => object.get(files.span),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FilesPlace {
    Nowhere,
    Object,
    Spec,
    Files,
}

impl Place for FilesPlace {
    const NOWHERE: Self = Self::Nowhere;

    fn member(self, key: &[u8]) -> Self {
        match (self, key) {
            (Self::Object, b"spec") => Self::Spec,
            (Self::Spec, b"files") => Self::Files,
            _ => Self::Nowhere,
        }
    }

    fn element(self) -> Self {
        Self::Nowhere
    }
}

#[derive(Debug, Default)]
struct Found {
    object: Option<Slot>,
    spec: Option<Spec>,
    /// The files of the spec that is being read.
    files: Option<Slot>,
}

#[derive(Debug)]
struct Spec {
    slot: Slot,
    files: Option<Slot>,
}

#[derive(Debug)]
struct Slot {
    span: Range<usize>,
    block: bool,
    form: Form,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Null,
    Container(Container),
    Other,
}

impl Found {
    fn node(&mut self, node: Node<'_, FilesPlace>) {
        let form = match node.content {
            Content::Key => return,
            Content::Null => Form::Null,
            Content::Container(container) => Form::Container(container),
            Content::Text(_) | Content::Other => Form::Other,
        };
        let slot = Slot {
            span: node.span,
            block: node.block,
            form,
        };
        match node.place {
            FilesPlace::Nowhere => {}
            FilesPlace::Object => self.object = Some(slot),
            FilesPlace::Files => self.files = Some(slot),
            FilesPlace::Spec => {
                let files = self.files.take();
                self.spec = Some(Spec { slot, files });
            }
        }
    }
}

/// Where files have to be put.
#[derive(Debug)]
struct Gap {
    /// What they take the place of.
    span: Range<usize>,
    before: String,
    after: String,
}

fn gap(body: &[u8], yaml: bool) -> Option<Gap> {
    let mut found = Found::default();
    if json::walk(body, FilesPlace::Object, |node| found.node(node)) {
        return found.gap(body);
    }
    let text = std::str::from_utf8(body).ok().filter(|_| yaml)?;
    let mut found = Found::default();
    yaml::walk(text, FilesPlace::Object, |node| found.node(node))?;
    found.gap(body)
}

impl Found {
    fn gap(self, body: &[u8]) -> Option<Gap> {
        let Some(spec) = self.spec else {
            return self.object?.member(body, "spec", ("{\"files\":", "}"));
        };
        match (spec.slot.form, spec.files) {
            (Form::Null, _) => spec.slot.instead(body, ("{\"files\":", "}")),
            (Form::Container(_), None) => spec.slot.member(body, "files", ("", "")),
            (Form::Container(_), Some(files)) => match files.form {
                Form::Null => files.instead(body, ("", "")),
                Form::Container(_) | Form::Other => None,
            },
            (Form::Other, _) => None,
        }
    }
}

impl Slot {
    /// The gap in the place of this null.
    fn instead(self, body: &[u8], around: (&str, &str)) -> Option<Gap> {
        let (before, after) = around;
        let mut gap = Gap {
            span: self.span,
            before: before.to_owned(),
            after: after.to_owned(),
        };
        if gap.span.is_empty() {
            // A YAML value that is not there stands before the colon it would follow.
            (body.get(gap.span.start) == Some(&b':')).then_some(())?;
            gap.span = gap.span.start + 1..gap.span.start + 1;
            gap.before.insert(0, ' ');
        }
        Some(gap)
    }

    /// The gap for a new member `key`, the first one of this mapping.
    fn member(self, body: &[u8], key: &str, around: (&str, &str)) -> Option<Gap> {
        let Form::Container(container) = self.form else {
            return None;
        };
        container.mapping.then_some(())?;
        let (before, after) = around;
        let start = self.span.start + usize::from(!self.block);
        let (before, after) = if self.block {
            let indent = " ".repeat(column(body, start));
            (format!("{key}: {before}"), format!("{after}\n{indent}"))
        } else {
            let comma = if container.empty { "" } else { "," };
            (format!("\"{key}\":{before}"), format!("{after}{comma}"))
        };
        Some(Gap {
            span: start..start,
            before,
            after,
        })
    }
}

/// How many characters stand before `at` in its line.
fn column(body: &[u8], at: usize) -> usize {
    let before = body.get(..at).unwrap_or_default();
    let line = before.rsplit(|byte| *byte == b'\n').next();
    let line = String::from_utf8_lossy(line.unwrap_or_default());
    line.trim_start_matches('\u{feff}').chars().count()
}
