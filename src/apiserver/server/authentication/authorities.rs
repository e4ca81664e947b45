//! A bundle of certificate authorities, and whether a client's certificate comes from one of them.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rustls::{
    CertificateError, Error as TlsError, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, UnixTime, pem::PemObject},
    server::WebPkiClientVerifier,
};
use x509_parser::parse_x509_certificate;

/// Authorities that may sign certificates of clients; at least one.
///
/// A bundle may hold several during a rotation, expired ones among them: each counts only within its
/// own time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authorities(Vec<Authority>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Authority {
    certificate: CertificateDer<'static>,
    /// Seconds of Unix time, both inclusive.
    valid: (i64, i64),
}

/// Why a bundle cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleError {
    #[error("the bundle is not PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    #[error("the bundle holds no usable certificate, and {unreadable} that cannot be read")]
    Empty { unreadable: usize },
}

impl Authorities {
    /// Reads a PEM bundle. A certificate in it that cannot be read is left out, which only makes
    /// fewer clients acceptable.
    pub(super) fn from_pem(bundle: &str) -> Result<Self, BundleError> {
        let mut authorities = Vec::new();
        let mut unreadable = 0;
        for certificate in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
            match Authority::new(certificate.map_err(BundleError::Pem)?) {
                Some(authority) if authorities.contains(&authority) => {}
                Some(authority) => authorities.push(authority),
                None => unreadable += 1,
            }
        }
        if authorities.is_empty() {
            return Err(BundleError::Empty { unreadable });
        }
        if unreadable > 0 {
            tracing::warn!(unreadable, "left out certificates of a CA bundle");
        }
        Ok(Self(authorities))
    }

    /// Whether the first of `certificates` is a client's, signed by one of these authorities at
    /// `now`; the others may stand between them.
    pub(super) fn verify(
        &self,
        certificates: &[CertificateDer<'static>],
        now: Timestamp,
    ) -> Result<(), TlsError> {
        let [certificate, between @ ..] = certificates else {
            return Err(TlsError::NoCertificatesPresented);
        };
        let seconds = now.as_second();
        let mut roots = RootCertStore::empty();
        // webpki does not look at the time of a trust anchor.
        for authority in self.0.iter().filter(|one| one.is_valid_at(seconds)) {
            roots.add(authority.certificate.clone())?;
        }
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|_| CertificateError::UnknownIssuer)?;
        let now = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        verifier.verify_client_cert(certificate, between, UnixTime::since_unix_epoch(now))?;
        Ok(())
    }
}

impl Authority {
    /// None if what has to be known of it cannot be read.
    fn new(certificate: CertificateDer<'static>) -> Option<Self> {
        RootCertStore::empty().add(certificate.clone()).ok()?;
        let (_, parsed) = parse_x509_certificate(&certificate).ok()?;
        let validity = parsed.validity();
        let valid = (
            validity.not_before.timestamp(),
            validity.not_after.timestamp(),
        );
        Some(Self { certificate, valid })
    }

    fn is_valid_at(&self, seconds: i64) -> bool {
        let (from, until) = self.valid;
        (from..=until).contains(&seconds)
    }
}
