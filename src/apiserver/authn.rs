//! Who asks: a user that kube-apiserver tells by headers, the owner of a certificate or of a token,
//! or nobody known.
//!
//! Guarantees: headers are believed only from whom kube-apiserver's own CA has signed; a bad
//! credential never makes an anonymous user; what cannot be found out is no user either.

mod authorities;
mod client_certificate;
mod front_proxy;
mod peer;
#[cfg(test)]
mod pki;
mod token;
pub mod trust;

use std::{fmt, sync::Arc};

use http::{HeaderMap, HeaderName, header};
use tokio::sync::watch::Receiver;

use self::trust::Trust;
pub use self::{authorities::BundleError, peer::Peer, token::Tokens};
use super::{identity::Identity, review::ReviewError};
use crate::k8s::clock::Clock;

/// Why nobody is known to ask.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The credentials are not good: 401, with this text.
    #[error("Unauthorized")]
    Unauthorized,
    /// It cannot be said now whether a token is good: 503, and no verdict on the user.
    #[error("cannot tell whose token this is")]
    Review(#[source] ReviewError),
    /// It is not known yet whose certificates are good: 503.
    #[error("no certificate authority of clients is known yet")]
    NoTrust,
}

/// Tells who asks.
pub struct Authenticator {
    trust: Receiver<Option<Arc<Trust>>>,
    tokens: Tokens,
    clock: Clock,
}

impl Authenticator {
    /// Believes whom the last value of `trust` names at the time that `clock` tells.
    #[must_use]
    pub fn new(trust: Receiver<Option<Arc<Trust>>>, tokens: Tokens, clock: Clock) -> Self {
        Self {
            trust,
            tokens,
            clock,
        }
    }

    /// Whom to trust at this moment; none before it was read for the first time.
    #[must_use]
    pub fn trust(&self) -> Option<Arc<Trust>> {
        self.trust.borrow().clone()
    }

    /// Who sent a request with `headers` over the connection with `peer`. The first credential that
    /// is good counts: a proxy's headers, a certificate, a token.
    pub async fn authenticate(
        &self,
        peer: &Peer,
        headers: &HeaderMap,
    ) -> Result<Identity, Refusal> {
        let trust = self.trust();
        if let Some(trust) = &trust {
            let proved = peer.proved(trust, self.clock.now());
            if proved.is_proxy {
                let told = front_proxy::identity(&trust.headers, headers);
                if let Some(told) = told.map_err(|front_proxy::Garbled| Refusal::Unauthorized)? {
                    return Ok(told.authenticated());
                }
            }
            if let Some(client) = proved.client {
                return Ok(Identity::clone(&client).authenticated());
            }
        }
        let token = token::bearer(headers).map_err(|token::Garbled| Refusal::Unauthorized)?;
        if let Some(token) = token {
            let owner = self.tokens.owner(token).await.map_err(Refusal::Review)?;
            return owner
                .map(Identity::authenticated)
                .ok_or(Refusal::Unauthorized);
        }
        match (peer.has_certificates(), trust) {
            (false, _) => Ok(Identity::anonymous()),
            (true, Some(_)) => Err(Refusal::Unauthorized),
            (true, None) => Err(Refusal::NoTrust),
        }
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Authenticator")
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}

/// Takes out of `headers` all that tells who asks, believed or not: nothing behind this point may see
/// it, least of all kube-apiserver on the way back.
pub fn strip(headers: &mut HeaderMap, trust: Option<&Trust>) {
    let tells_user = |name: &&HeaderName| {
        *name == header::AUTHORIZATION
            || name.as_str().starts_with("x-remote-")
            || name.as_str().starts_with("impersonate-")
            || trust.is_some_and(|trust| trust.headers.mention(name))
    };
    let names: Vec<_> = headers.keys().filter(tells_user).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests;
