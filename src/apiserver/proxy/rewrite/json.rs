//! Looks into JSON that is in memory, no deeper than has to be known, and changes its bytes.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Deserializer, value::RawValue};

/// Tells `visit` of each member of the object that `json` is, or of each element of the array, which
/// has no key; says whether it is one of them, and valid to its end.
///
/// What is told of is a part of `json`. Its depth and the number of its members cost no memory.
pub(super) fn children<'a>(json: &'a str, visit: impl FnMut(Option<&str>, &'a str)) -> bool {
    let mut reader = Deserializer::from_str(json);
    reader.deserialize_any(Children(visit)).is_ok() && reader.end().is_ok()
}

/// What the string that `json` is says.
pub(super) fn text(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

struct Children<F>(F);

impl<'a, F: FnMut(Option<&str>, &'a str)> Visitor<'a> for Children<F> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some((key, value)) = members.next_entry::<&RawValue, &RawValue>()? {
            // Half of a surrogate pair is a key to Go, and no text: no name that is looked for.
            let key = text(key.get()).unwrap_or_default();
            (self.0)(Some(&key), value.get());
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element::<&RawValue>()? {
            (self.0)(None, element.get());
        }
        Ok(())
    }
}

/// A text of which parts are replaced, in their order.
#[derive(Debug)]
pub(super) struct Edited<'a> {
    text: &'a str,
    out: String,
    copied: usize,
}

impl<'a> Edited<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            out: String::new(),
            copied: 0,
        }
    }

    /// Puts `new` in the place of `part`, which has to be a part of the text.
    pub(super) fn replace(&mut self, part: &str, new: &str) {
        let start = part.as_ptr().addr() - self.text.as_ptr().addr();
        let between = self.text.get(self.copied..start).unwrap_or_default();
        self.out.extend([between, new]);
        self.copied = start + part.len();
    }

    /// The edited text; none where nothing was replaced.
    pub(super) fn finish(mut self) -> Option<String> {
        if self.out.is_empty() {
            return None;
        }
        self.out += self.text.get(self.copied..).unwrap_or_default();
        Some(self.out)
    }
}
