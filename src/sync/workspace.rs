//! What to do next about one workspace.

pub mod builds;
pub mod creation;
pub mod deletion;
pub mod effect;
pub mod external;
pub mod fields;
pub mod kind;
pub mod mirror;
pub mod parameters;
pub mod next_start;
pub mod plan;
pub mod pin;
pub mod run_state;
pub mod schedule;
pub mod status;

#[cfg(test)]
mod tests;
