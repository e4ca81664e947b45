//! A whole document in memory: the nodes that rules speak of, and edits of their bytes.

use std::{borrow::Cow, ops::Range};

use super::place::Place;

/// Nesting beyond this is refused, as kube-apiserver's JSON decoder does.
const DEEPEST: usize = 10_000;

/// Something in a document.
#[derive(Debug)]
pub(super) struct Node<'a, P> {
    pub(super) place: P,
    /// Its bytes: quotes and brackets included, tags and anchors of YAML not.
    pub(super) span: Range<usize>,
    /// Whether it is written by indentation: a block of YAML.
    pub(super) block: bool,
    pub(super) content: Content<'a>,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Content<'a> {
    /// The key of a member of the mapping at the node's place.
    Key,
    /// A string, decoded.
    Text(Cow<'a, [u8]>),
    Null,
    /// Any other scalar, or one that cannot be looked into.
    Other,
    /// A container, told of after all that is in it.
    Container(Container),
}

/// The form of a container.
#[derive(Clone, Copy, Debug)]
pub(super) struct Container {
    pub(super) mapping: bool,
    pub(super) empty: bool,
}

/// Follows the places while a reader goes through a document, and tells of each node whose place is
/// not [`Place::NOWHERE`], a container after its contents.
#[derive(Debug)]
pub(super) struct Walk<P, V> {
    root: P,
    stack: Vec<Frame<P>>,
    visit: V,
}

#[derive(Debug)]
struct Frame<P> {
    place: P,
    start: usize,
    block: bool,
    form: Container,
    /// Whether the container is itself a key.
    is_key: bool,
    /// In a mapping: the place of the value that comes next, none before a key.
    value: Option<P>,
}

impl<P: Place, V: FnMut(Node<'_, P>)> Walk<P, V> {
    pub(super) fn new(root: P, visit: V) -> Self {
        Self {
            root,
            stack: Vec::new(),
            visit,
        }
    }

    /// Whether the next node is a key.
    pub(super) fn expects_key(&self) -> bool {
        self.stack
            .last()
            .is_some_and(|frame| frame.form.mapping && frame.value.is_none())
    }

    /// A scalar, an alias, or a key.
    pub(super) fn scalar(&mut self, span: Range<usize>, block: bool, content: Content<'_>) {
        if self.expects_key() {
            let key = match &content {
                Content::Text(text) => Some(text),
                Content::Key | Content::Null | Content::Other | Content::Container(_) => None,
            };
            if let Some(frame) = self.stack.last_mut() {
                frame.form.empty = false;
                frame.value = Some(key.map_or(P::NOWHERE, |key| frame.place.member(key)));
                if frame.place != P::NOWHERE {
                    (self.visit)(Node {
                        place: frame.place,
                        span,
                        block,
                        content: Content::Key,
                    });
                }
            }
        } else {
            let place = self.next_place();
            self.tell(Node {
                place,
                span,
                block,
                content,
            });
        }
    }

    /// The start of a container; says whether it may be so deep.
    pub(super) fn open(&mut self, start: usize, mapping: bool, block: bool) -> bool {
        let is_key = self.expects_key();
        let place = if is_key {
            P::NOWHERE
        } else {
            self.next_place()
        };
        self.stack.push(Frame {
            place,
            start,
            block,
            form: Container {
                mapping,
                empty: true,
            },
            is_key,
            value: None,
        });
        self.stack.len() <= DEEPEST
    }

    /// The end of the innermost container.
    pub(super) fn close(&mut self, end: usize) {
        let Some(frame) = self.stack.pop() else {
            return;
        };
        if frame.is_key
            && let Some(parent) = self.stack.last_mut()
        {
            parent.form.empty = false;
            parent.value = Some(P::NOWHERE);
        }
        self.tell(Node {
            place: frame.place,
            span: frame.start..end,
            block: frame.block,
            content: Content::Container(frame.form),
        });
    }

    /// The place of the value that comes next; what comes after it is a key again.
    fn next_place(&mut self) -> P {
        match self.stack.last_mut() {
            None => self.root,
            Some(frame) => {
                frame.form.empty = false;
                frame.value.take().unwrap_or_else(|| frame.place.element())
            }
        }
    }

    fn tell(&mut self, node: Node<'_, P>) {
        if node.place != P::NOWHERE {
            (self.visit)(node);
        }
    }
}

/// Changes of a document's bytes.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<(Range<usize>, Cow<'static, [u8]>)>);

impl Edits {
    /// Puts `text` where `span` is. Spans must not overlap.
    pub(super) fn replace(&mut self, span: Range<usize>, text: impl Into<Cow<'static, [u8]>>) {
        self.0.push((span, text.into()));
    }

    /// Whether something within `span` is changed. Edits must have been made in their order.
    pub(super) fn touch(&self, span: &Range<usize>) -> bool {
        let found = self.0.partition_point(|(edit, _)| edit.start < span.start);
        self.0
            .get(found)
            .is_some_and(|(edit, _)| edit.end <= span.end)
    }

    /// Adds more changes.
    pub(super) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// The document with all changes made.
    pub(super) fn apply(mut self, document: &[u8]) -> Cow<'_, [u8]> {
        if self.0.is_empty() {
            return Cow::Borrowed(document);
        }
        self.0.sort_by_key(|(span, _)| span.start);
        let mut edited = Vec::with_capacity(document.len() + 16 * self.0.len());
        let mut copied = 0;
        for (span, text) in self.0 {
            edited.extend_from_slice(document.get(copied..span.start).unwrap_or_default());
            edited.extend_from_slice(&text);
            copied = span.end;
        }
        edited.extend_from_slice(document.get(copied..).unwrap_or_default());
        Cow::Owned(edited)
    }
}
