//! The Secret that holds the authority and the serving certificate.
//!
//! The form is that of the Go project, whose Secret is taken over as it is: same name, type and
//! fields, keys in SEC 1 or PKCS #8. `ca.crt` may hold several authorities, the newest first;
//! `ca.key` is the key of the newest.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use rustls::{
    RootCertStore,
    client::verify_server_cert_signed_by_trust_anchor,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, UnixTime},
    server::ParsedCertificate,
    sign::{CertifiedKey, SigningKey},
};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::{Digest, Sha256};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

use super::{
    authority::Signer,
    pair::{self, PairError},
    plan::{Authority, Fingerprint, Holding, Leaf, TrustRecord, Validity},
};
use crate::api::names::ANNOTATION_CA_TRUSTED_SINCE;

/// Its name, in the Service's namespace.
pub const NAME: &str = "coder-k8s-apiserver-tls";
/// Its type: not `kubernetes.io/tls`, since it holds the authority's key too.
pub(super) const TYPE: &str = "coder.com/aggregated-apiserver-serving-ca";

const AUTHORITIES: &str = "ca.crt";
const AUTHORITY_KEY: &str = "ca.key";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";

/// More authorities than a rotation can leave: something else went wrong.
const MOST_AUTHORITIES: usize = 16;

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
    #[error("field {AUTHORITIES} holds a certificate that is no authority")]
    NoAuthority,
    #[error("field {AUTHORITIES} holds more than {MOST_AUTHORITIES} authorities")]
    TooMany,
    #[error("field {CERTIFICATE} is not signed by an authority of {AUTHORITIES}")]
    NotSigned,
}

/// The fields as they are stored.
#[derive(Clone)]
pub(super) struct Fields {
    /// PEM, the newest first.
    pub(super) authorities: String,
    pub(super) authority_key: SecretSlice<u8>,
    pub(super) certificate: Vec<u8>,
    pub(super) key: SecretSlice<u8>,
}

/// A good Secret.
#[derive(Clone)]
pub(super) struct Material {
    pub(super) fields: Fields,
    pub(super) holding: Holding,
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
    let names = [AUTHORITIES, AUTHORITY_KEY, CERTIFICATE, KEY];
    if names.iter().all(|name| field(name).is_empty()) {
        return Ok(None);
    }
    if let Some(missing) = names.into_iter().find(|name| field(name).is_empty()) {
        return Err(Damage::Missing(missing));
    }
    let fields = Fields {
        authorities: String::from_utf8_lossy(field(AUTHORITIES)).into_owned(),
        authority_key: field(AUTHORITY_KEY).to_vec().into(),
        certificate: field(CERTIFICATE).to_vec(),
        key: field(KEY).to_vec().into(),
    };
    let record = secret.metadata.annotations.as_ref();
    let record = record.and_then(|all| all.get(ANNOTATION_CA_TRUSTED_SINCE));
    Material::read(fields, record.and_then(|text| TrustRecord::read(text))).map(Some)
}

/// `secret` with these fields; all else in it stays.
pub(super) fn with_fields(mut secret: Secret, fields: &Fields) -> Secret {
    let data = secret.data.get_or_insert_with(BTreeMap::new);
    for (name, value) in [
        (AUTHORITIES, fields.authorities.as_bytes()),
        (AUTHORITY_KEY, fields.authority_key.expose_secret()),
        (CERTIFICATE, &fields.certificate),
        (KEY, fields.key.expose_secret()),
    ] {
        data.insert(name.to_owned(), ByteString(value.to_vec()));
    }
    secret
}

/// `secret` with this record, or without one.
pub(super) fn with_record(mut secret: Secret, record: Option<&TrustRecord>) -> Secret {
    let annotations = secret.metadata.annotations.get_or_insert_default();
    match record {
        Some(record) => {
            annotations.insert(ANNOTATION_CA_TRUSTED_SINCE.to_owned(), record.write());
        }
        None => {
            annotations.remove(ANNOTATION_CA_TRUSTED_SINCE);
        }
    }
    secret
}

impl Material {
    fn read(fields: Fields, trusted: Option<TrustRecord>) -> Result<Self, Damage> {
        let authorities = authorities(fields.authorities.as_bytes())?;
        let ((newest_der, newest), older) = authorities
            .split_first()
            .ok_or(Damage::Missing(AUTHORITIES))?;
        let signing = pair::private_key(fields.authority_key.expose_secret());
        let signing = signing.map_err(in_field(AUTHORITY_KEY))?;
        fitting(
            AUTHORITY_KEY,
            vec![newest_der.clone()],
            Arc::clone(&signing),
        )?;
        let chain = pair::certificates(&fields.certificate).map_err(in_field(CERTIFICATE))?;
        let key = pair::private_key(fields.key.expose_secret()).map_err(in_field(KEY))?;
        let served = fitting(KEY, chain, key)?;
        let holding = Holding {
            leaf: leaf(&served.cert, &authorities)?,
            newest: newest.clone(),
            can_sign: false,
            older: older
                .iter()
                .map(|(_, authority)| authority.clone())
                .collect(),
            trusted,
        };
        let signer = Signer::new(newest_der, signing);
        Ok(Self {
            holding: Holding {
                can_sign: signer.is_some(),
                ..holding
            },
            fields,
            served: Arc::new(served),
            signer,
        })
    }
}

impl Fields {
    /// `ca.crt` with the newest authority and those of `keep`.
    pub(super) fn keeping(&self, keep: &BTreeSet<Fingerprint>) -> Self {
        const END: &str = "-----END CERTIFICATE-----";
        let blocks = self.authorities.split_inclusive(END);
        let kept = blocks.enumerate().filter(|(at, block)| {
            let known = pair::certificates(block.as_bytes()).ok();
            let known = known.as_deref().and_then(<[_]>::first).map(fingerprint);
            known.is_some_and(|id| *at == 0 || keep.contains(&id))
        });
        let authorities: Vec<_> = kept.map(|(_, block)| block.trim()).collect();
        Self {
            authorities: authorities.join("\n") + "\n",
            ..self.clone()
        }
    }
}

impl TrustRecord {
    /// The time, a blank and the authority's fingerprint. What is not of this form is no record.
    fn read(text: &str) -> Option<Self> {
        let (since, authority) = text.split_once(' ')?;
        let mut bytes = [0; 32];
        if authority.len() != 2 * bytes.len() || !authority.is_ascii() {
            return None;
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            let digits = authority.get(2 * at..2 * at + 2)?;
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        Some(Self {
            authority: Fingerprint(bytes),
            since: since.parse().ok()?,
        })
    }

    fn write(&self) -> String {
        format!("{} {}", self.since, self.authority)
    }
}

/// The fingerprint of a certificate.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    Fingerprint(Sha256::digest(certificate).into())
}

fn authorities(text: &[u8]) -> Result<Vec<(CertificateDer<'static>, Authority)>, Damage> {
    let all = pair::certificates(text).map_err(in_field(AUTHORITIES))?;
    if all.len() > MOST_AUTHORITIES {
        return Err(Damage::TooMany);
    }
    let read = |der: CertificateDer<'static>| {
        let parsed = parsed(AUTHORITIES, &der)?;
        let authority = Authority {
            id: fingerprint(&der),
            validity: validity(AUTHORITIES, &parsed)?,
        };
        if !parsed.is_ca() {
            return Err(Damage::NoAuthority);
        }
        Ok((der, authority))
    };
    all.into_iter().map(read).collect()
}

fn leaf(
    chain: &[CertificateDer<'static>],
    authorities: &[(CertificateDer<'static>, Authority)],
) -> Result<Leaf, Damage> {
    let (der, intermediates) = chain.split_first().ok_or(Damage::Missing(CERTIFICATE))?;
    let parsed = parsed(CERTIFICATE, der)?;
    let own = validity(CERTIFICATE, &parsed)?;
    let mut signers = authorities
        .iter()
        .filter(|(authority, _)| is_signed(der, intermediates, authority, own.from));
    let (_, issuer) = signers.next().ok_or(Damage::NotSigned)?;
    let names = parsed.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|names| &names.value.general_names);
    Ok(Leaf {
        issuer: issuer.id,
        validity: Validity {
            from: own.from,
            until: own.until.min(issuer.validity.until),
        },
        names: names.filter_map(dns_name).collect(),
    })
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

fn fitting(
    field: &'static str,
    chain: Vec<CertificateDer<'static>>,
    key: Arc<dyn SigningKey>,
) -> Result<CertifiedKey, Damage> {
    pair::fitting(chain, key).map_err(in_field(field))
}

fn in_field(field: &'static str) -> impl FnOnce(PairError) -> Damage {
    move |source| Damage::Pair { field, source }
}

#[cfg(test)]
mod tests;
