//! Renames JSON answers as they stream by.

use super::{
    Options,
    place::ResponsePlace,
    sink::{Pending, Sink},
    skip::Skip,
    token::Matcher,
    unit::Decoder,
};

mod text;

/// How much white space before a member of a `spec` without files is kept; more is cut. It has to
/// be held back until it is known whether the member stays.
const LONGEST_INDENT: usize = 256;

/// Longer than any key that a rule names.
const LONGEST_KEY: usize = 16;

/// A filter for all JSON that kube-apiserver answers: see the module above for its rules.
///
/// Takes any number of JSON values after one another, so one filter serves a whole watch. How the
/// input is cut into chunks makes no difference to the output. At most a few hundred bytes are held
/// back between chunks, and none after the end of a value; memory does not grow with the input.
///
/// A member that is left out goes with the white space before its key, the white space around its
/// colon, and one comma: the one before it if a member that stays stands before it, otherwise the
/// one after it. White space before a member of such a `spec` is kept up to 256 bytes.
///
/// What no rule speaks of is not checked, only skipped by its brackets and strings. Where the text
/// that is looked at stops being JSON, it is passed on unchanged from there to the end.
#[derive(Debug)]
pub struct ResponseFilter {
    options: Options,
    /// The containers around the current place; only those a rule speaks of, so at most eight.
    stack: Vec<Frame>,
    /// The place of the value that is read or expected.
    place: ResponsePlace,
    state: State,
    decoder: Decoder,
    /// The key being read, decoded; one byte more than [`LONGEST_KEY`] stands for all longer ones.
    key: Vec<u8>,
    /// The length of the white space before the key, where that is held back.
    indent: usize,
    /// How much of the expected text was read.
    matched: usize,
    matcher: Matcher,
    /// How many bytes spell the unit before the last one.
    previous_spelled: usize,
    pending: Pending,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    place: ResponsePlace,
    array: bool,
    /// Whether a member was kept.
    kept: bool,
}

/// What is being read, or comes next.
#[derive(Clone, Copy, Debug)]
enum State {
    /// A value; or the end of an array, if it is still empty.
    Value {
        or_end: bool,
    },
    /// A key; or the end of an object, if it is still empty.
    BeforeKey {
        or_end: bool,
    },
    Key,
    Colon,
    /// A string that has to equal the first text, and is then replaced by the second.
    Exact(&'static str, &'static str),
    Message,
    /// A number, `true`, `false` or `null`.
    Literal,
    /// A value that no rule speaks of.
    Skip(Skip),
    /// A comma, or the end of the container.
    AfterValue,
    /// No JSON.
    Opaque,
}

impl ResponseFilter {
    /// A filter at the start of its input.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            stack: Vec::new(),
            place: ResponsePlace::Root,
            state: State::Value { or_end: false },
            decoder: Decoder::default(),
            key: Vec::new(),
            indent: 0,
            matched: 0,
            matcher: Matcher::new(options.foreign),
            previous_spelled: 0,
            pending: Pending::default(),
        }
    }

    /// Reads the next chunk, and appends to `output` what is decided.
    pub fn push(&mut self, input: &[u8], output: &mut Vec<u8>) {
        let mut pending = std::mem::take(&mut self.pending);
        let mut sink = Sink::new(input, &mut pending, output);
        let mut at = 0;
        while at < input.len() {
            at = self.step(input, at, &mut sink);
        }
        sink.finish();
        self.pending = pending;
    }

    /// The input ends: appends what was held back. A whole value holds nothing back.
    pub fn finish(&mut self, output: &mut Vec<u8>) {
        output.append(&mut self.pending.take());
        *self = Self::new(self.options);
    }

    /// How many bytes are allocated.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.stack.capacity() * size_of::<Frame>() + self.key.capacity() + self.pending.capacity()
    }

    /// Reads on in `input` from `at`; returns where to go on, which is `at` only if another state
    /// has to look at the same byte.
    fn step(&mut self, input: &[u8], at: usize, sink: &mut Sink<'_>) -> usize {
        let (Some(rest), Some(&byte)) = (input.get(at..), input.get(at)) else {
            return input.len();
        };
        match self.state {
            State::Skip(skip) => return self.skip(skip, rest, at, sink),
            State::Literal => return self.literal(rest, at, sink),
            State::Key => return self.key(rest, at, sink),
            State::Opaque => return input.len(),
            State::Exact(from, to) => return self.exact(rest, at, (from, to), sink),
            State::Message => self.message(byte, at, sink),
            State::Value { .. } | State::BeforeKey { .. } | State::Colon | State::AfterValue => {
                if is_space(byte) {
                    self.space(at, sink);
                } else {
                    self.token(byte, at, sink);
                }
            }
        }
        at + 1
    }

    /// White space between tokens.
    fn space(&mut self, at: usize, sink: &mut Sink<'_>) {
        if sink.is_holding() {
            if self.indent == LONGEST_INDENT {
                sink.skip(at);
            } else {
                self.indent += 1;
            }
        }
    }

    /// The first byte of a token.
    fn token(&mut self, byte: u8, at: usize, sink: &mut Sink<'_>) {
        match (self.state, byte) {
            (State::Value { or_end: true }, b']') | (State::BeforeKey { or_end: true }, b'}') => {
                sink.release();
                self.close(at, sink);
            }
            (State::Value { .. }, _) => self.value(byte, at, sink),
            (State::BeforeKey { .. }, b'"') => {
                self.key.clear();
                self.decoder = Decoder::default();
                self.state = State::Key;
            }
            (State::Colon, b':') => self.state = State::Value { or_end: false },
            (State::AfterValue, b',') => self.comma(at, sink),
            (State::AfterValue, b']' | b'}') => {
                let array = self.stack.last().is_some_and(|frame| frame.array);
                if array == (byte == b']') {
                    self.close(at, sink);
                } else {
                    self.give_up(at, sink);
                }
            }
            _ => self.give_up(at, sink),
        }
    }

    fn value(&mut self, byte: u8, at: usize, sink: &mut Sink<'_>) {
        match byte {
            b'{' if self.place.has_members() => self.open(false, at, sink),
            b'[' if self.place.has_elements() => self.open(true, at, sink),
            b'"' => self.text(at, sink),
            b'{' | b'[' => self.state = State::Skip(Skip::container()),
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => self.state = State::Literal,
            _ => self.give_up(at, sink),
        }
    }

    fn text(&mut self, at: usize, sink: &mut Sink<'_>) {
        self.decoder = Decoder::default();
        self.matched = 0;
        if self.place == ResponsePlace::Message {
            self.matcher.restart();
            self.state = State::Message;
        } else if let Some((from, to)) = self.place.renaming() {
            sink.hold(at + 1);
            self.state = State::Exact(from, to);
        } else {
            self.state = State::Skip(Skip::text());
        }
    }

    fn open(&mut self, array: bool, at: usize, sink: &mut Sink<'_>) {
        self.stack.push(Frame {
            place: self.place,
            array,
            kept: false,
        });
        if array {
            self.place = self.place.child(None);
            self.state = State::Value { or_end: true };
        } else {
            self.state = State::BeforeKey { or_end: true };
            if self.place == ResponsePlace::Spec {
                self.hold_indent(at + 1, sink);
            }
        }
    }

    fn hold_indent(&mut self, at: usize, sink: &mut Sink<'_>) {
        self.indent = 0;
        sink.hold(at);
    }

    fn comma(&mut self, at: usize, sink: &mut Sink<'_>) {
        let Some(&frame) = self.stack.last() else {
            return self.give_up(at, sink);
        };
        if frame.array {
            self.place = frame.place.child(None);
            self.state = State::Value { or_end: false };
            return;
        }
        self.state = State::BeforeKey { or_end: false };
        if frame.place == ResponsePlace::Spec && frame.kept {
            self.hold_indent(at, sink);
        } else if frame.place == ResponsePlace::Spec {
            sink.begin_drop(at);
            sink.end_drop(at + 1);
            self.hold_indent(at + 1, sink);
        }
    }

    fn close(&mut self, at: usize, sink: &mut Sink<'_>) {
        self.stack.pop();
        self.value_ended(at + 1, sink);
    }

    /// A value ended before `at`.
    fn value_ended(&mut self, at: usize, sink: &mut Sink<'_>) {
        sink.end_drop(at);
        self.state = State::AfterValue;
        if self.stack.is_empty() {
            self.place = ResponsePlace::Root;
            self.state = State::Value { or_end: false };
        }
    }

    fn give_up(&mut self, at: usize, sink: &mut Sink<'_>) {
        sink.release();
        sink.end_drop(at);
        self.state = State::Opaque;
    }

    fn skip(&mut self, mut skip: Skip, rest: &[u8], at: usize, sink: &mut Sink<'_>) -> usize {
        let Some(length) = skip.advance(rest) else {
            self.state = State::Skip(skip);
            return at + rest.len();
        };
        self.value_ended(at + length, sink);
        at + length
    }

    fn literal(&mut self, rest: &[u8], at: usize, sink: &mut Sink<'_>) -> usize {
        let goes_on =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let Some(length) = rest.iter().position(|byte| !goes_on(byte)) else {
            return at + rest.len();
        };
        self.value_ended(at + length, sink);
        // The byte that ends the literal is not read yet.
        at + length
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
