//! From flags to running parts: what a process of this program consists of.

pub mod args;
pub mod config;
pub mod duration;
pub mod health;
pub mod listen;
pub mod metrics;
pub mod shutdown;
pub mod supervise;
pub mod telemetry;
pub mod token;
