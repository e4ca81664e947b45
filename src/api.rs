//! The objects of group `coder.com/v1alpha1` and the words they are made of.
//!
//! This module knows nothing of clients, clocks or coderd: it is data, shared by every other part.

pub mod condition;
pub mod control_plane;
pub mod crd;
pub mod go_duration;
pub mod names;
pub mod object_name;
pub mod status;
pub mod template;
pub mod text;
pub mod workspace;

/// The group of all kinds.
pub const GROUP: &str = "coder.com";
/// The version of all kinds.
pub const VERSION: &str = "v1alpha1";
