//! The integration tests: one binary, a module per theme.
//!
//! They run against a real kube-apiserver, a real coderd and a real PostgreSQL (`hack/testbed`).
//! Tests share one bed and keep apart by namespace and name; what breaks a server has its own.

#![allow(
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that cannot go on panics; clippy knows test functions, but not what they call"
)]

#[cfg(test)]
mod bench;
mod coderd;
#[cfg(test)]
mod crds;
#[cfg(test)]
mod docs;
mod e2e;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod manifests;

/// The repository: cargo runs tests in the folder of their package. Asked at run time, since a test may
/// be run where the checkout that it was built from is not.
fn root() -> std::path::PathBuf {
    std::env::current_dir().unwrap()
}
