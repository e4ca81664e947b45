//! Whether an object has to be claimed before it is deleted, and which claim is whose.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    DeleteOptions, ManagedFieldsEntry, ObjectMeta, Time,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    api::{
        names::{FINALIZER, MANAGER_SHIM},
        status::{DeletionPolicy, Origin},
    },
    apiserver::names::STORED_GROUP_VERSION,
};

/// What deleting an object depends on.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Object {
    kind: String,
    pub(super) metadata: ObjectMeta,
    spec: Option<Spec>,
    status: Option<Status>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Applied<'a> {
    api_version: &'static str,
    kind: &'a str,
    metadata: ObjectMeta,
    #[serde(skip_serializing_if = "Option::is_none")]
    spec: Option<Spec>,
}

/// What a claim says.
const HOLD: &[&str] = &[FINALIZER];
const DELETE: Option<Spec> = Some(Spec {
    deletion_policy: Some(DeletionPolicy::Delete),
});

/// What comes before the deletion of an object.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Before {
    /// Nothing: its deletion means what it has to mean.
    Nothing,
    /// Nothing either, as long as the claim that it carries is there. Whoever made that may take it
    /// back.
    StayingClaimed,
    /// This apply, which makes its deletion reach coderd.
    Claim(Value),
}

impl Before {
    /// What `options` need of the object as it is.
    pub(super) fn of(live: &Object, options: &DeleteOptions) -> Self {
        let is_dry = options.dry_run.as_ref().is_some_and(|dry| !dry.is_empty());
        if is_dry || live.is_ending() || !is_meant(live, options) || !live.has_twin() {
            return Self::Nothing;
        }
        let policy = live.spec.as_ref().and_then(|spec| spec.deletion_policy);
        let made_here = live.origin() == Some(Origin::Kubernetes);
        match (policy, live.has_finalizer()) {
            (Some(DeletionPolicy::Delete), true) if live.claim().is_some() => Self::StayingClaimed,
            (Some(DeletionPolicy::Retain), _) | (Some(DeletionPolicy::Delete), true) => {
                Self::Nothing
            }
            // What was made from here is deleted in coderd by default.
            (None, true) if made_here => Self::Nothing,
            (Some(DeletionPolicy::Delete), false) => Self::Claim(live.applied(HOLD, None)),
            (None, _) => Self::Claim(live.applied(HOLD, DELETE)),
        }
    }
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

/// A claim that this very request made. All replicas claim under one name, so what tells it from
/// others is when it was made on which object: there is none beside it, and another one can only be
/// made after this one was dropped.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Claimed {
    uid: Option<String>,
    made: Option<Time>,
}

impl Claimed {
    /// By the answer to it; none where nothing is claimed any more.
    pub(super) fn on(object: &Object) -> Option<Self> {
        let claim = object.claim()?;
        Some(Self {
            uid: object.metadata.uid.clone(),
            made: claim.time.clone(),
        })
    }

    /// The apply that takes the claim back from the object as it is: what nobody else owns goes. None
    /// where it is not there any more, or its deletion has come.
    pub(super) fn undone(&self, live: &Object) -> Option<Value> {
        let is_there = Self::on(live).as_ref() == Some(self) && !live.is_ending();
        is_there.then(|| live.applied(&[], None))
    }
}

impl Object {
    /// An apply of no more than this. By uid and version it is for exactly this object, and never for a
    /// new one.
    fn applied(&self, finalizers: &[&str], spec: Option<Spec>) -> Value {
        let finalizers = finalizers.iter().map(|&name| name.to_owned()).collect();
        json!(Applied {
            api_version: STORED_GROUP_VERSION,
            kind: &self.kind,
            metadata: ObjectMeta {
                name: self.metadata.name.clone(),
                uid: self.metadata.uid.clone(),
                resource_version: self.metadata.resource_version.clone(),
                finalizers: Some(finalizers).filter(|names: &Vec<_>| !names.is_empty()),
                ..ObjectMeta::default()
            },
            spec,
        })
    }

    fn is_ending(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

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

    fn claim(&self) -> Option<&ManagedFieldsEntry> {
        let mut entries = self.metadata.managed_fields.iter().flatten();
        entries.find(|entry| {
            entry.manager.as_deref() == Some(MANAGER_SHIM)
                && entry.operation.as_deref() == Some("Apply")
        })
    }
}
