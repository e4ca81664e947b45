//! The aggregated API: `aggregation.coder.com/v1alpha1` for old clients, in front of the CRDs.

pub mod authn;
pub mod authz;
pub mod certificate;
pub mod identity;
mod memory;
mod names;
mod review;
pub mod rewrite;
pub mod tls;
