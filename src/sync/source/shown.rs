//! Names and sizes as people read them.

use std::fmt;

/// A path from an untrusted archive, for a status or an Event: short, on one line, and without
/// characters that could pass for something else.
pub(super) struct Name<'a>(pub &'a str);

impl Name<'_> {
    const MAX_CHARACTERS: usize = 120;
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("\"\"");
        }
        for (index, character) in self.0.chars().enumerate() {
            if index == Self::MAX_CHARACTERS {
                return f.write_str("…");
            }
            // Quotes stay as they are; control, format and other invisible characters do not.
            match character {
                '"' | '\'' | '\\' => write!(f, "{character}")?,
                other => write!(f, "{}", other.escape_debug())?,
            }
        }
        Ok(())
    }
}

/// A number of bytes, rounded up, so that what is over a limit never reads like the limit.
pub(super) struct Size(pub usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: usize = 1 << 20;
        if self.0 < MIB {
            return write!(f, "{} KiB", self.0.div_ceil(1 << 10));
        }
        let tenths = (self.0 / MIB)
            .saturating_mul(10)
            .saturating_add((self.0 % MIB * 10).div_ceil(MIB));
        match tenths % 10 {
            0 => write!(f, "{} MiB", tenths / 10),
            rest => write!(f, "{}.{rest} MiB", tenths / 10),
        }
    }
}

/// A text that anybody may have written, fit to be shown: short, on one line, in quotes.
#[must_use]
pub fn shown(text: &str) -> String {
    format!("\"{}\"", Name(text))
}
