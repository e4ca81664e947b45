//! Whom to believe: what kube-apiserver publishes in `kube-system/extension-apiserver-authentication`.
//!
//! Source: the cluster-authentication-trust controller writes it, and merges what several
//! kube-apiservers have to say. The keys that begin with `requestheader-` are there only if
//! kube-apiserver can forward requests at all.

mod follow;

use std::collections::BTreeMap;

use http::HeaderName;
use tower::BoxError;

pub(crate) use self::follow::follow;
use super::authorities::Authorities;

/// What one reading of the `ConfigMap` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trust {
    /// Who signs the certificate with which kube-apiserver forwards requests.
    pub(super) proxies: Authorities,
    /// Which request headers of a proxy tell the user.
    pub(super) headers: ProxyHeaders,
}

/// The names by which a proxy tells the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ProxyHeaders {
    /// The common names that a proxy's certificate may have; any where it is empty. A list with an
    /// empty text in it is not empty.
    pub(super) allowed_names: Vec<String>,
    pub(super) user: Vec<HeaderName>,
    pub(super) uid: Vec<HeaderName>,
    pub(super) group: Vec<HeaderName>,
    /// In lower case, none of them empty.
    pub(super) extra_prefixes: Vec<String>,
}

/// What is wrong with a part of the `ConfigMap`.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {key} of the ConfigMap kube-system/extension-apiserver-authentication")]
pub(crate) struct TrustError {
    pub(crate) key: &'static str,
    #[source]
    pub(crate) problem: BoxError,
}

const PROXY_CA: &str = "requestheader-client-ca-file";
const ALLOWED_NAMES: &str = "requestheader-allowed-names";
const USER_HEADERS: &str = "requestheader-username-headers";
const UID_HEADERS: &str = "requestheader-uid-headers";
const GROUP_HEADERS: &str = "requestheader-group-headers";
const EXTRA_PREFIXES: &str = "requestheader-extra-headers-prefix";

type Data = BTreeMap<String, String>;

impl Trust {
    /// Reads `data`, as a whole: where a part of it is wrong, whoever asks keeps what was read before.
    pub(super) fn read(data: &Data) -> Result<Self, TrustError> {
        let bundle = data.get(PROXY_CA).map(String::as_str).unwrap_or_default();
        let proxies = Authorities::from_pem(bundle).map_err(|error| TrustError {
            key: PROXY_CA,
            problem: error.into(),
        })?;
        Ok(Self {
            proxies,
            headers: ProxyHeaders::read(data)?,
        })
    }
}

impl ProxyHeaders {
    fn read(data: &Data) -> Result<Self, TrustError> {
        Ok(Self {
            allowed_names: list(data, ALLOWED_NAMES)?,
            user: names(data, USER_HEADERS)?,
            uid: names(data, UID_HEADERS)?,
            group: names(data, GROUP_HEADERS)?,
            extra_prefixes: list(data, EXTRA_PREFIXES)?
                .into_iter()
                .map(|prefix| prefix.trim().to_ascii_lowercase())
                .filter(|prefix| !prefix.is_empty())
                .collect(),
        })
    }
}

/// An absent list is empty.
fn list(data: &Data, key: &'static str) -> Result<Vec<String>, TrustError> {
    let text = data.get(key).filter(|text| !text.is_empty());
    let list = text.map_or(Ok(None), |text| serde_json::from_str(text));
    let list: Option<Vec<String>> = list.map_err(|error| TrustError {
        key,
        problem: error.into(),
    })?;
    Ok(list.unwrap_or_default())
}

/// What cannot be the name of a header cannot be sent either.
fn names(data: &Data, key: &'static str) -> Result<Vec<HeaderName>, TrustError> {
    let names = list(data, key)?;
    Ok(names
        .iter()
        .filter_map(|name| name.trim().parse().ok())
        .collect())
}

#[cfg(test)]
mod tests;
