//! Skips a JSON value as fast as bytes can be looked at.

mod block;

use memchr::memchr2;

use block::Block;

/// Where in a value that is skipped the input stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Skip {
    /// How many brackets are open, of either kind.
    depth: usize,
    in_text: bool,
    /// A backslash was just read.
    escaped: bool,
}

/// How many bytes of a string are looked at one by one before a search is worth its start.
const SHORT_TEXT: usize = 16;

impl Skip {
    /// After the first bracket of a container.
    pub(super) fn container() -> Self {
        Self {
            depth: 1,
            in_text: false,
            escaped: false,
        }
    }

    /// After the first quote of a string.
    pub(super) fn text() -> Self {
        Self {
            depth: 0,
            in_text: true,
            escaped: false,
        }
    }

    /// Reads on; returns how long the rest of the value is, if it ends in `input`.
    ///
    /// What is skipped is not checked: brackets of both kinds are alike, and a backslash escapes the
    /// quote after it wherever it stands.
    pub(super) fn advance(&mut self, input: &[u8]) -> Option<usize> {
        let rest = if self.depth == 0 {
            self.text_end(input)?
        } else {
            let (blocks, tail) = input.as_chunks();
            let mut read = 0;
            for block in blocks {
                if let Some(length) = self.block(block) {
                    return Some(read + length);
                }
                read += block::LENGTH;
            }
            self.bytes(tail)?
        };
        Some(input.len() - rest.len())
    }

    /// What follows the string that is the value.
    fn text_end<'a>(&mut self, mut rest: &'a [u8]) -> Option<&'a [u8]> {
        loop {
            if self.escaped {
                rest = rest.split_first()?.1;
                self.escaped = false;
            }
            let (byte, after) = find_in_text(rest)?;
            rest = after;
            if byte == b'"' {
                return Some(rest);
            }
            self.escaped = true;
        }
    }

    /// Where in `bytes` the container ends.
    fn block(&mut self, bytes: &[u8; block::LENGTH]) -> Option<usize> {
        let block = Block::new(bytes);
        let (opens, mut closes) = block.brackets(&mut self.escaped, &mut self.in_text);
        if (closes.count_ones() as usize) < self.depth {
            self.depth += opens.count_ones() as usize;
            self.depth -= closes.count_ones() as usize;
            return None;
        }
        let mut closed = 0;
        while closes != 0 {
            let at = closes.trailing_zeros();
            closed += 1;
            let before = opens & ((1 << at) - 1);
            if self.depth + before.count_ones() as usize == closed {
                return Some(at as usize + 1);
            }
            closes &= closes - 1;
        }
        self.depth += opens.count_ones() as usize;
        self.depth -= closed;
        None
    }

    /// What follows the container.
    fn bytes<'a>(&mut self, rest: &'a [u8]) -> Option<&'a [u8]> {
        let mut bytes = rest.iter();
        loop {
            match bytes.next()? {
                b'"' if !self.escaped => self.in_text = !self.in_text,
                b'\\' if !self.escaped => {
                    self.escaped = true;
                    continue;
                }
                b'{' | b'[' if !self.in_text => self.depth += 1,
                b'}' | b']' if !self.in_text => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        self.escaped = false;
                        return Some(bytes.as_slice());
                    }
                }
                _ => {}
            }
            self.escaped = false;
        }
    }
}

/// The first quote or backslash, and what follows it.
fn find_in_text(rest: &[u8]) -> Option<(u8, &[u8])> {
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\');
    let at = match rest.iter().take(SHORT_TEXT).position(is_special) {
        Some(at) => at,
        None => SHORT_TEXT + memchr2(b'"', b'\\', rest.get(SHORT_TEXT..)?)?,
    };
    let (_, found) = rest.split_at_checked(at)?;
    let (byte, after) = found.split_first()?;
    Some((*byte, after))
}
