//! A thin layer over kube: how this project reads, applies, watches and reports, and nothing of what.
//!
//! Guarantees: no call but a watch lasts longer than [`deadline::CALL`]; nothing is sent twice by
//! itself; nothing reads a clock or the system's randomness; every failed call says which action on
//! which object it was ([`error::Error`]) and answers what that means by method.

mod call;
pub mod clock;
pub mod config;
pub mod crd;
pub mod deadline;
pub mod error;
pub mod event;
#[cfg(test)]
pub(crate) mod fake;
pub mod finalizer;
pub mod identity;
pub mod lease;
pub mod object;
pub mod review;
pub mod serving;
pub mod watch;
pub mod yaml;
