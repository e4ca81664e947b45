//! What the core needs to know of a kind of object that has a twin in coderd; there are two.

use std::{fmt::Debug, time::Duration};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use serde_json::Value;
use uuid::Uuid;

use super::{
    context::Context, field::FieldState, outlook::Outlook, plan::Plan, report::Report,
    spelling::Spelled,
};
use crate::api::{
    object_name::ObjectName,
    status::{Binding, DeletionPolicy, DriftPolicy, RunRecord, Sync},
};

/// A kind of object that has a twin in coderd.
pub trait Kind: Clone + Debug + PartialEq {
    /// What coderd calls such a twin.
    const NOUN: &'static str;

    /// The identity that the object's name spells.
    type Name: ObjectName;
    /// The twin, as far as deciding and reporting need it.
    type Twin: TwinFacts<Self::Name> + Clone + Debug + PartialEq;
    /// What is looked at for this kind only.
    type Sight<'a>: Clone + Debug;
    /// One change of coderd.
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

    /// What the run lever of a restored object starts from: the first look mirrors.
    fn restored_run(&self) -> Option<RunRecord> {
        None
    }

    /// How coderd spells the parts of the name; none where it was not asked.
    fn spelled(name: &Self::Name, sight: &Self::Sight<'_>) -> Option<Spelled>;

    /// Why `twin`, which has the natural key of `name`, is not the one that is meant.
    fn taken(_name: &Self::Name, _twin: &Self::Twin) -> Option<String> {
        None
    }

    /// The next step of creating a twin that is absent.
    fn create(context: &Context<Self>, name: &Self::Name) -> Plan<Self>;

    /// What becomes of a declared object whose twin `id` is gone for good.
    fn lost(context: &Context<Self>, id: &str) -> Plan<Self>;

    /// The next step of deleting `twin`.
    fn delete(context: &Context<Self>, twin: &Self::Twin) -> Plan<Self>;

    /// The field that an effect is about, or the request, and what it asks for.
    fn asked(effect: &Self::Effect) -> (&'static str, Value);

    /// The settings that can be pushed one by one.
    fn settings(context: &Context<Self>, twin: &Self::Twin) -> Vec<(&'static str, FieldState)>;

    /// The effect that sets a setting to its declared value.
    fn set(field: &'static str, wanted: Option<&Value>) -> Self::Effect;

    /// The next step of what is more than a setting: the run state, or the version of a source.
    fn advance(context: &Context<Self>) -> Option<Plan<Self>>;

    /// Every field that `coderd` owns where nobody declares it.
    fn mirrored(context: &Context<Self>, twin: &Self::Twin) -> Vec<FieldState>;

    /// The next step of bringing `spec` up to date with coderd.
    fn mirror(context: &Context<Self>) -> Option<Plan<Self>>;

    /// The effects besides settings that are asked for: a refusal of one of them still matters.
    fn pending(context: &Context<Self>, twin: &Self::Twin) -> Vec<Self::Effect>;

    /// The declared fields that are not synchronised yet.
    fn unsupported(context: &Context<Self>) -> Vec<String>;

    /// What differs besides settings and is only watched.
    fn drifted(_context: &Context<Self>, _twin: &Self::Twin) -> Vec<String> {
        Vec::new()
    }

    /// What the object says once no step is left: the first check that objects, or that all is well.
    fn outlook(context: &Context<Self>, twin: &Self::Twin) -> Outlook;

    /// Adds the conditions that only this kind has.
    fn add_findings(context: &Context<Self>, outlook: &mut Outlook);

    /// When to look again once no step is left; none waits for a change.
    fn look_again(context: &Context<Self>) -> Option<Duration>;

    /// The records that only this kind has, once no step is left.
    fn own_records_at_rest(context: &Context<Self>) -> Self::OwnRecords {
        context.object.own_records()
    }

    /// The complete status: what coderd says of the twin, and the report.
    fn status(context: &Context<Self>, report: Report<Self>) -> Self::Status;
}

/// What both kinds know of a twin.
pub trait TwinFacts<Name> {
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
}

/// What both kinds have in `status`; empty where there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct SharedStatus<'a> {
    /// `observedGeneration`.
    pub observed_generation: Option<i64>,
    /// `lastHandledReconcileAt`.
    pub last_handled_reconcile_at: Option<&'a str>,
    /// `binding`.
    pub binding: Option<&'a Binding>,
    /// `sync`.
    pub sync: Option<&'a Sync>,
    /// `conditions`.
    pub conditions: &'a [Condition],
}
