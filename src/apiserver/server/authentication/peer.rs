//! The other end of a TLS connection, and whether it is kube-apiserver.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::CertificateDer;

use super::{front_proxy, trust::Trust};

/// How long a verification holds: a certificate that expires ends a living connection's rights too.
const LIFETIME: SignedDuration = SignedDuration::from_secs(60);

/// The client of one TLS connection, which lives as long as the connection.
///
/// Its certificates are verified once a minute and whenever the trust changes, not for each request.
pub(crate) struct Peer {
    certificates: Arc<[CertificateDer<'static>]>,
    last: Mutex<Option<Verification>>,
}

struct Verification {
    /// Held, not only compared: another trust can never be at its address.
    trust: Arc<Trust>,
    at: Timestamp,
    is_proxy: bool,
}

impl Peer {
    /// A client that sent `certificates`, its own first; none if it sent none.
    ///
    /// Assumes that the handshake has proved that the client holds the key of the first one.
    #[must_use]
    pub(crate) fn new(certificates: Arc<[CertificateDer<'static>]>) -> Self {
        Self {
            certificates,
            last: Mutex::new(None),
        }
    }

    /// Whether it sent certificates, good ones or not.
    #[must_use]
    pub(crate) fn has_certificates(&self) -> bool {
        !self.certificates.is_empty()
    }

    /// Whether `trust` says at `now` that it may tell users by headers.
    pub(super) fn is_proxy(&self, trust: &Arc<Trust>, now: Timestamp) -> bool {
        if !self.has_certificates() {
            return false;
        }
        // Requests that arrive together wait for one verification instead of doing it again.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = last.as_ref().filter(|known| known.holds(trust, now)) {
            return known.is_proxy;
        }
        let is_proxy = front_proxy::is_proxy(trust, &self.certificates, now);
        *last = Some(Verification {
            trust: trust.clone(),
            at: now,
            is_proxy,
        });
        is_proxy
    }
}

impl Verification {
    fn holds(&self, trust: &Arc<Trust>, now: Timestamp) -> bool {
        let age = now.duration_since(self.at);
        Arc::ptr_eq(&self.trust, trust) && !age.is_negative() && age < LIFETIME
    }
}
