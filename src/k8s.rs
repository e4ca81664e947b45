//! A thin layer over kube: how this project reads, applies, watches and reports, and nothing of what.

pub mod config;
pub mod error;
pub mod event;
pub mod finalizer;
pub mod object;
pub mod watch;
