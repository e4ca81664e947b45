//! Skips a JSON value that no rule speaks of.

use memchr::memchr2;

/// Where in a value that is skipped the input stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Skip {
    /// How many brackets are open, of either kind.
    depth: usize,
    in_text: bool,
    /// In a string, a backslash was just read.
    escaped: bool,
}

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
    /// What is skipped is not checked: brackets of both kinds are alike.
    pub(super) fn advance(&mut self, input: &[u8]) -> Option<usize> {
        let mut rest = input;
        loop {
            if self.in_text {
                rest = self.text_end(rest)?;
                self.in_text = false;
            }
            while self.depth > 0 && !self.in_text {
                let (byte, after) = rest.split_first()?;
                rest = after;
                match byte {
                    b'"' => self.in_text = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => self.depth -= 1,
                    _ => {}
                }
            }
            if self.depth == 0 {
                return Some(input.len() - rest.len());
            }
        }
    }

    /// What follows the quote that ends the string.
    fn text_end<'a>(&mut self, mut rest: &'a [u8]) -> Option<&'a [u8]> {
        loop {
            if self.escaped {
                rest = rest.split_first()?.1;
                self.escaped = false;
            }
            let (_, found) = rest.split_at_checked(memchr2(b'"', b'\\', rest)?)?;
            let (byte, after) = found.split_first()?;
            rest = after;
            if *byte == b'"' {
                return Some(rest);
            }
            self.escaped = true;
        }
    }
}
