//! The aggregated API: `aggregation.coder.com/v1alpha1` for old clients, in front of the CRDs.

mod names;
pub mod rewrite;
