//! The names of both groups in text for people.
//!
//! A token counts only if the character before it is no ASCII letter, digit, `.`, `-` or `/`, and
//! the one after it no ASCII letter, digit or `-`: names of webhooks, longer hosts and URLs stay.

use std::borrow::Cow;

use crate::apiserver::names::{GROUP, GROUP_VERSION, STORED_GROUP, STORED_GROUP_VERSION};

/// A name in one group and in the other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// What is looked for.
    from: &'static [u8],
    /// What takes its place.
    pub(super) to: &'static str,
    /// Counts only after [`BEFORE_GROUP`]; the quote that ends `from` is looked at and stays.
    pub(super) quoted: bool,
}

const fn token(from: &'static str, to: &'static str) -> Token {
    Token {
        from: from.as_bytes(),
        to,
        quoted: false,
    }
}

const fn quoted(from: &'static str, to: &'static str) -> Token {
    Token {
        from: from.as_bytes(),
        to,
        quoted: true,
    }
}

/// No token is the beginning of another one.
static TO_AGGREGATED: [Token; 6] = [
    token(
        "coderworkspaces.coder.com",
        "coderworkspaces.aggregation.coder.com",
    ),
    token(
        "codertemplates.coder.com",
        "codertemplates.aggregation.coder.com",
    ),
    token(
        "CoderWorkspace.coder.com",
        "CoderWorkspace.aggregation.coder.com",
    ),
    token(
        "CoderTemplate.coder.com",
        "CoderTemplate.aggregation.coder.com",
    ),
    token(STORED_GROUP_VERSION, GROUP_VERSION),
    quoted("coder.com\"", GROUP),
];

static TO_STORED: [Token; 6] = [
    token(
        "coderworkspaces.aggregation.coder.com",
        "coderworkspaces.coder.com",
    ),
    token(
        "codertemplates.aggregation.coder.com",
        "codertemplates.coder.com",
    ),
    token(
        "CoderWorkspace.aggregation.coder.com",
        "CoderWorkspace.coder.com",
    ),
    token(
        "CoderTemplate.aggregation.coder.com",
        "CoderTemplate.coder.com",
    ),
    token(GROUP_VERSION, STORED_GROUP_VERSION),
    quoted("aggregation.coder.com\"", STORED_GROUP),
];

/// What stands before a bare group in the texts of authorization.
const BEFORE_GROUP: &[u8] = b"API group \"";

/// What became of the token that had begun.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// None had begun, or it is still open.
    Open,
    /// It was none.
    None,
    /// It is one, and ends before the unit that told so (a quoted one: a unit earlier).
    Token(&'static Token),
}

/// Finds tokens in text that comes byte by byte, in constant memory.
#[derive(Debug)]
pub(super) struct Matcher {
    foreign: bool,
    /// What was read of a token that may be one; never longer than the longest token.
    begun: Vec<u8>,
    /// Whether [`BEFORE_GROUP`] stands before `begun`.
    after_prefix: bool,
    previous: u8,
    /// How much of [`BEFORE_GROUP`] was just read.
    prefix: usize,
}

impl Matcher {
    /// Looks for tokens of the stored group and, if `foreign`, for those of the aggregated one.
    pub(super) fn new(foreign: bool) -> Self {
        Self {
            foreign,
            begun: Vec::new(),
            after_prefix: false,
            previous: b' ',
            prefix: 0,
        }
    }

    /// Forgets all that was read.
    pub(super) fn restart(&mut self) {
        self.begun.clear();
        self.previous = b' ';
        self.prefix = 0;
    }

    /// Whether the last byte that was fed may belong to a token.
    pub(super) fn has_begun(&self) -> bool {
        !self.begun.is_empty()
    }

    /// Reads one more byte of decoded text.
    pub(super) fn feed(&mut self, byte: u8) -> Outcome {
        let had_begun = self.has_begun();
        if had_begun && self.extend(byte) {
            self.advance(byte);
            return Outcome::Open;
        }
        let outcome = if had_begun {
            self.settle(byte)
        } else {
            Outcome::Open
        };
        if may_precede(self.previous) {
            self.after_prefix = self.prefix == BEFORE_GROUP.len();
            self.extend(byte);
        }
        self.advance(byte);
        outcome
    }

    /// The text ends.
    pub(super) fn end(&mut self) -> Outcome {
        if self.has_begun() {
            self.settle(b' ')
        } else {
            Outcome::Open
        }
    }

    /// Adds `byte` to what has begun, unless no token goes on like this.
    fn extend(&mut self, byte: u8) -> bool {
        self.begun.push(byte);
        let possible = self
            .tokens()
            .any(|token| token.from.starts_with(&self.begun));
        if !possible {
            self.begun.pop();
        }
        possible
    }

    fn settle(&mut self, next: u8) -> Outcome {
        let found = self
            .tokens()
            .find(|token| token.from == self.begun && may_follow(next));
        self.begun.clear();
        found.map_or(Outcome::None, Outcome::Token)
    }

    fn tokens(&self) -> impl Iterator<Item = &'static Token> {
        let stored = if self.foreign { &TO_STORED[..] } else { &[] };
        let after_prefix = self.after_prefix;
        TO_AGGREGATED
            .iter()
            .chain(stored)
            .filter(move |token| after_prefix || !token.quoted)
    }

    fn advance(&mut self, byte: u8) {
        let begins = BEFORE_GROUP.first() == Some(&byte) && may_precede(self.previous);
        let goes_on = self.prefix > 0 && BEFORE_GROUP.get(self.prefix) == Some(&byte);
        self.prefix = if goes_on {
            self.prefix + 1
        } else {
            usize::from(begins)
        };
        self.previous = byte;
    }
}

fn may_precede(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric() && !b".-/".contains(&byte)
}

fn may_follow(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric() && byte != b'-'
}

/// `text` with each token of the stored group replaced by that of the aggregated one; if `foreign`,
/// also the other way round, so that renaming twice gives `text` again.
///
/// For text that is not JSON, such as what a `Warning` header quotes.
#[must_use]
pub fn rename_text(text: &str, foreign: bool) -> Cow<'_, str> {
    let mut matcher = Matcher::new(foreign);
    let mut renamed = String::new();
    let mut copied = 0;
    let mut start = 0;
    let bytes = text.bytes().map(Some).chain([None]).enumerate();
    for (at, byte) in bytes {
        let outcome = match byte {
            Some(byte) => matcher.feed(byte),
            None => matcher.end(),
        };
        if let Outcome::Token(token) = outcome {
            renamed.push_str(text.get(copied..start).unwrap_or_default());
            renamed.push_str(token.to);
            copied = at - usize::from(token.quoted);
        }
        if matcher.begun.len() == 1 {
            start = at;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    renamed.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(renamed)
}
