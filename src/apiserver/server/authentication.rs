//! Who asks: the user that kube-apiserver tells by headers. Nobody else is answered.
//!
//! Guarantees: headers are believed only from whom kube-apiserver's own CA has signed; what cannot be
//! found out is no user.

mod authorities;
mod front_proxy;
mod peer;
pub(crate) mod trust;

use std::sync::Arc;

use http::HeaderMap;
use tokio::sync::watch::Receiver;

pub(crate) use self::peer::Peer;
use self::trust::Trust;
use super::fault::Fault;
use crate::k8s::{clock::Clock, identity::Identity};

const NO_TRUST: &str =
    "it is not known yet how to tell kube-apiserver from others, please try again";

/// Tells who asks.
pub(crate) struct Authenticator {
    trust: Receiver<Option<Arc<Trust>>>,
    clock: Clock,
}

impl Authenticator {
    /// Believes whom the last value of `trust` names at the time that `clock` tells.
    #[must_use]
    pub(crate) fn new(trust: Receiver<Option<Arc<Trust>>>, clock: Clock) -> Self {
        Self { trust, clock }
    }

    /// Whether `peer` is kube-apiserver, as far as is known now.
    pub(crate) fn knows(&self, peer: &Peer) -> bool {
        let trust = self.trust();
        trust.is_some_and(|trust| peer.is_proxy(&trust, self.clock.now()))
    }

    /// Who sent a request with `headers` over the connection with `peer`.
    pub(in crate::apiserver) fn authenticate(
        &self,
        peer: &Peer,
        headers: &HeaderMap,
    ) -> Result<Identity, Fault> {
        let Some(trust) = self.trust() else {
            return Err(if peer.has_certificates() {
                Fault::Unavailable(NO_TRUST.to_owned())
            } else {
                Fault::Unauthorized
            });
        };
        if !peer.is_proxy(&trust, self.clock.now()) {
            return Err(Fault::Unauthorized);
        }
        let told = front_proxy::identity(&trust.headers, headers).unwrap_or_default();
        told.filter(|told| !told.is_anonymous())
            .map(Identity::authenticated)
            .ok_or(Fault::Unauthorized)
    }

    fn trust(&self) -> Option<Arc<Trust>> {
        self.trust.borrow().clone()
    }
}

#[cfg(test)]
mod tests;
