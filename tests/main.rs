//! The integration tests: one binary, a module per theme.
//!
//! They run against a real kube-apiserver, a real coderd and a real PostgreSQL (`hack/testbed`).
//! Tests share one bed and keep apart by namespace and name; what breaks a server has its own.

mod coderd;
mod e2e;
