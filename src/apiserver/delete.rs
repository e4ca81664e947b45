//! DELETE of one object keeps its old meaning: delete it in coderd.
//!
//! An object that was imported would only go from Kubernetes, and come back with the next sweep. So
//! where nobody has declared a deletion policy, this server declares `Delete` first, with the finalizer
//! that makes it hold, in one write that has to meet the object as it was read; then it deletes exactly
//! what that write left. Dying in between leaves a claim of `coder-k8s-shim` on an object that is not
//! being deleted, which the controller drops after a minute.
//!
//! The controllers of Kubernetes itself mean the object only, as does `deletecollection`: deleting a
//! namespace must not wipe coderd.

use http::{HeaderValue, Method, Response, StatusCode, header};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, ObjectMeta, Preconditions};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    body::Body,
    exchange::{Asked, Exchange, Wire},
    fault::Fault,
    identity::Identity,
    names::STORED_GROUP_VERSION,
    negotiate::Media,
    route::{Verb, parameter},
};
use crate::{
    api::{
        names::{FINALIZER, MANAGER_SHIM},
        status::{DeletionPolicy, Origin},
    },
    k8s::yaml,
};

/// How often an object that others change meanwhile is read anew.
const TRIES: usize = 5;

const OPTIONS_MEDIA: &str = "application/json, application/yaml";

/// What deleting an object depends on.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Object {
    kind: String,
    metadata: ObjectMeta,
    spec: Option<Spec>,
    status: Option<Status>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    deletion_policy: Option<DeletionPolicy>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    binding: Option<Binding>,
    sync: Option<Sync>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Binding {
    origin: Origin,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Sync {
    attempt: Option<Value>,
}

/// Takes the old meaning to coderd, then deletes the object.
pub(super) async fn delete(
    wire: &Wire,
    exchange: &Exchange,
    identity: &Identity,
) -> Result<Response<Body>, Fault> {
    if is_system_controller(identity) {
        return wire.pass(exchange).await;
    }
    let Some(options) = options(exchange)? else {
        // kube-apiserver says what is wrong with them.
        return wire.pass(exchange).await;
    };
    for _ in 0..TRIES {
        let live = match wire.ask(&exchange.read()).await? {
            Asked::Done(live) => object(&live)?,
            Asked::Refused(StatusCode::NOT_FOUND, _) => return wire.pass(exchange).await,
            // Deleted as it is, the object would leave its twin behind without a word.
            Asked::Refused(_, told) => return Ok(told),
        };
        let Some(claim) = claim(&live, &options) else {
            return wire.pass(exchange).await;
        };
        let claimed = match wire.ask(&claiming(exchange, &claim)).await? {
            Asked::Done(claimed) => object(&claimed)?,
            // Somebody was faster.
            Asked::Refused(StatusCode::CONFLICT, _) => continue,
            Asked::Refused(StatusCode::NOT_FOUND, _) => return wire.pass(exchange).await,
            Asked::Refused(_, told) => return Ok(told),
        };
        let exactly = json!(exactly(options.clone(), claimed.metadata));
        let mut deletion = exchange.with_json(exactly.to_string());
        deletion.query = String::new();
        let deleted = wire.pass(&deletion).await?;
        // The claim has woken the controller, which may have written meanwhile.
        if deleted.status() != StatusCode::CONFLICT || names_version(&options) {
            return Ok(deleted);
        }
    }
    Err(Fault::Unavailable(
        "the object changes too fast to be deleted, please try again".to_owned(),
    ))
}

fn object(body: &[u8]) -> Result<Object, Fault> {
    serde_json::from_slice(body)
        .map_err(|error| Fault::Internal(format!("the object to delete cannot be read: {error}")))
}

fn names_version(options: &DeleteOptions) -> bool {
    let wanted = options.preconditions.as_ref();
    wanted.is_some_and(|wanted| wanted.resource_version.is_some())
}

/// Refuses what would be judged by this server's rights instead of the caller's.
pub(super) fn check_options(exchange: &Exchange) -> Result<(), Fault> {
    const UNSAFE: &str = "ignoreStoreReadErrorWithClusterBreakingPotential";
    let named = exchange
        .body
        .windows(UNSAFE.len())
        .any(|window| window == UNSAFE.as_bytes());
    // A name may be spelled with escapes, but only in what can be read.
    let meant = read(exchange).is_some_and(|options: Value| options.get(UNSAFE).is_some());
    if named || meant || parameter(&exchange.query, UNSAFE).is_some() {
        return Err(Fault::Forbidden {
            name: exchange.target.name.clone().unwrap_or_default(),
            message: format!("{UNSAFE} is not available through the aggregated API: use coder.com"),
        });
    }
    Ok(())
}

/// Whether the caller is a controller of Kubernetes itself.
fn is_system_controller(identity: &Identity) -> bool {
    identity.name == "system:kube-controller-manager"
        || identity
            .groups
            .iter()
            .any(|group| group == "system:serviceaccounts:kube-system")
}

/// The caller's options, from the body or, where there is none, the query. None where they cannot be
/// read or are none that kube-apiserver takes.
fn options(exchange: &Exchange) -> Result<Option<DeleteOptions>, Fault> {
    if exchange.body.is_empty() {
        return Ok(from_query(&exchange.query).filter(is_valid));
    }
    if !matches!(exchange.media, Media::Json | Media::Yaml) {
        return Err(Fault::UnsupportedMediaType(OPTIONS_MEDIA));
    }
    Ok(read(exchange).filter(is_valid))
}

fn read<T: DeserializeOwned>(exchange: &Exchange) -> Option<T> {
    if exchange.media == Media::Json {
        return serde_json::from_slice(&exchange.body).ok();
    }
    let text = std::str::from_utf8(&exchange.body).ok()?;
    serde_saphyr::from_str(text).ok()
}

fn from_query(query: &str) -> Option<DeleteOptions> {
    let is_true = |value: &str| value != "0" && !value.eq_ignore_ascii_case("false");
    let grace = parameter(query, "gracePeriodSeconds");
    let uid = parameter(query, "uid").filter(|uid| !uid.is_empty());
    Some(DeleteOptions {
        kind: Some("DeleteOptions".to_owned()),
        api_version: Some("v1".to_owned()),
        propagation_policy: parameter(query, "propagationPolicy"),
        grace_period_seconds: grace.map(|value| value.parse()).transpose().ok()?,
        orphan_dependents: parameter(query, "orphanDependents").map(|value| is_true(&value)),
        dry_run: parameter(query, "dryRun").map(|value| vec![value]),
        preconditions: uid.map(|uid| Preconditions {
            uid: Some(uid),
            resource_version: None,
        }),
        ..DeleteOptions::default()
    })
}

/// Nothing is claimed for a request that is refused in the end.
fn is_valid(options: &DeleteOptions) -> bool {
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

/// The apply that makes this object's deletion reach coderd; none where none is needed or the caller
/// means another state of it.
fn claim(live: &Object, options: &DeleteOptions) -> Option<Value> {
    let is_dry = options.dry_run.as_ref().is_some_and(|dry| !dry.is_empty());
    let is_ending = live.metadata.deletion_timestamp.is_some();
    if is_dry || is_ending || !is_meant(live, options) || !live.has_twin() {
        return None;
    }
    let policy = live.spec.as_ref().and_then(|spec| spec.deletion_policy);
    match (policy, live.has_finalizer()) {
        (Some(DeletionPolicy::Retain), _) | (Some(DeletionPolicy::Delete), true) => return None,
        // What was made from here is deleted in coderd by default.
        (None, true) if live.origin() == Some(Origin::Kubernetes) => return None,
        (Some(DeletionPolicy::Delete), false) | (None, _) => {}
    }
    let declared = policy
        .is_none()
        .then(|| json!({"deletionPolicy": "Delete"}));
    let mut claim = json!({
        "apiVersion": STORED_GROUP_VERSION,
        "kind": live.kind,
        // uid and version: exactly this object, and never a new one.
        "metadata": {
            "name": live.metadata.name,
            "uid": live.metadata.uid,
            "resourceVersion": live.metadata.resource_version,
            "finalizers": [FINALIZER],
        },
    });
    if let (Some(claim), Some(spec)) = (claim.as_object_mut(), declared) {
        claim.insert("spec".to_owned(), spec);
    }
    Some(claim)
}

/// Whether this is the state of the object that the caller wants to delete.
fn is_meant(live: &Object, options: &DeleteOptions) -> bool {
    let Some(wanted) = &options.preconditions else {
        return true;
    };
    let is = |wanted: &Option<String>, is: &Option<String>| wanted.is_none() || wanted == is;
    is(&wanted.uid, &live.metadata.uid)
        && is(&wanted.resource_version, &live.metadata.resource_version)
}

impl Object {
    fn origin(&self) -> Option<Origin> {
        let binding = self.status.as_ref()?.binding.as_ref()?;
        Some(binding.origin)
    }

    /// Whether there is, or may be, something in coderd.
    fn has_twin(&self) -> bool {
        self.status.as_ref().is_some_and(|status| {
            let sync = status.sync.as_ref();
            status.binding.is_some() || sync.is_some_and(|sync| sync.attempt.is_some())
        })
    }

    fn has_finalizer(&self) -> bool {
        let mut finalizers = self.metadata.finalizers.iter().flatten();
        finalizers.any(|one| one == FINALIZER)
    }
}

/// The claim as a request of this server.
fn claiming(exchange: &Exchange, claim: &Value) -> Exchange {
    let mut claiming = exchange.read();
    claiming.method = Method::PATCH;
    claiming.target.verb = Verb::Patch;
    claiming.query = format!("fieldManager={MANAGER_SHIM}");
    let apply = HeaderValue::from_static(yaml::APPLY);
    claiming.headers.insert(header::CONTENT_TYPE, apply);
    claiming.body = yaml::written(claim).into();
    claiming
}

/// `options` for the object as it was claimed.
fn exactly(options: DeleteOptions, claimed: ObjectMeta) -> DeleteOptions {
    DeleteOptions {
        preconditions: Some(Preconditions {
            uid: claimed.uid,
            resource_version: claimed.resource_version,
        }),
        ..options
    }
}

#[cfg(test)]
mod tests;
