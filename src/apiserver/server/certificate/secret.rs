//! The Secret that holds the authority and the serving certificate.
//!
//! The form is that of the Go project, whose Secret is taken over as it is: same name, type and
//! fields, keys in SEC 1 or PKCS #8.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use rustls::{
    RootCertStore,
    client::verify_server_cert_signed_by_trust_anchor,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, UnixTime},
    server::ParsedCertificate,
    sign::CertifiedKey,
};
use secrecy::{ExposeSecret, SecretSlice};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

use super::{
    authority::Signer,
    plan::{Holding, Validity},
};
use crate::k8s::serving::{self, PairError};

/// Its name, in the Service's namespace.
pub const NAME: &str = "coder-k8s-apiserver-tls";
/// Its type: not `kubernetes.io/tls`, since it holds the authority's key too.
pub(super) const TYPE: &str = "coder.com/aggregated-apiserver-serving-ca";

/// The authority.
pub(super) const AUTHORITY: &str = "ca.crt";
/// Its key.
pub(super) const AUTHORITY_KEY: &str = "ca.key";
/// The serving certificate.
pub(super) const CERTIFICATE: &str = "tls.crt";
/// Its key.
pub(super) const KEY: &str = "tls.key";

/// What is wrong with a Secret that is there. Such a Secret is never overwritten.
#[derive(Debug, thiserror::Error)]
pub(super) enum Damage {
    #[error("its type is {0:?}, not {TYPE:?}")]
    Type(String),
    #[error("field {0} is missing or empty")]
    Missing(&'static str),
    #[error("field {field} cannot be used")]
    Pair {
        field: &'static str,
        #[source]
        source: PairError,
    },
    #[error("field {0} holds a certificate that cannot be read")]
    Unreadable(&'static str),
    #[error("field {AUTHORITY} does not hold one certificate, of an authority")]
    NoAuthority,
    #[error("field {CERTIFICATE} is not signed by the authority of {AUTHORITY}")]
    NotSigned,
}

/// Fields to be stored, in PEM.
pub(super) type Fields = BTreeMap<&'static str, SecretSlice<u8>>;

/// A good Secret.
#[derive(Clone)]
pub(super) struct Material {
    pub(super) holding: Holding,
    pub(super) authority: CertificateDer<'static>,
    /// The authority as it is stored, which is what a `caBundle` is to be.
    pub(super) bundle: ByteString,
    /// What is to be served.
    pub(super) served: Arc<CertifiedKey>,
    /// What signs; none for a key of a kind that only others can use.
    pub(super) signer: Option<Signer>,
}

/// Reads a Secret; none where it is an empty placeholder of the right type.
pub(super) fn read(secret: &Secret) -> Result<Option<Material>, Damage> {
    let found = secret.type_.as_deref().unwrap_or_default();
    if found != TYPE {
        return Err(Damage::Type(found.to_owned()));
    }
    let data = secret.data.as_ref();
    let field = |name: &str| {
        let bytes = data.and_then(|data| data.get(name));
        bytes.map_or(&[][..], |bytes| &bytes.0)
    };
    let names = [AUTHORITY, AUTHORITY_KEY, CERTIFICATE, KEY];
    if names.iter().all(|name| field(name).is_empty()) {
        return Ok(None);
    }
    if let Some(missing) = names.into_iter().find(|name| field(name).is_empty()) {
        return Err(Damage::Missing(missing));
    }
    let pair = |name, key| {
        let chain = serving::certificates(field(name)).map_err(in_field(name))?;
        let signing = serving::private_key(field(key)).map_err(in_field(key))?;
        serving::fitting(chain, signing).map_err(in_field(key))
    };
    let authority = pair(AUTHORITY, AUTHORITY_KEY)?;
    let served = pair(CERTIFICATE, KEY)?;
    let bundle = ByteString(field(AUTHORITY).to_vec());
    Material::new(&authority, served, bundle).map(Some)
}

/// `secret` with these fields; all else in it stays.
pub(super) fn with_fields(mut secret: Secret, fields: &Fields) -> Secret {
    let data = secret.data.get_or_insert_with(BTreeMap::new);
    for (&name, value) in fields {
        data.insert(name.to_owned(), ByteString(value.expose_secret().to_vec()));
    }
    secret
}

impl Material {
    fn new(
        authority: &CertifiedKey,
        served: CertifiedKey,
        bundle: ByteString,
    ) -> Result<Self, Damage> {
        let [der] = authority.cert.as_slice() else {
            return Err(Damage::NoAuthority);
        };
        let issuer = parsed(AUTHORITY, der)?;
        if !issuer.is_ca() {
            return Err(Damage::NoAuthority);
        }
        let (first, intermediates) = served
            .cert
            .split_first()
            .ok_or(Damage::Missing(CERTIFICATE))?;
        let leaf = parsed(CERTIFICATE, first)?;
        let (limit, own) = (validity(AUTHORITY, &issuer)?, validity(CERTIFICATE, &leaf)?);
        if !is_signed(first, intermediates, der, own.from) {
            return Err(Damage::NotSigned);
        }
        let names = leaf.subject_alternative_name().ok().flatten();
        let names = names.iter().flat_map(|names| &names.value.general_names);
        let signer = Signer::new(der, Arc::clone(&authority.key));
        Ok(Self {
            holding: Holding {
                authority: limit,
                can_sign: signer.is_some(),
                leaf: Validity {
                    from: own.from,
                    until: own.until.min(limit.until),
                },
                names: names.filter_map(dns_name).collect(),
            },
            authority: der.clone(),
            bundle,
            served: Arc::new(served),
            signer,
        })
    }
}

/// Whether a server may show this certificate on the word of `authority`. Asked for the moment that
/// its validity begins: an expired one was signed too.
fn is_signed(
    der: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    authority: &CertificateDer<'static>,
    at: Timestamp,
) -> bool {
    let mut roots = RootCertStore::empty();
    let (Ok(()), Ok(certificate), Ok(seconds)) = (
        roots.add(authority.clone()),
        ParsedCertificate::try_from(der),
        u64::try_from(at.as_second()),
    ) else {
        return false;
    };
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let algorithms = default_provider().signature_verification_algorithms.all;
    verify_server_cert_signed_by_trust_anchor(&certificate, &roots, intermediates, at, algorithms)
        .is_ok()
}

fn parsed<'a>(
    field: &'static str,
    der: &'a CertificateDer<'_>,
) -> Result<X509Certificate<'a>, Damage> {
    let parsed = X509Certificate::from_der(der);
    parsed.map_or(Err(Damage::Unreadable(field)), |(_, parsed)| Ok(parsed))
}

fn validity(field: &'static str, parsed: &X509Certificate<'_>) -> Result<Validity, Damage> {
    let time = |seconds| Timestamp::from_second(seconds).map_err(|_| Damage::Unreadable(field));
    Ok(Validity {
        from: time(parsed.validity().not_before.timestamp())?,
        until: time(parsed.validity().not_after.timestamp())?,
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a foreign enum of all kinds of names"
)]
fn dns_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    }
}

fn in_field(field: &'static str) -> impl FnOnce(PairError) -> Damage {
    move |source| Damage::Pair { field, source }
}

#[cfg(test)]
mod tests;
