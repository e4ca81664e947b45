//! What to do next about one template.

pub mod creation;
pub mod declared;
pub mod deletion;
pub mod effect;
pub mod external;
pub mod fields;
pub mod files;
pub mod kind;
pub mod pin;
pub mod plan;
pub mod status;
pub mod variables;
pub mod version;
pub mod week;

#[cfg(test)]
mod tests;
