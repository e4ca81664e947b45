//! Bearer tokens, which only kube-apiserver can read.

use std::{fmt, time::Duration};

use http::{HeaderMap, header};
use k8s_openapi::api::authentication::v1::{TokenReviewSpec, TokenReviewStatus};
use kube::Client;
use sha2::{Digest, Sha256};

use super::{
    Review, ReviewError, Reviewer,
    cache::{Cache, Key},
};
use crate::k8s::identity::Identity;

/// How long an answer is good, whether the token was valid or not.
const LIFETIME: Duration = Duration::from_secs(10);
/// How many answers are kept.
const CAPACITY: usize = 4096;

/// Asks whose a token is, and remembers it for a moment. Keeps no token: an answer is remembered
/// under a keyed digest.
pub struct Tokens {
    reviewer: Reviewer,
    /// None: kube-apiserver does not know the token.
    cache: Cache<Option<Identity>>,
    key: [u8; 32],
    /// What a token has to be meant for; none is kube-apiserver itself.
    audience: Option<String>,
}

/// The Authorization header is no text.
#[derive(Debug, thiserror::Error)]
#[error("the Authorization header is no text")]
pub struct Garbled;

impl Tokens {
    /// Asks by `client`. `key` is random, chosen anew by each process; jitter begins at `seed`.
    #[must_use]
    pub fn new(client: Client, key: [u8; 32], seed: u64) -> Self {
        Self {
            reviewer: Reviewer::new(client, Review::Token, seed),
            cache: Cache::new(LIFETIME, CAPACITY),
            key,
            audience: None,
        }
    }

    /// Takes only tokens that are meant for `audience`.
    #[must_use]
    pub fn for_audience(self, audience: Option<String>) -> Self {
        Self { audience, ..self }
    }

    /// Whose `token` is; none if it is not valid.
    pub async fn owner(&self, token: &str) -> Result<Option<Identity>, ReviewError> {
        let recalled = self.cache.recall(self.digest(token), self.review(token));
        self.reviewer.in_time(recalled).await
    }

    async fn review(&self, token: &str) -> Result<Option<Identity>, ReviewError> {
        let spec = TokenReviewSpec {
            audiences: self.audience.clone().map(|audience| vec![audience]),
            token: Some(token.to_owned()),
        };
        let status: TokenReviewStatus = self.reviewer.ask(&spec).await?;
        let is_valid = status.authenticated == Some(true) && self.is_meant(&status);
        let user = status.user.filter(|_| is_valid);
        Ok(user.and_then(Identity::told))
    }

    /// An authenticator that knows nothing of audiences says yes without naming one.
    fn is_meant(&self, status: &TokenReviewStatus) -> bool {
        let meant = status.audiences.iter().flatten();
        let is_ours = |audience: &String| meant.clone().any(|one| one == audience);
        self.audience.as_ref().is_none_or(is_ours)
    }

    fn digest(&self, token: &str) -> Key {
        let digest = Sha256::new_with_prefix(self.key).chain_update(token);
        digest.finalize().into()
    }
}

/// The bearer token in `headers`; none without one, and with another kind of authorization.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Garbled> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let value = std::str::from_utf8(value.as_bytes()).map_err(|_| Garbled)?;
    let mut parts = value.trim().splitn(3, ' ');
    let is_bearer = parts
        .next()
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"));
    Ok(parts.next().filter(|token| is_bearer && !token.is_empty()))
}

impl fmt::Debug for Tokens {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tokens").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
