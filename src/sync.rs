//! The pure core: everything that decides.
//!
//! Functions here take what was seen of both sides, the facts that were recorded before, the policies
//! and the time, and say what to do next. They hold no client, start no task and read no clock, so
//! that each rule can be tried in bulk. Translation from coderd's wire types into the small structs
//! used here is the controller's business.

pub mod build;
pub mod build_wait;
pub mod chain;
pub mod conditions;
pub mod context;
pub mod events;
pub mod external;
pub mod fields;
pub mod kind;
pub mod payload;
pub mod refusal;
pub mod released;
pub mod rounding;
pub mod rules;
pub mod run;
pub mod source;
pub mod spelling;
pub mod standing;
pub mod status;
pub mod step;
pub mod template;
pub mod workspace;

#[cfg(test)]
pub(crate) mod testing;
