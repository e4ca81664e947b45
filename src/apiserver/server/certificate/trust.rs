//! The `APIService`: whom kube-apiserver trusts when it speaks to us.

use k8s_openapi::{ByteString, kube_aggregator::pkg::apis::apiregistration::v1::APIService};
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};

use super::{ServiceName, plan::Shown};
use crate::{api::names::ANNOTATION_MANAGE_CA_BUNDLE, k8s::serving};

/// Its name: version, then group.
pub const NAME: &str = "v1alpha1.aggregation.coder.com";

/// What `found` says about `service`, which is to be trusted by `authority` alone.
pub(super) fn read(
    found: Option<&APIService>,
    service: &ServiceName,
    authority: Option<&CertificateDer<'_>>,
) -> Shown {
    let Some(found) = found else {
        return Shown::Unknown;
    };
    let spec = found.spec.clone().unwrap_or_default();
    let target = spec.service.unwrap_or_default();
    if target.name.as_ref() != Some(&service.name)
        || target.namespace.as_ref() != Some(&service.namespace)
    {
        return Shown::OtherService;
    }
    let bundle = spec.ca_bundle.unwrap_or_default();
    // What cannot be read trusts nobody, and so is not what it should be.
    let trusted = serving::certificates(&bundle.0).unwrap_or_default();
    let is_anybody = spec.insecure_skip_tls_verify == Some(true);
    let is_trusted = authority.is_some_and(|authority| trusted.contains(authority));
    let annotations = found.metadata.annotations.as_ref();
    let choice = annotations.and_then(|all| all.get(ANNOTATION_MANAGE_CA_BUNDLE));
    if choice.is_some_and(|choice| choice == "false") {
        if is_trusted || is_anybody {
            Shown::Right
        } else {
            Shown::Unmanaged
        }
    } else if is_trusted && !is_anybody && trusted.len() == 1 {
        Shown::Right
    } else {
        Shown::Wrong
    }
}

/// The merge patch that makes `found`, in the version that was looked at, trust `bundle` alone.
pub(super) fn patch(found: &APIService, bundle: &ByteString) -> Value {
    json!({
        "metadata": {"resourceVersion": found.metadata.resource_version},
        // Both at once: the API server refuses a bundle beside the other.
        "spec": {"caBundle": bundle, "insecureSkipTLSVerify": null},
    })
}

#[cfg(test)]
mod tests;
