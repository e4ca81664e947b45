//! What a DELETE is asked to do: its `DeleteOptions`, read here because a claim depends on them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, ObjectMeta, Preconditions};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::apiserver::{
    proxy::{negotiate::Media, query::Query, request::ProxyRequest},
    server::fault::Fault,
};

/// Refuses what would be judged by this server's rights instead of the caller's.
pub(in crate::apiserver) fn check_options(request: &ProxyRequest) -> Result<(), Fault> {
    const UNSAFE: &str = "ignoreStoreReadErrorWithClusterBreakingPotential";
    let named = request
        .body
        .windows(UNSAFE.len())
        .any(|window| window == UNSAFE.as_bytes());
    // A name may be spelled with escapes, but only in what can be read.
    let meant = read(request).is_some_and(|options: Value| options.get(UNSAFE).is_some());
    if named || meant || request.query.first(UNSAFE).is_some() {
        return Err(Fault::Forbidden {
            plural: request.target.resource.plural().to_owned(),
            name: request.target.name.clone().unwrap_or_default(),
            message: format!("{UNSAFE} is not available through the aggregated API: use coder.com"),
        });
    }
    Ok(())
}

/// The caller's options, from the body or, where there is none, the query. None where they cannot be
/// read or are none that kube-apiserver takes.
pub(super) fn options(request: &ProxyRequest) -> Option<DeleteOptions> {
    if request.body.is_empty() {
        return from_query(&request.query).filter(is_valid);
    }
    read(request).filter(is_valid)
}

fn read<T: DeserializeOwned>(request: &ProxyRequest) -> Option<T> {
    if request.media == Media::Json {
        return serde_json::from_slice(&request.body).ok();
    }
    let text = std::str::from_utf8(&request.body).ok()?;
    serde_saphyr::from_str(text).ok()
}

pub(super) fn from_query(query: &Query) -> Option<DeleteOptions> {
    let is_true = |value: &str| value != "0" && !value.eq_ignore_ascii_case("false");
    let text = |name| query.first(name).map(str::to_owned);
    let grace = query.first("gracePeriodSeconds");
    let dry_run: Vec<_> = query.all("dryRun").map(str::to_owned).collect();
    let uid = text("uid").filter(|uid| !uid.is_empty());
    Some(DeleteOptions {
        kind: Some("DeleteOptions".to_owned()),
        api_version: Some("v1".to_owned()),
        propagation_policy: text("propagationPolicy"),
        grace_period_seconds: grace.map(str::parse).transpose().ok()?,
        orphan_dependents: query.first("orphanDependents").map(is_true),
        dry_run: Some(dry_run).filter(|dry_run| !dry_run.is_empty()),
        preconditions: uid.map(|uid| Preconditions {
            uid: Some(uid),
            resource_version: None,
        }),
        ..DeleteOptions::default()
    })
}

/// Nothing is claimed for a request that is refused in the end.
pub(super) fn is_valid(options: &DeleteOptions) -> bool {
    let policy = options.propagation_policy.as_deref();
    let is_policy = |policy| matches!(policy, "Orphan" | "Background" | "Foreground");
    let kind = options.kind.as_deref();
    kind.is_none_or(|kind| kind == "DeleteOptions")
        && policy.is_none_or(is_policy)
        && (policy.is_none() || options.orphan_dependents.is_none())
        && options
            .grace_period_seconds
            .is_none_or(|seconds| seconds >= 0)
        && options.dry_run.iter().flatten().all(|dry| dry == "All")
}

/// `options` for the object as it was seen.
pub(super) fn exactly(options: DeleteOptions, seen: &ObjectMeta) -> DeleteOptions {
    DeleteOptions {
        preconditions: Some(Preconditions {
            uid: seen.uid.clone(),
            resource_version: seen.resource_version.clone(),
        }),
        ..options
    }
}

/// The same as a question: what kube-apiserver and its admission say to it.
pub(super) fn dry(options: DeleteOptions) -> DeleteOptions {
    DeleteOptions {
        dry_run: Some(vec!["All".to_owned()]),
        ..options
    }
}

/// Whether the caller means one version of the object and no other.
pub(super) fn names_version(options: &DeleteOptions) -> bool {
    let wanted = options.preconditions.as_ref();
    wanted.is_some_and(|wanted| wanted.resource_version.is_some())
}
