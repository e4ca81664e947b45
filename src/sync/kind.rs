//! What the core needs to know of a kind of object that has an external object in coderd; there are two.

use std::fmt::Debug;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use serde_json::Value;
use uuid::Uuid;

use super::spelling::Spelled;
use crate::api::{
    object_name::ObjectName,
    status::{Binding, DeletionPolicy, DriftPolicy, Sync},
};

/// A kind of object that has an external object in coderd.
pub trait SyncedKind: Clone + Debug + PartialEq + 'static {
    /// What coderd calls such an external object.
    const NOUN: &'static str;
    /// Whether coderd takes all changes of fields with one request; else each goes by itself.
    const IS_PATCHED_AS_ONE: bool;

    /// The identity that the object's name spells.
    type Name: ObjectName;
    /// The external object, as far as deciding and reporting need it.
    type External: ExternalObject<Self::Name> + Clone + Debug + PartialEq;
    /// What is looked at for this kind only.
    type Observed<'a>: Clone + Debug;
    /// The request that changes fields.
    type Patch: Default;
    /// The request that creates an external object.
    type New: Debug;
    /// One change of coderd other than of fields.
    type Effect: Clone + Debug + PartialEq;
    /// The records in status that only this kind has.
    type OwnRecords: Clone + Debug + Default + PartialEq;
    /// `status`.
    type Status;

    /// The object's metadata.
    fn metadata(&self) -> &ObjectMeta;

    /// What both kinds have in `spec`.
    fn shared_spec(&self) -> SharedSpec<'_>;

    /// What both kinds have in `status`.
    fn shared_status(&self) -> SharedStatus<'_>;

    /// The records that only this kind has.
    fn own_records(&self) -> Self::OwnRecords;

    /// How coderd spells the parts of the name; none where it was not asked.
    fn spelled(name: &Self::Name, observed: &Self::Observed<'_>) -> Option<Spelled>;

    /// What an effect is called where it was refused, and what it asks for.
    fn refusal_key(effect: &Self::Effect) -> (&'static str, Value);
}

/// What both kinds know of an external object.
pub trait ExternalObject<Name> {
    /// coderd's id.
    fn id(&self) -> Uuid;

    /// When it was created, by coderd's clock.
    fn created_at(&self) -> Timestamp;

    /// Who created it, by id; none where that was not asked.
    fn creator(&self) -> Option<Uuid>;

    /// The identity that an object for it has.
    fn object_name(&self) -> Name;
}

/// What both kinds have in `spec`.
#[derive(Clone, Copy, Debug)]
pub struct SharedSpec<'a> {
    /// `organization`.
    pub organization: Option<&'a str>,
    /// `deletionPolicy`.
    pub deletion_policy: Option<DeletionPolicy>,
    /// `driftPolicy`.
    pub drift_policy: Option<DriftPolicy>,
    /// `running`, where it means anything.
    pub running: Option<bool>,
}

/// What both kinds have in `status`; empty where there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct SharedStatus<'a> {
    /// `observedGeneration`.
    pub observed_generation: Option<i64>,
    /// `lastHandledReconcileAt`.
    pub last_handled_reconcile_at: Option<&'a str>,
    /// `controlPlane`.
    pub control_plane: Option<&'a str>,
    /// `binding`.
    pub binding: Option<&'a Binding>,
    /// `sync`.
    pub sync: Option<&'a Sync>,
    /// `conditions`.
    pub conditions: &'a [Condition],
}
