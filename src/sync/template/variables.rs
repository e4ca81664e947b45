//! The declared values of a template's Terraform variables. Any may be a secret, so that nothing shows them.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The block of SHA-256, which is the length of a key of HMAC.
const BLOCK: usize = 64;

/// The key of the digests of values, so that none can be guessed from the name of a version.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct VariablesKey([u8; 32]);

impl VariablesKey {
    /// A random key.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }
}

impl fmt::Debug for VariablesKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("VariablesKey")
            .finish_non_exhaustive()
    }
}

/// A declared value. `Debug` does not show it.
#[derive(Clone)]
pub struct VariableValue {
    /// The text.
    pub text: String,
    /// Whether it comes from a Secret, so that whatever others say is shown without it.
    pub is_secret: bool,
}

impl fmt::Debug for VariableValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VariableValue")
            .finish_non_exhaustive()
    }
}

/// The declared values by the names of their variables.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    values: BTreeMap<String, VariableValue>,
    key: VariablesKey,
}

impl Variables {
    /// `values`, digested under `key`.
    #[must_use]
    pub fn new(values: BTreeMap<String, VariableValue>, key: VariablesKey) -> Self {
        Self { values, key }
    }

    /// Whether none is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether `name` is declared.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Names and values, for coderd alone.
    pub fn exposed(&self) -> impl Iterator<Item = (&str, &str)> {
        let values = self.values.iter();
        values.map(|(name, value)| (name.as_str(), value.text.as_str()))
    }

    /// The values that come from Secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let secrets = self.values.values().filter(|value| value.is_secret);
        secrets.map(|value| value.text.as_str())
    }

    /// What becomes of the hash of everything else that a version is built from: itself where none is declared,
    /// else, in hex, an HMAC of it and of the values.
    #[must_use]
    pub fn joined_to(&self, hash: String) -> String {
        if self.is_empty() {
            return hash;
        }
        let mut block = [0; BLOCK];
        for (place, byte) in block.iter_mut().zip(self.key.0) {
            *place = byte;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
        // Each part goes in with its length, so that no two inputs run together.
        let mut part = |text: &str| {
            mac.update(&(text.len() as u64).to_be_bytes());
            mac.update(text.as_bytes());
        };
        part(&hash);
        for (name, value) in self.exposed() {
            part(name);
            part(value);
        }
        let mut hex = String::new();
        for byte in mac.finalize().into_bytes() {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}
