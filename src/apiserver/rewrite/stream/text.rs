//! Strings that rules speak of: keys, names and messages.

use super::super::{token::Outcome, unit::Step};
use super::{LONGEST_KEY, ResponseFilter, ResponsePlace, Sink, Skip, State};

impl ResponseFilter {
    /// Reads a key from `rest`, which is the chunk from `at` on; returns where to go on.
    pub(super) fn key(&mut self, rest: &[u8], at: usize, sink: &mut Sink<'_>) -> usize {
        if self.key.is_empty()
            && self.decoder.is_between()
            && let Some(length) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))
            && let Some((key, [b'"', ..])) = rest.split_at_checked(length)
        {
            self.key_is(key, at + length, sink);
            return at + length + 1;
        }
        for (offset, byte) in rest.iter().enumerate() {
            match self.decoder.feed(*byte) {
                Step::Partial => {}
                Step::Unit(unit) => self.key_unit(unit, sink),
                Step::Closed => {
                    let key = std::mem::take(&mut self.key);
                    self.key_is(&key, at + offset, sink);
                    self.key = key;
                    return at + offset + 1;
                }
                Step::Broken => {
                    self.give_up(at + offset, sink);
                    return at + offset;
                }
            }
        }
        at + rest.len()
    }

    fn key_unit(&mut self, unit: u8, sink: &mut Sink<'_>) {
        if self.key.len() <= LONGEST_KEY {
            self.key.push(unit);
        }
        if sink.is_holding() && !b"files".starts_with(&self.key) {
            sink.release();
        }
    }

    fn key_is(&mut self, key: &[u8], at: usize, sink: &mut Sink<'_>) {
        let Some(frame) = self.stack.last_mut() else {
            return self.give_up(at, sink);
        };
        self.state = State::Colon;
        self.place = frame.place.child(Some(key));
        if self.place == ResponsePlace::Files {
            sink.begin_drop(at);
        } else {
            frame.kept = true;
            sink.release();
        }
        if self.place == ResponsePlace::Spec && !self.options.omit_files {
            self.place = ResponsePlace::Nowhere;
        }
    }

    /// Reads on in a string that is renamed if it equals `from`; returns where to go on.
    pub(super) fn exact(
        &mut self,
        rest: &[u8],
        at: usize,
        (from, to): (&str, &str),
        sink: &mut Sink<'_>,
    ) -> usize {
        let is_at_start = self.matched == 0 && self.decoder.is_between();
        if is_at_start && let Some([b'"', ..]) = rest.strip_prefix(from.as_bytes()) {
            let end = at + from.len() + 1;
            sink.settle(end, 1, Some(to));
            sink.release();
            self.value_ended(end, sink);
            return end;
        }
        if let Some(&byte) = rest.first() {
            self.exact_byte(byte, at, (from, to), sink);
        }
        at + 1
    }

    fn exact_byte(&mut self, byte: u8, at: usize, (from, to): (&str, &str), sink: &mut Sink<'_>) {
        match self.decoder.feed(byte) {
            Step::Partial => {}
            Step::Unit(unit) if from.as_bytes().get(self.matched) == Some(&unit) => {
                self.matched += 1;
            }
            Step::Unit(_) => {
                sink.release();
                self.state = State::Skip(Skip::text());
            }
            Step::Closed => {
                if self.matched == from.len() {
                    sink.settle(at + 1, 1, Some(to));
                }
                sink.release();
                self.value_ended(at + 1, sink);
            }
            Step::Broken => self.give_up(at, sink),
        }
    }

    /// One byte of a message.
    pub(super) fn message(&mut self, byte: u8, at: usize, sink: &mut Sink<'_>) {
        match self.decoder.feed(byte) {
            // Whether the character belongs to a token is known when it is complete.
            Step::Partial if sink.is_holding() => {}
            Step::Partial => sink.hold(at),
            Step::Unit(unit) => {
                let spelled = self.decoder.spelled();
                let outcome = self.matcher.feed(unit);
                self.settle(&outcome, spelled, at, sink);
                if !self.matcher.has_begun() {
                    sink.release();
                } else if !sink.is_holding() {
                    sink.hold(at);
                }
                self.previous_spelled = spelled;
            }
            Step::Closed => {
                let outcome = self.matcher.end();
                self.settle(&outcome, 1, at, sink);
                sink.release();
                self.value_ended(at + 1, sink);
            }
            Step::Broken => self.give_up(at, sink),
        }
    }

    /// Decides on the token that ended before the last `spelled` bytes.
    fn settle(&self, outcome: &Outcome, spelled: usize, at: usize, sink: &mut Sink<'_>) {
        match outcome {
            Outcome::Open => {}
            Outcome::None => sink.settle(at + 1, spelled, None),
            Outcome::Token(token) => {
                let quote = if token.quoted {
                    self.previous_spelled
                } else {
                    0
                };
                sink.settle(at + 1, quote + spelled, Some(token.to));
                sink.settle(at + 1, spelled, None);
            }
        }
    }
}
