//! What to do next about one workspace.

pub mod build_order;
pub mod builds;
pub mod creation;
pub mod deletion;
pub mod effect;
pub mod ephemeral;
pub mod external;
pub mod fields;
pub mod kind;
pub mod mirror;
pub mod next_start;
pub mod parameters;
pub mod pin;
pub mod plan;
pub mod run_state;
pub mod schedule;
pub mod status;
pub mod value;

#[cfg(test)]
mod tests;
