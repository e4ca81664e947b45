//! Which certificate the aggregated API serves, and where it comes from.
//!
//! Two sources, of which a process runs one: [`Files`](crate::k8s::serving::Files), kept by somebody else, or a
//! [`keeper::Keeper`], which makes certificates of an authority of its own and sees to it that
//! kube-apiserver trusts that authority. Both publish what they find and never take back a
//! certificate that works.
//!
//! ```text
//!   keeper: look at APIService and Secret → plan: one step → take it → look again
//! ```
//!
//! Each replica runs the same keeper. There is no leader: each write succeeds only on what was
//! looked at.

mod authority;
pub(in crate::apiserver) mod keeper;
mod plan;
mod secret;
mod trust;

use std::collections::BTreeSet;

pub use self::{secret::NAME as SECRET_NAME, trust::NAME as API_SERVICE_NAME};
pub use crate::k8s::serving::Served;

/// The Service in front of the replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceName {
    /// Its namespace, which is that of the Secret too.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ServiceName {
    /// The DNS names of a serving certificate. kube-apiserver asks for the one that ends in `.svc`;
    /// the others are for people and probes.
    #[must_use]
    pub fn dns_names(&self) -> BTreeSet<String> {
        let Self { namespace, name } = self;
        [
            name.clone(),
            format!("{name}.{namespace}"),
            format!("{name}.{namespace}.svc"),
            format!("{name}.{namespace}.svc.cluster.local"),
            "localhost".to_owned(),
        ]
        .into()
    }
}
