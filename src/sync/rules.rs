//! What both kinds have in common: the checks that their chains call.

pub mod adoption;
pub mod bound;
pub mod build_limit;
pub mod claim;
pub mod damper;
pub mod deletion;
pub mod guard;
pub mod mass_deletion;
