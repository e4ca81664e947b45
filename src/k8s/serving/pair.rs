//! A certificate and its key, read from PEM.

use std::sync::Arc;

use rustls::{
    crypto::ring::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    sign::{CertifiedKey, SigningKey},
};

/// Why a certificate and a key cannot be served. Never names the key's text.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// There is no certificate where one should be.
    #[error("cannot read a PEM certificate")]
    Certificate(#[source] pem::Error),
    /// There is no private key where one should be.
    #[error("cannot read a PEM private key")]
    Key(#[source] pem::Error),
    /// The key is of a kind that cannot sign here, or it is damaged.
    #[error("cannot use the private key")]
    UnusableKey(#[source] rustls::Error),
    /// The key belongs to another certificate, or the certificate is damaged.
    #[error("the certificate and the private key do not fit together")]
    Mismatch(#[source] rustls::Error),
}

/// Reads all certificates of a PEM text: at least one.
pub fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, PairError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let all = all.map_err(PairError::Certificate)?;
    if all.is_empty() {
        return Err(PairError::Certificate(pem::Error::NoItemsFound));
    }
    Ok(all)
}

/// Reads a private key in any of the usual forms: PKCS #8, SEC 1 (which Go writes) or PKCS #1.
pub fn private_key(text: &[u8]) -> Result<Arc<dyn SigningKey>, PairError> {
    let key = PrivateKeyDer::from_pem_slice(text).map_err(PairError::Key)?;
    let provider = default_provider().key_provider;
    provider
        .load_private_key(key)
        .map_err(PairError::UnusableKey)
}

/// Reads a chain, the serving certificate first, and its key.
pub(super) fn certified_key(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, PairError> {
    fitting(certificates(chain)?, private_key(key)?)
}

/// Puts a certificate and a key together that belong together.
pub fn fitting(
    chain: Vec<CertificateDer<'static>>,
    key: Arc<dyn SigningKey>,
) -> Result<CertifiedKey, PairError> {
    let pair = CertifiedKey::new(chain, key);
    pair.keys_match().map_err(PairError::Mismatch)?;
    Ok(pair)
}
