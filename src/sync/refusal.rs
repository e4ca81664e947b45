//! What coderd refused, and how it is known again.
//!
//! `status` is readable by many, and what was refused may be a secret: only a digest under a key is kept of it.

use std::fmt::{self, Write};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::api::status::Refusal;

#[cfg(test)]
pub(super) mod tests;

/// The block of SHA-256, which is the length of a key of HMAC.
const BLOCK: usize = 64;

/// The key of the digests in `status`. It comes from the session token, so that no value can be guessed
/// from its digest. Another token makes other digests: then what was refused is tried once more.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DigestKey([u8; 32]);

impl DigestKey {
    /// What the key is for, to derive it by: a key serves one purpose.
    pub const PURPOSE: &str = "coder-k8s: digests of refused values in status";

    /// The key that was derived for [`Self::PURPOSE`].
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The record that `value` was refused for `field`, saying `message`.
    #[must_use]
    pub fn refusal(&self, field: &str, value: Option<&Value>, message: &str) -> Refusal {
        Refusal {
            field: field.to_owned(),
            digest: self.digest(value),
            message: message.to_owned(),
            ineffective_with: None,
        }
    }

    /// A short digest of a canonical value: equal for equal values, whatever the order of members.
    #[must_use]
    pub fn digest(&self, value: Option<&Value>) -> String {
        let mut text = String::new();
        write_sorted(value.unwrap_or(&Value::Null), &mut text);
        let mut block = [0; BLOCK];
        for (place, byte) in block.iter_mut().zip(self.0) {
            *place = byte;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(text.as_bytes());
        let mut hex = String::new();
        for byte in mac.finalize().into_bytes().iter().take(16) {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("DigestKey").finish_non_exhaustive()
    }
}

/// What was refused before and is not to be sent again.
#[derive(Clone, Copy, Debug)]
pub struct Refusals<'a> {
    known: &'a [Refusal],
    key: &'a DigestKey,
    capabilities: &'a str,
}

impl<'a> Refusals<'a> {
    /// The records `known`, made with `key`, to a coderd that has `capabilities`.
    #[must_use]
    pub fn new(known: &'a [Refusal], key: &'a DigestKey, capabilities: &'a str) -> Self {
        Self {
            known,
            key,
            capabilities,
        }
    }

    /// The record that this very `value` was refused for `field`, or had no effect with what coderd is able
    /// to do now.
    #[must_use]
    pub fn of(self, field: &str, value: Option<&Value>) -> Option<&'a Refusal> {
        let mut known = self.known.iter();
        let holds = |it: &Refusal| {
            let then = it.ineffective_with.as_deref();
            then.is_none_or(|then| then == self.capabilities)
        };
        known.find(|known| {
            known.field == field && holds(known) && known.digest == self.key.digest(value)
        })
    }
}

/// Writes `value` as JSON with sorted members. `serde_json` sorts them too, but not with its feature
/// `preserve_order`, which any dependency may switch on; stored digests must survive that.
fn write_sorted(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_sorted(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (name, member) in members {
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write_sorted(member, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push_str(&value.to_string());
        }
    }
}
