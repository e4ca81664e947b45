//! The `APIService`: whom kube-apiserver trusts when it speaks to us.

use std::collections::BTreeSet;

use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use serde_json::{Value, json};

use super::{
    ServiceName, pair,
    plan::{Shown, Trust},
    secret::fingerprint,
};
use crate::api::names::ANNOTATION_MANAGE_CA_BUNDLE;

/// Its name: version, then group.
pub const NAME: &str = "v1alpha1.aggregation.coder.com";

/// What `found` says about `service`.
pub(super) fn read(found: Option<&APIService>, service: &ServiceName) -> Shown {
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
    let authorities = pair::certificates(&bundle.0).unwrap_or_default();
    let annotations = found.metadata.annotations.as_ref();
    let choice = annotations.and_then(|all| all.get(ANNOTATION_MANAGE_CA_BUNDLE));
    Shown::Ours(Trust {
        authorities: authorities.iter().map(fingerprint).collect::<BTreeSet<_>>(),
        anybody: spec.insecure_skip_tls_verify == Some(true),
        managed: choice.is_none_or(|choice| choice != "false"),
    })
}

/// The merge patch that makes `found`, in the version that was looked at, trust `bundle` alone.
pub(super) fn patch(found: &APIService, bundle: &str) -> Value {
    let bundle = k8s_openapi::ByteString(bundle.as_bytes().to_vec());
    json!({
        "metadata": {"resourceVersion": found.metadata.resource_version},
        // Both at once: the API server refuses a bundle beside the other.
        "spec": {"caBundle": bundle, "insecureSkipTLSVerify": null},
    })
}

#[cfg(test)]
mod tests;
