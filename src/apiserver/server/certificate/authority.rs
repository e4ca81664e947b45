//! The authority: makes itself and serving certificates.
//!
//! Keys are ECDSA P-256. The randomness is that of the system; all else is a parameter.

use std::{collections::BTreeSet, fmt, sync::Arc, time::SystemTime};

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm, SigningKey,
};
use rustls::{SignatureScheme, pki_types::CertificateDer};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::{
    plan::BACKDATE,
    secret::{AUTHORITY, AUTHORITY_KEY, CERTIFICATE, Fields, KEY, Material},
};

const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
const LEAF_LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);

/// Why nothing could be issued.
#[derive(Debug, thiserror::Error)]
pub(super) enum IssueError {
    #[error("cannot make a certificate")]
    Make(#[from] rcgen::Error),
    #[error("cannot sign with the authority's key")]
    NoSigner,
}

/// A key of an authority, in whatever form it was stored: rcgen itself reads only PKCS #8.
#[derive(Clone)]
pub(super) struct Signer {
    public: Vec<u8>,
    key: Arc<dyn rustls::sign::SigningKey>,
}

impl Signer {
    /// The signer of the authority `certificate`, whose key is `key`; none unless it is ECDSA P-256.
    pub(super) fn new(
        certificate: &CertificateDer<'_>,
        key: Arc<dyn rustls::sign::SigningKey>,
    ) -> Option<Self> {
        key.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256])?;
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        Some(Self {
            public: parsed.public_key().subject_public_key.data.to_vec(),
            key,
        })
    }
}

impl PublicKeyData for Signer {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signer = self
            .key
            .choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]);
        let signed = signer.and_then(|signer| signer.sign(message).ok());
        signed.ok_or(rcgen::Error::RemoteKeyError)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Signer")
    }
}

/// A new authority and a certificate of it for `names`.
pub(super) fn establish(names: &BTreeSet<String>, now: Timestamp) -> Result<Fields, IssueError> {
    let until = now + AUTHORITY_LIFE;
    let mut parameters = CertificateParams::default();
    // Two authorities must not share a name: verifiers look issuers up by it.
    let name = format!("coder-k8s-apiserver-ca@{}", now.as_millisecond());
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (parameters.not_before, parameters.not_after) = life(now, until);
    let key = KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?;
    let key_text = key.serialize_pem();
    let mut fields = leaf(names, now, until, &Issuer::new(parameters, key))?;
    fields.insert(AUTHORITY, certificate.pem().into_bytes().into());
    fields.insert(AUTHORITY_KEY, key_text.into_bytes().into());
    Ok(fields)
}

/// A new certificate for `names`, of the authority of `material`.
pub(super) fn issue(
    material: &Material,
    names: &BTreeSet<String>,
    now: Timestamp,
) -> Result<Fields, IssueError> {
    let signer = material.signer.clone().ok_or(IssueError::NoSigner)?;
    let issuer = Issuer::from_ca_cert_der(&material.authority, signer)?;
    leaf(names, now, material.holding.authority.until, &issuer)
}

/// A certificate that ends no later than `limit`, where its authority does.
fn leaf(
    names: &BTreeSet<String>,
    now: Timestamp,
    limit: Timestamp,
    issuer: &Issuer<'_, impl SigningKey>,
) -> Result<Fields, IssueError> {
    let names: Vec<_> = names.iter().cloned().collect();
    let mut parameters = CertificateParams::new(names)?;
    let name = "coder-k8s-apiserver";
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.use_authority_key_identifier_extension = true;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    (parameters.not_before, parameters.not_after) = life(now, limit.min(now + LEAF_LIFE));
    let key = KeyPair::generate()?;
    let certificate = parameters.signed_by(&key, issuer)?;
    Ok(Fields::from([
        (CERTIFICATE, certificate.pem().into_bytes().into()),
        (KEY, key.serialize_pem().into_bytes().into()),
    ]))
}

/// A validity in rcgen's terms: from a little before `now`, to `until`.
fn life<T>(now: Timestamp, until: Timestamp) -> (T, T)
where
    T: From<SystemTime>,
{
    let time = |timestamp| T::from(SystemTime::from(timestamp));
    (time(now - BACKDATE), time(until))
}
