//! Who may do what: the cluster's own authorizer is asked, about the aggregated group.
//!
//! kube-apiserver has asked it already for what it forwards, but gives no promise of it.

mod attributes;
mod message;
mod selector;

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::authorization::v1::{SubjectAccessReviewSpec, SubjectAccessReviewStatus};
use kube::Client;
use sha2::{Digest, Sha256};

pub(crate) use self::{attributes::Attributes, message::forbidden_message, selector::exact_name};
use crate::k8s::{
    identity::{Identity, MASTERS},
    review::{
        Review, ReviewError, Reviewer,
        cache::{Cache, Key},
    },
};

/// How long a decision is good, whatever it is.
const LIFETIME: Duration = Duration::from_secs(10);
/// How many decisions are kept.
const CAPACITY: usize = 8192;

/// Whether a request may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It may.
    Allowed,
    /// It may not.
    Denied {
        /// What the cluster's authorizer says about it; mostly nothing.
        reason: Arc<str>,
    },
}

/// Decides by `SubjectAccessReview`, and remembers it for a moment.
pub(crate) struct Authorizer {
    reviewer: Reviewer,
    cache: Cache<Decision>,
}

impl Authorizer {
    /// Asks by `client`; jitter begins at `seed`.
    #[must_use]
    pub(crate) fn new(client: Client, seed: u64) -> Self {
        Self {
            reviewer: Reviewer::new(client, Review::SubjectAccess, seed),
            cache: Cache::new(LIFETIME, CAPACITY),
        }
    }

    /// Whether `identity` may do what `attributes` say. An error is no decision: 500, never allowed.
    pub(crate) async fn authorize(
        &self,
        identity: &Identity,
        attributes: &Attributes,
    ) -> Result<Decision, ReviewError> {
        if identity.groups.iter().any(|group| group == MASTERS) {
            return Ok(Decision::Allowed);
        }
        let spec = attributes.review(identity);
        let decision = async {
            let key = digest(&spec)?;
            self.cache.recall(key, self.review(&spec)).await
        };
        self.reviewer.in_time(decision).await
    }

    async fn review(&self, spec: &SubjectAccessReviewSpec) -> Result<Decision, ReviewError> {
        let status: SubjectAccessReviewStatus = self.reviewer.ask(spec).await?;
        Ok(if status.allowed && status.denied != Some(true) {
            Decision::Allowed
        } else {
            Decision::Denied {
                reason: status.reason.unwrap_or_default().into(),
            }
        })
    }
}

/// A digest of all that is asked: where it is the same, the question is the same.
fn digest(spec: &SubjectAccessReviewSpec) -> Result<Key, ReviewError> {
    let text = serde_json::to_vec(spec)
        .map_err(|error| ReviewError::Build(Review::SubjectAccess, error.into()))?;
    Ok(Sha256::digest(text).into())
}

#[cfg(test)]
mod tests;
