//! Reads the first document of a YAML stream: kube-apiserver reads no other one.

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle, Tag};

use super::{
    document::{Content, Edits, Node, Walk},
    place::Place,
};

/// An anchored scalar that is longer equals no text that a rule names.
const LONGEST_ANCHORED: usize = 64;

/// Where scalars of a document are used again. Containers are not followed: a rule does not see
/// what an alias of a container stands for.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    /// By id: where the scalar is, and what it says.
    anchors: BTreeMap<usize, (Range<usize>, String)>,
    uses: Vec<(Range<usize>, usize)>,
}

/// Tells `visit` of the nodes of `document` that rules speak of, beginning with `root`; `None` if
/// it is not YAML. Nesting is limited to 255 containers of either style. Scalars are told of without
/// their anchor and tag, block scalars without their header, aliases as what they stand for.
pub(super) fn walk<P: Place>(
    document: &str,
    root: P,
    visit: impl FnMut(Node<'_, P>),
) -> Option<Aliases> {
    let options = granit_parser::options! { emit_comments: false };
    let mut walk = Walk::new(root, visit);
    let mut aliases = Aliases::default();
    for next in Parser::new_from_str_with_options(document, options) {
        let (event, span) = next.ok()?;
        let span = span.byte_range()?;
        if let Event::Scalar(text, style, anchor, tag) = event {
            if anchor != 0 && text.len() <= LONGEST_ANCHORED {
                aliases
                    .anchors
                    .insert(anchor, (span.clone(), text.clone().into_owned()));
            }
            let content = scalar(&text, style, tag.as_deref(), anchor != 0 && span.is_empty());
            let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
            walk.scalar(span, block, content);
        } else if let Event::Alias(anchor) = event {
            let text = aliases.anchors.get(&anchor);
            let content = text.map_or(Content::Other, |(_, text)| {
                Content::Text(Cow::Borrowed(text.as_bytes()))
            });
            walk.scalar(span.clone(), false, content);
            aliases.uses.push((span, anchor));
        } else if let Event::MappingStart(style, ..) = event {
            walk.open(span.start, true, style == StructureStyle::Block)
                .then_some(())?;
        } else if let Event::SequenceStart(style, ..) = event {
            walk.open(span.start, false, style == StructureStyle::Block)
                .then_some(())?;
        } else if matches!(event, Event::MappingEnd | Event::SequenceEnd) {
            walk.close(span.end);
        } else if event == Event::DocumentEnd {
            break;
        }
    }
    Some(aliases)
}

fn scalar<'a>(
    text: &'a str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    only_anchor: bool,
) -> Content<'a> {
    let is_text =
        tag.is_none_or(|tag| tag.is_yaml_core_schema_tag("str") || (tag.original() == "!"));
    let is_null = style == ScalarStyle::Plain
        && tag.is_none()
        && matches!(text, "" | "~" | "null" | "Null" | "NULL");
    if !is_text || (is_null && only_anchor) {
        Content::Other
    } else if is_null {
        Content::Null
    } else {
        Content::Text(Cow::Borrowed(text.as_bytes()))
    }
}

impl Aliases {
    /// Writes out each alias of a scalar that `edits` changes, unless they change the alias too:
    /// what stands elsewhere keeps its meaning.
    pub(super) fn keep_meaning(&self, edits: &mut Edits) {
        let mut written_out = Edits::default();
        for (span, anchor) in &self.uses {
            if let Some((scalar, text)) = self.anchors.get(anchor)
                && edits.touch(scalar)
                && !edits.touch(span)
            {
                written_out.replace(span.clone(), format!("\"{text}\"").into_bytes());
            }
        }
        edits.extend(written_out);
    }
}

/// Replaces the scalar at `span`, which says `from`, by `to`, in the style it is written in.
pub(super) fn respell(
    document: &str,
    span: Range<usize>,
    (from, to): (&str, &'static str),
    edits: &mut Edits,
) {
    let source = document.get(span.clone()).unwrap_or_default();
    match source.find(from) {
        Some(offset) => {
            let start = span.start + offset;
            edits.replace(start..start + from.len(), to.as_bytes());
        }
        // An alias, or in double quotes with escapes.
        None => edits.replace(span, format!("\"{to}\"").into_bytes()),
    }
}
