//! Certificates of ordinary clients: the common name is the user, the organizations are the groups.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::{
    oid_registry::{OID_X509_COMMON_NAME, OID_X509_ORGANIZATION_NAME, Oid, asn1_rs::oid},
    parse_x509_certificate,
};

use super::trust::Trust;
use crate::apiserver::identity::Identity;

/// Tells which certificate was used.
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";
/// The part of a subject that is the user's uid, in Kubernetes 1.33 and later
/// (k8s.io/apimachinery/pkg/apis/asn1).
const UID: Oid<'static> = oid!(1.3.6.1.4.1.57683.2);

/// Whom the first of `certificates` names, if it is good under `trust` at `now`.
pub(super) fn identity(
    trust: &Trust,
    certificates: &[CertificateDer<'static>],
    now: Timestamp,
) -> Option<Identity> {
    if let Err(error) = trust.clients.as_ref()?.verify(certificates, now) {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "no client's certificate"
        );
        return None;
    }
    named(certificates.first()?)
}

/// Whom `certificate` names. None without a common name, with an empty uid or with several, and if
/// one of these parts is no text in a usual encoding.
fn named(certificate: &CertificateDer<'static>) -> Option<Identity> {
    let name = common_name(certificate)?;
    let mut uids = subject(certificate, &UID)?.into_iter();
    let uid = uids.next();
    if name.is_empty() || uid.as_deref() == Some("") || uids.next().is_some() {
        return None;
    }
    let credential = vec![format!("X509SHA256={}", fingerprint(certificate))];
    Some(Identity {
        name,
        uid,
        groups: subject(certificate, &OID_X509_ORGANIZATION_NAME)?,
        extra: BTreeMap::from([(CREDENTIAL_ID.to_owned(), credential)]),
    })
}

/// The subject's common name: the last if there are several, empty if there is none.
pub(super) fn common_name(certificate: &CertificateDer<'static>) -> Option<String> {
    let mut names = subject(certificate, &OID_X509_COMMON_NAME)?;
    Some(names.pop().unwrap_or_default())
}

/// All parts of the subject with the type `oid`, in order; none if one of them cannot be read.
fn subject(certificate: &CertificateDer<'static>, oid: &Oid<'static>) -> Option<Vec<String>> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    let parts = certificate.subject().iter_by_oid(oid);
    parts
        .map(|part| part.as_str().ok().map(str::to_owned))
        .collect()
}

/// The SHA-256 of the certificate, in hexadecimal digits.
fn fingerprint(certificate: &CertificateDer<'static>) -> String {
    let digest = Sha256::digest(certificate);
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
