//! Renames the group of our objects in what passes through, and changes no other byte.
//!
//! Objects are stored under one group and served under another. Nothing here
//! parses JSON and writes it anew: number spelling, order, duplicate members and white space
//! stay, so that kube-apiserver and the client see each other's bytes; only a text in which a name is
//! replaced is spelled anew, as Go does. YAML becomes JSON before, and what is asked for in YAML is
//! written in it afterwards.
//!
//! Rules for answers, with P being the root, `.items[*]`, `.rows[*].object`, `.object` (a watch
//! frame) or `.object.rows[*].object`:
//!
//! - `P.apiVersion` and `P.metadata.managedFields[*].apiVersion`: the stored version becomes the
//!   aggregated one, others stay;
//! - of a `Status`, at the root or at `.object`: `.details.group`, and the names of the stored
//!   group in `.message` and `.details.causes[*].message`;
//! - on demand, `P.spec.files` is left out.
//!
//! No rule looks at `kind`: our kinds have no member named `items`, `rows`, `object`, `details` or
//! `message` at these positions, and no other kind of answer means something else by them.
//!
//! Rules for requests: `.apiVersion` is swapped, so that an object of the wrong group is refused by
//! kube-apiserver in its own words ([`Options::foreign`] swaps them back), and
//! `.metadata.managedFields[*].apiVersion` is turned into the stored version.
//!
//! Names are compared after decoding, so an escaped spelling is the same name. Every duplicate of
//! a member is treated alike. `ownerReferences`, annotations, labels, and the rest of `spec` and
//! `status` are never touched.

mod files;
mod json;
mod position;
mod request;
mod skip;
mod stream;
mod text;
mod yaml;

pub use files::{files_of, has_files, insert_files};
pub use request::{Rewritten, json_patch, object};
pub use stream::ResponseFilter;
pub use text::rename_text;
pub use yaml::write as to_yaml;

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Leave out `spec.files`.
    pub omit_files: bool,
    /// The request named the stored version where the aggregated one belongs, and was swapped
    /// ([`Rewritten::foreign`]): in messages, names of the aggregated group are swapped back.
    pub foreign: bool,
    /// Write it in YAML in the end.
    pub yaml: bool,
}

#[cfg(test)]
mod tests;
