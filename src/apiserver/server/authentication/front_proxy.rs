//! kube-apiserver as a proxy: it has authenticated the user itself, and tells who it is by headers.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use rustls::pki_types::CertificateDer;
use x509_parser::{oid_registry::OID_X509_COMMON_NAME, parse_x509_certificate};

use super::trust::{ProxyHeaders, Trust};
use crate::k8s::identity::Identity;

/// A header that tells the user is no UTF-8. Replacing what is wrong could make another user of it.
#[derive(Debug)]
pub(super) struct Garbled;

/// Whether the owner of `certificates` may tell users by headers.
pub(super) fn is_proxy(
    trust: &Trust,
    certificates: &[CertificateDer<'static>],
    now: Timestamp,
) -> bool {
    if let Err(error) = trust.proxies.verify(certificates, now) {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "no proxy's certificate"
        );
        return false;
    }
    let allowed = &trust.headers.allowed_names;
    allowed.is_empty()
        || certificates
            .first()
            .and_then(common_name)
            .is_some_and(|name| allowed.contains(&name))
}

/// The subject's common name: the last if there are several, empty if there is none; none if one of them
/// is no text in a usual encoding.
fn common_name(certificate: &CertificateDer<'static>) -> Option<String> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    let names = certificate.subject().iter_by_oid(&OID_X509_COMMON_NAME);
    let mut names: Vec<_> = names
        .map(|name| name.as_str().ok().map(str::to_owned))
        .collect::<Option<_>>()?;
    Some(names.pop().unwrap_or_default())
}

/// The user that `headers` tell, none if they tell no name. Only a proxy's headers may be asked.
pub(super) fn identity(
    names: &ProxyHeaders,
    headers: &HeaderMap,
) -> Result<Option<Identity>, Garbled> {
    let Some(name) = first(headers, &names.user)? else {
        return Ok(None);
    };
    Ok(Some(Identity {
        name,
        uid: first(headers, &names.uid)?,
        groups: groups(headers, &names.group)?,
        extra: extra(headers, &names.extra_prefixes)?,
    }))
}

/// The first header that is not empty; of a repeated header the first value counts.
fn first(headers: &HeaderMap, names: &[HeaderName]) -> Result<Option<String>, Garbled> {
    let mut values = names.iter().filter_map(|name| headers.get(name));
    values.find(|value| !value.is_empty()).map(text).transpose()
}

/// All values of all headers, in order, without the empty ones.
fn groups(headers: &HeaderMap, names: &[HeaderName]) -> Result<Vec<String>, Garbled> {
    let values = names.iter().flat_map(|name| headers.get_all(name));
    values.filter(|value| !value.is_empty()).map(text).collect()
}

fn extra(
    headers: &HeaderMap,
    prefixes: &[String],
) -> Result<BTreeMap<String, Vec<String>>, Garbled> {
    let mut extra: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for prefix in prefixes {
        for name in headers.keys() {
            // The names in a header map are in lower case already.
            if let Some(key) = name.as_str().strip_prefix(prefix.as_str()) {
                let values: Result<Vec<_>, _> = headers.get_all(name).iter().map(text).collect();
                extra.entry(decoded(key)).or_default().extend(values?);
            }
        }
    }
    Ok(extra)
}

/// `key` without its percent-escapes; as it is if one of them is broken.
fn decoded(key: &str) -> String {
    let is_escape = |rest: &str| {
        let mut digits = rest.chars().take(2);
        rest.len() >= 2 && digits.all(|digit| digit.is_ascii_hexdigit())
    };
    let decoded = percent_decode_str(key).decode_utf8().ok();
    let decoded = decoded.filter(|_| key.split('%').skip(1).all(is_escape));
    decoded.map_or_else(|| key.to_owned(), Into::into)
}

fn text(value: &HeaderValue) -> Result<String, Garbled> {
    String::from_utf8(value.as_bytes().to_vec()).map_err(|_| Garbled)
}

#[cfg(test)]
mod tests;
