//! Where an object stands, apart from its fields: its policies, its binding and what was asked of it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::{
    conditions::ConditionSet,
    fields::ownership::{FieldPath, Ownership},
    kind::SyncedKind,
};
use crate::api::{
    condition::Reason,
    names,
    status::{Binding, DeletionPolicy, DriftPolicy, Origin, Sync},
};

/// What both kinds have in common for deciding.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The object's metadata.
    pub metadata: &'a ObjectMeta,
    /// `status.binding`.
    pub binding: Option<&'a Binding>,
    /// `status.sync`.
    pub sync: Option<&'a Sync>,
    /// `spec.driftPolicy`, or its default.
    pub drift_policy: DriftPolicy,
    /// Whether anybody but us owns something in `spec`.
    pub is_declared: bool,
    /// Whether all that is in `spec` mirrors coderd, as an import leaves it.
    only_mirrors: bool,
    deletion_policy: Option<DeletionPolicy>,
    observed_generation: Option<i64>,
    last_handled: Option<&'a str>,
}

/// Who owns what in `object`, whose `spec` is this.
pub fn ownership_of<K: SyncedKind>(object: &K, spec: &Value) -> Ownership {
    let managed_fields = object.metadata().managed_fields.as_deref();
    let was_made_in_coderd = match object.shared_status().binding {
        Some(binding) => binding.origin == Origin::Coderd,
        None => label_of(object.metadata(), names::LABEL_ORIGIN) == Some(Origin::Coderd.as_str()),
    };
    Ownership::of(managed_fields.unwrap_or_default(), spec).made_in_coderd(was_made_in_coderd)
}

fn label_of<'a>(metadata: &'a ObjectMeta, name: &str) -> Option<&'a str> {
    metadata.labels.as_ref()?.get(name).map(String::as_str)
}

/// That deleting an object takes nothing away in coderd. Only a standing gives it, so that no delete of ours
/// can be meant for the external object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternalStays(());

impl<'a> Standing<'a> {
    /// The standing of `object`, whose fields are owned as said.
    pub fn of<K: SyncedKind>(object: &'a K, ownership: &Ownership) -> Self {
        let (spec, status) = (object.shared_spec(), object.shared_status());
        let is_declared = ownership.declares_anything();
        let organization = FieldPath::spec("organization");
        Self {
            metadata: object.metadata(),
            binding: status.binding,
            sync: status.sync,
            drift_policy: spec.drift_policy.unwrap_or_default(),
            is_declared,
            only_mirrors: !is_declared && ownership.held_by_coderd(&organization),
            deletion_policy: spec.deletion_policy,
            observed_generation: status.observed_generation,
            last_handled: status.last_handled_reconcile_at,
        }
    }

    /// What deleting the object does in coderd: as declared, else by who made the external object. An
    /// external object object that is still to be made will have been made here.
    pub fn deletion_policy(&self) -> DeletionPolicy {
        let by_origin = match self.origin() {
            Origin::Kubernetes => DeletionPolicy::Delete,
            Origin::Coderd => DeletionPolicy::Retain,
        };
        self.deletion_policy.unwrap_or(by_origin)
    }

    /// Who made the external object, or would make it. The label outlives the binding: an external object
    /// that is made again counts as the one before, so that the default policy stays what it was.
    pub fn origin(&self) -> Origin {
        let was_adopted = self.label(names::LABEL_ORIGIN) == Some(Origin::Coderd.as_str());
        match self.binding {
            Some(binding) => binding.origin,
            None if self.is_restored() || was_adopted || self.only_mirrors => Origin::Coderd,
            None => Origin::Kubernetes,
        }
    }

    /// Whether the object only shows an external object that was made in coderd: nobody asked for the
    /// object, and nobody declares anything in it. What was made here stays somebody's, also where every
    /// field was handed back.
    pub fn is_imported(&self) -> bool {
        self.origin() == Origin::Coderd && !self.is_declared
    }

    /// Whether the object may be deleted by us, for its external object stays: nobody but us made it, or
    /// declares anything in it.
    pub fn is_removable(&self) -> bool {
        self.is_imported() && self.deletion_policy() == DeletionPolicy::Retain
    }

    /// That deleting the object takes nothing away; none where it is not removable, or our own finalizer
    /// would be met.
    pub fn external_stays(&self) -> Option<ExternalStays> {
        (self.is_removable() && !self.has_finalizer()).then_some(ExternalStays(()))
    }

    /// The records of the controller, empty where there are none.
    pub fn records(&self) -> Sync {
        self.sync.cloned().unwrap_or_default()
    }

    /// Whether the object is being deleted.
    pub fn is_terminating(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// Whether our finalizer is on.
    pub fn has_finalizer(&self) -> bool {
        self.metadata
            .finalizers
            .iter()
            .flatten()
            .any(|name| name == names::FINALIZER)
    }

    /// Whether nothing may be written to coderd.
    pub fn is_paused(&self) -> bool {
        self.annotation(names::ANNOTATION_PAUSED) == Some("true")
    }

    /// Whether the object was bound before and has lost its status: restored from a backup, or
    /// copied. The label is written only after the binding. One that is made again on request has
    /// recorded an attempt.
    pub fn is_restored(&self) -> bool {
        let begun = self.sync.is_some_and(|sync| sync.attempt.is_some());
        self.binding.is_none() && !begun && self.label(names::LABEL_ORIGIN).is_some()
    }

    /// Whether what failed or was refused may be tried again: `spec` is new, or it was asked for.
    pub fn may_retry(&self) -> bool {
        self.has_new_spec() || self.is_requested()
    }

    /// Whether a reconcile was asked for and not acted on yet.
    pub fn is_requested(&self) -> bool {
        self.reconcile_request().is_some() && self.reconcile_request() != self.last_handled
    }

    /// Whether this generation was not acted on yet.
    pub fn has_new_spec(&self) -> bool {
        self.observed_generation != self.metadata.generation
    }

    /// The generation and the request for a reconcile that a status with this conditions has acted on.
    /// None as long as the object is only being tied to its external object: what is pushed then carries
    /// out an edit, and corrects nobody.
    pub fn acted_on(&self, conditions: &ConditionSet) -> (Option<i64>, Option<String>) {
        if conditions.is_unknown() || conditions.because.0 == Reason::Creating {
            (
                self.observed_generation,
                self.last_handled.map(str::to_owned),
            )
        } else {
            (
                self.metadata.generation,
                self.reconcile_request().map(str::to_owned),
            )
        }
    }

    /// The value of the annotation that asks for a reconcile.
    pub fn reconcile_request(&self) -> Option<&'a str> {
        self.annotation(names::ANNOTATION_RECONCILE_REQUESTED_AT)
    }

    /// The value of annotation `name`.
    pub fn annotation(&self, name: &str) -> Option<&'a str> {
        self.metadata
            .annotations
            .as_ref()?
            .get(name)
            .map(String::as_str)
    }

    /// The value of label `name`.
    pub fn label(&self, name: &str) -> Option<&'a str> {
        label_of(self.metadata, name)
    }
}
