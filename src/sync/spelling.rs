//! How coderd spells the names that an object's name is made of.

use crate::api::condition::Reason;

/// How a part of an object's name stands in coderd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// coderd calls it so.
    Canonical,
    /// It is an alias of this name.
    Alias(String),
    /// coderd shows nothing of that name.
    NotFound,
}

impl Spelling {
    /// How `given` stands to the name that coderd answered with.
    pub fn of(given: &str, canonical: &str) -> Self {
        if given.eq_ignore_ascii_case(canonical) {
            Self::Canonical
        } else {
            Self::Alias(canonical.to_lowercase())
        }
    }

    /// The name that coderd uses for `given`, as far as that is known.
    pub fn correct(&self, given: &str) -> String {
        match self {
            Self::Alias(right) => right.clone(),
            Self::Canonical | Self::NotFound => given.to_owned(),
        }
    }
}

/// How coderd spells an object's name.
#[derive(Clone, Debug)]
pub struct Spelled {
    /// The parts that coderd was asked for.
    pub parts: Vec<Part>,
    /// The name that the object should have.
    pub canonical: String,
}

/// A part of an object's name.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it names.
    pub noun: &'static str,
    /// As the object's name has it.
    pub given: String,
    /// As coderd has it.
    pub spelling: Spelling,
    /// What to say where coderd shows nothing of that name.
    pub missing: Reason,
}
