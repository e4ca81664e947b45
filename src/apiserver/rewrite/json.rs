//! Reads a whole JSON document, strictly.

use std::borrow::Cow;

use super::{
    document::{Content, Node, Walk},
    place::Place,
};

/// A string that is spelled in more bytes equals no text that a rule names.
const LONGEST_TEXT: usize = 1024;

/// Tells `visit` of the nodes of `document` that rules speak of, beginning with `root`; says
/// whether `document` is one JSON value. Memory is some bytes for each open bracket, and nesting
/// is limited as in Go.
///
/// As in Go, text need not be UTF-8.
pub(super) fn walk<P: Place>(document: &[u8], root: P, visit: impl FnMut(Node<'_, P>)) -> bool {
    let mut reader = Reader {
        document,
        at: 0,
        walk: Walk::new(root, visit),
        brackets: Vec::new(),
    };
    reader.read().is_some()
}

struct Reader<'a, P, V> {
    document: &'a [u8],
    at: usize,
    walk: Walk<P, V>,
    /// The closing brackets that are due.
    brackets: Vec<u8>,
}

impl<P: Place, V: FnMut(Node<'_, P>)> Reader<'_, P, V> {
    fn read(&mut self) -> Option<()> {
        loop {
            // Here a value is due, or in an object a key.
            if self.walk.expects_key() {
                self.key()?;
            }
            let opened = self.value()?;
            if !opened || self.closes() {
                self.after_value()?;
            }
            if self.brackets.is_empty() {
                return (self.token().is_none()).then_some(());
            }
        }
    }

    /// Reads what follows a value: all closing brackets, and the comma before the next value.
    fn after_value(&mut self) -> Option<()> {
        loop {
            let Some(&bracket) = self.brackets.last() else {
                return Some(());
            };
            let byte = self.token()?;
            self.at += 1;
            if byte == b',' {
                return Some(());
            }
            if byte != bracket {
                return None;
            }
            self.brackets.pop();
            self.walk.close(self.at);
        }
    }

    /// Whether the container that was just opened is empty.
    fn closes(&mut self) -> bool {
        let byte = self.token();
        byte.is_some() && byte == self.brackets.last().copied()
    }

    fn key(&mut self) -> Option<()> {
        (self.token()? == b'"').then_some(())?;
        self.text()?;
        (self.token()? == b':').then_some(())?;
        self.at += 1;
        Some(())
    }

    /// Reads a scalar, or the opening bracket of a container: then it is true.
    fn value(&mut self) -> Option<bool> {
        let byte = self.token()?;
        match byte {
            b'{' | b'[' => {
                self.brackets.push(if byte == b'{' { b'}' } else { b']' });
                let fits = self.walk.open(self.at, byte == b'{', false);
                self.at += 1;
                fits.then_some(true)
            }
            b'"' => self.text().map(|()| false),
            b't' => self.literal(b"true").map(|()| false),
            b'f' => self.literal(b"false").map(|()| false),
            b'n' => self.literal(b"null").map(|()| false),
            _ => self.number().map(|()| false),
        }
    }

    fn literal(&mut self, literal: &[u8]) -> Option<()> {
        let start = self.at;
        self.rest().starts_with(literal).then_some(())?;
        self.at += literal.len();
        let content = if literal == b"null" {
            Content::Null
        } else {
            Content::Other
        };
        self.walk.scalar(start..self.at, false, content);
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        self.skip(b"-");
        if !self.skip(b"0") {
            self.digits()?;
        }
        if self.skip(b".") {
            self.digits()?;
        }
        if self.skip(b"eE") {
            self.skip(b"+-");
            self.digits()?;
        }
        self.walk.scalar(start..self.at, false, Content::Other);
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit());
        let count = count.count();
        self.at += count;
        (count > 0).then_some(())
    }

    /// Steps over one byte of `bytes`, if it comes next.
    fn skip(&mut self, bytes: &[u8]) -> bool {
        let found = self.rest().first().is_some_and(|byte| bytes.contains(byte));
        self.at += usize::from(found);
        found
    }

    fn text(&mut self) -> Option<()> {
        let start = self.at;
        let inside = self.document.get(start + 1..)?;
        let (length, plain) = text_length(inside)?;
        self.at = start + length + 2;
        let text = inside
            .get(..length)
            .filter(|text| text.len() <= LONGEST_TEXT);
        let content = match text {
            Some(text) if plain => Content::Text(Cow::Borrowed(text)),
            Some(text) => Content::Text(Cow::Owned(decode(text))),
            None => Content::Other,
        };
        self.walk.scalar(start..self.at, false, content);
        Some(())
    }

    /// The next byte that is no white space.
    fn token(&mut self) -> Option<u8> {
        let spaces = self
            .rest()
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        self.at += spaces.count();
        self.rest().first().copied()
    }

    fn rest(&self) -> &[u8] {
        self.document.get(self.at..).unwrap_or_default()
    }
}

/// How many bytes stand before the quote that ends a string, and whether none is an escape.
fn text_length(inside: &[u8]) -> Option<(usize, bool)> {
    let mut plain = true;
    let mut bytes = inside.iter();
    loop {
        match bytes.next()? {
            b'"' => return Some((inside.len() - bytes.len() - 1, plain)),
            b'\\' => {
                plain = false;
                match bytes.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        let (code, rest) = bytes.as_slice().split_at_checked(4)?;
                        code.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                        bytes = rest.iter();
                    }
                    _ => return None,
                }
            }
            0..0x20 => return None,
            _ => {}
        }
    }
}

/// The decoded bytes of a string; each escape beyond ASCII becomes a byte that is no text.
fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoder = super::unit::Decoder::default();
    text.iter()
        .filter_map(|byte| match decoder.feed(*byte) {
            super::unit::Step::Unit(unit) => Some(unit),
            super::unit::Step::Partial | super::unit::Step::Closed | super::unit::Step::Broken => {
                None
            }
        })
        .collect()
}
