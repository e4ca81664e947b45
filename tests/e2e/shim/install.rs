//! Installing, taking over and removing, as `docs/how-to/` says: its commands are run as they are
//! written, in clusters of their own.

mod cluster;
mod everything;
pub mod guide;
mod overlay;
mod takeover;
mod told;
