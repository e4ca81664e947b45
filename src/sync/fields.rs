//! The fields that both sides hold, and the rule that keeps them equal.

pub mod ownership;
pub mod push;
pub mod rule;
pub mod table;
