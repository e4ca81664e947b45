//! Renames JSON answers as they stream by.

use std::borrow::Cow;

use super::{Options, position::Position, skip::Skip, text::rename_text};
use crate::apiserver::server::fault::as_go_writes;

/// What is looked at is read as a whole, and held back where a chunk cuts it. Longer texts pass as they
/// are; no key, name or message of kube-apiserver comes near it.
const LONGEST: usize = 64 * 1024;

/// A filter for all JSON that kube-apiserver answers: see the module above for its rules.
///
/// Takes any number of JSON values after one another, so one filter serves a whole watch. How the
/// input is cut into chunks makes no difference to the output. Nothing is held back after the end of a
/// value, and memory does not grow with the input.
///
/// A member that is left out goes with the white space before its key, the white space around its
/// colon, and one comma: the one before it if a member that stays stands before it, otherwise the
/// one after it.
///
/// What no rule speaks of is not checked, only skipped by its brackets and strings. Where the text
/// that is looked at stops being JSON, it is passed on unchanged from there to the end.
#[derive(Debug)]
pub struct ResponseFilter {
    options: Options,
    /// The containers around the current position; only those a rule speaks of, so at most eight.
    stack: Vec<Container>,
    /// The position of the value that is read or expected.
    position: Position,
    state: State,
    /// Whether what is read is left out.
    omits: bool,
    /// The beginning of what the last chunk did not hold to its end.
    held: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Container {
    position: Position,
    array: bool,
    /// Whether a member was kept.
    kept: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum State {
    /// A value; or the end of an array, if it is still empty.
    Value { or_end: bool },
    /// A member with the comma before it; or a first one, or the end of an empty object.
    Member { comma: bool },
    /// The rest of a value that no rule speaks of.
    Skip(Skip),
    /// A comma, or the end of the container.
    AfterValue,
    /// No JSON.
    Opaque,
}

/// Why something cannot be read.
enum Unread {
    /// It goes on in the next chunk.
    Cut,
    NoJson,
}

/// A chunk on its way to the output.
struct Pass<'a> {
    input: &'a [u8],
    /// All before was read.
    at: usize,
    /// All before was written or left out.
    done: usize,
    output: &'a mut Vec<u8>,
}

impl ResponseFilter {
    /// A filter at the start of its input.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            stack: Vec::new(),
            position: Position::Root,
            state: State::Value { or_end: false },
            omits: false,
            held: Vec::new(),
        }
    }

    /// Reads the next chunk, and appends to `output` what is decided.
    pub fn push(&mut self, chunk: &[u8], output: &mut Vec<u8>) {
        let mut input = Cow::Borrowed(chunk);
        if !self.held.is_empty() {
            input = Cow::Owned([&std::mem::take(&mut self.held), chunk].concat());
        }
        let mut pass = Pass {
            input: &input,
            at: 0,
            done: 0,
            output,
        };
        while !pass.rest().is_empty() {
            match self.step(&mut pass) {
                Ok(()) => {}
                Err(Unread::Cut) if pass.rest().len() < LONGEST => break,
                Err(_) => {
                    self.end_omission(&mut pass);
                    self.state = State::Opaque;
                }
            }
        }
        pass.settle(self.omits);
        self.held = pass.rest().to_vec();
    }

    /// The input ends: appends what was held back. A whole value holds nothing back.
    pub fn finish(&mut self, output: &mut Vec<u8>) {
        output.append(&mut self.held);
        *self = Self::new(self.options);
    }

    /// How many bytes are allocated.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.stack.capacity() * size_of::<Container>() + self.held.capacity()
    }

    fn step(&mut self, pass: &mut Pass<'_>) -> Result<(), Unread> {
        match self.state {
            State::Opaque => pass.at = pass.input.len(),
            State::Skip(skip) => self.skip(skip, pass),
            State::Member { comma } => return self.member(comma, pass),
            State::Value { or_end } => match pass.token() {
                Some(b']') if or_end => return self.close(pass),
                Some(byte) => return self.value(byte, pass),
                None => {}
            },
            State::AfterValue => {
                if let Some(byte) = pass.token() {
                    return self.after_value(byte, pass);
                }
            }
        }
        Ok(())
    }

    fn value(&mut self, byte: u8, pass: &mut Pass<'_>) -> Result<(), Unread> {
        match byte {
            b'{' if self.position.has_members() => self.open(false, pass),
            b'[' if self.position.has_elements() => self.open(true, pass),
            b'{' | b'[' => self.begin_skip(Skip::container(), pass),
            b'"' if self.position.has_text() => return self.text(pass),
            b'"' => self.begin_skip(Skip::text(), pass),
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
                pass.at += literal(pass.window())?;
                self.value_ended(pass);
            }
            _ => return Err(Unread::NoJson),
        }
        Ok(())
    }

    fn open(&mut self, array: bool, pass: &mut Pass<'_>) {
        self.stack.push(Container {
            position: self.position,
            array,
            kept: false,
        });
        pass.at += 1;
        self.state = if array {
            self.position = self.position.child(None);
            State::Value { or_end: true }
        } else {
            State::Member { comma: false }
        };
    }

    fn close(&mut self, pass: &mut Pass<'_>) -> Result<(), Unread> {
        self.stack.pop().ok_or(Unread::NoJson)?;
        pass.at += 1;
        self.value_ended(pass);
        Ok(())
    }

    fn begin_skip(&mut self, skip: Skip, pass: &mut Pass<'_>) {
        pass.at += 1;
        self.state = State::Skip(skip);
    }

    fn skip(&mut self, mut skip: Skip, pass: &mut Pass<'_>) {
        let rest = pass.rest();
        if let Some(length) = skip.advance(rest) {
            pass.at += length;
            self.value_ended(pass);
        } else {
            pass.at += rest.len();
            self.state = State::Skip(skip);
        }
    }

    /// A text that a rule speaks of.
    fn text(&mut self, pass: &mut Pass<'_>) -> Result<(), Unread> {
        let text = match string(pass.window()) {
            Err(Unread::Cut) if pass.window().len() == LONGEST => {
                self.begin_skip(Skip::text(), pass);
                return Ok(());
            }
            text => text?,
        };
        match said(text).and_then(|said| self.renamed(&said)) {
            Some(renamed) => pass.replace(text.len(), &as_go_writes(&renamed)),
            None => pass.at += text.len(),
        }
        self.value_ended(pass);
        Ok(())
    }

    /// What a text at this position has to be instead.
    fn renamed(&self, said: &str) -> Option<String> {
        match self.position.renaming() {
            Some((from, to)) => (said == from).then(|| to.to_owned()),
            None => match rename_text(said, self.options.foreign) {
                Cow::Owned(renamed) => Some(renamed),
                Cow::Borrowed(_) => None,
            },
        }
    }

    /// A member as far as its colon. What is left out begins before it.
    fn member(&mut self, comma: bool, pass: &mut Pass<'_>) -> Result<(), Unread> {
        let (_, text) = pass.window().split_at(usize::from(comma));
        let indent = spaces(text);
        if !comma && text.get(indent) == Some(&b'}') {
            pass.at += indent;
            return self.close(pass);
        }
        let (key, length) = head(text)?;
        let container = self.stack.last_mut().ok_or(Unread::NoJson)?;
        let key = said(key).unwrap_or_default();
        self.position = container.position.child(Some(&key));
        if self.position == Position::Files {
            pass.settle(false);
            self.omits = true;
        } else {
            container.kept = true;
        }
        if self.position == Position::Spec && !self.options.omit_files {
            self.position = Position::Nowhere;
        }
        pass.at += usize::from(comma) + length;
        self.state = State::Value { or_end: false };
        Ok(())
    }

    fn after_value(&mut self, byte: u8, pass: &mut Pass<'_>) -> Result<(), Unread> {
        let container = self.stack.last().ok_or(Unread::NoJson)?;
        match (byte, container.array) {
            (b']', true) | (b'}', false) => return self.close(pass),
            (b',', true) => {
                pass.at += 1;
                self.position = container.position.child(None);
                self.state = State::Value { or_end: false };
            }
            (b',', false) => {
                // All members before it were left out, and the comma goes with them.
                if !container.kept {
                    pass.replace(1, "");
                }
                self.state = State::Member {
                    comma: container.kept,
                };
            }
            _ => return Err(Unread::NoJson),
        }
        Ok(())
    }

    fn value_ended(&mut self, pass: &mut Pass<'_>) {
        self.end_omission(pass);
        self.state = State::AfterValue;
        if self.stack.is_empty() {
            self.position = Position::Root;
            self.state = State::Value { or_end: false };
        }
    }

    fn end_omission(&mut self, pass: &mut Pass<'_>) {
        if self.omits {
            pass.settle(true);
            self.omits = false;
        }
    }
}

impl<'a> Pass<'a> {
    fn rest(&self) -> &'a [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    /// As much of the rest as may be looked at.
    fn window(&self) -> &'a [u8] {
        let rest = self.rest();
        rest.get(..LONGEST).unwrap_or(rest)
    }

    /// The first byte of the next token, which is still to be read; none where only white space is left.
    fn token(&mut self) -> Option<u8> {
        self.at += spaces(self.rest());
        self.rest().first().copied()
    }

    /// Writes what was read, or leaves it out.
    fn settle(&mut self, omitted: bool) {
        let read = self.input.get(self.done..self.at).filter(|_| !omitted);
        self.output.extend_from_slice(read.unwrap_or_default());
        self.done = self.at;
    }

    fn replace(&mut self, length: usize, new: &str) {
        self.settle(false);
        self.output.extend_from_slice(new.as_bytes());
        self.at += length;
        self.settle(true);
    }
}

/// How much white space `text` begins with.
fn spaces(text: &[u8]) -> usize {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let end = text.iter().position(|byte| !is_space(byte));
    end.unwrap_or(text.len())
}

/// How long the number or word is with which `text` begins.
fn literal(text: &[u8]) -> Result<usize, Unread> {
    let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
    let end = text.iter().position(|byte| !goes_on(byte));
    end.ok_or(Unread::Cut)
}

/// The key of the member with which `text` begins, and what it takes up to its colon.
fn head(text: &[u8]) -> Result<(&[u8], usize), Unread> {
    let (indent, rest) = text.split_at(spaces(text));
    let key = string(rest)?;
    let (_, rest) = rest.split_at(key.len());
    let gap = spaces(rest);
    match rest.get(gap) {
        Some(b':') => Ok((key, indent.len() + key.len() + gap + 1)),
        Some(_) => Err(Unread::NoJson),
        None => Err(Unread::Cut),
    }
}

/// The string with which `text` begins, in its quotes.
fn string(text: &[u8]) -> Result<&[u8], Unread> {
    let (first, rest) = text.split_first().ok_or(Unread::Cut)?;
    if *first != b'"' {
        return Err(Unread::NoJson);
    }
    let length = Skip::text().advance(rest).ok_or(Unread::Cut)?;
    Ok(text.get(..=length).unwrap_or_default())
}

/// What a string says; none where it is no text.
fn said(string: &[u8]) -> Option<Cow<'_, str>> {
    if string.contains(&b'\\') {
        return serde_json::from_slice(string).ok().map(Cow::Owned);
    }
    let inside = string.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    std::str::from_utf8(inside).ok().map(Cow::Borrowed)
}
