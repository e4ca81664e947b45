//! Who asks: the user that kube-apiserver tells by headers. Nobody else is answered.
//!
//! Guarantees: headers are believed only from whom kube-apiserver's own CA has signed; what cannot be
//! found out is no user.

mod authorities;
mod front_proxy;
mod peer;
pub mod trust;

use std::{fmt, sync::Arc};

use http::HeaderMap;
use tokio::sync::watch::Receiver;

use self::trust::Trust;
pub use self::{authorities::BundleError, peer::Peer};
use crate::k8s::{clock::Clock, identity::Identity};

/// Why nobody is known to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not kube-apiserver, or it tells no user: 401, with this text.
    #[error("Unauthorized")]
    Unauthorized,
    /// It is not known yet whose certificates are good: 503.
    #[error("it is not known yet how to tell kube-apiserver from others")]
    NoTrust,
}

/// Tells who asks.
pub struct Authenticator {
    trust: Receiver<Option<Arc<Trust>>>,
    clock: Clock,
}

impl Authenticator {
    /// Believes whom the last value of `trust` names at the time that `clock` tells.
    #[must_use]
    pub fn new(trust: Receiver<Option<Arc<Trust>>>, clock: Clock) -> Self {
        Self { trust, clock }
    }

    /// Whether `peer` is kube-apiserver, as far as is known now.
    pub fn knows(&self, peer: &Peer) -> bool {
        let trust = self.trust();
        trust.is_some_and(|trust| peer.is_proxy(&trust, self.clock.now()))
    }

    /// Who sent a request with `headers` over the connection with `peer`.
    pub fn authenticate(&self, peer: &Peer, headers: &HeaderMap) -> Result<Identity, Refusal> {
        let Some(trust) = self.trust() else {
            return Err(if peer.has_certificates() {
                Refusal::NoTrust
            } else {
                Refusal::Unauthorized
            });
        };
        if !peer.is_proxy(&trust, self.clock.now()) {
            return Err(Refusal::Unauthorized);
        }
        let told = front_proxy::identity(&trust.headers, headers).unwrap_or_default();
        told.filter(|told| !told.is_anonymous())
            .map(Identity::authenticated)
            .ok_or(Refusal::Unauthorized)
    }

    fn trust(&self) -> Option<Arc<Trust>> {
        self.trust.borrow().clone()
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Authenticator")
    }
}

#[cfg(test)]
mod tests;
