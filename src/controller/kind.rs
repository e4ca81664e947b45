//! What the driver needs to know of a kind; there are two.

use k8s_openapi::api::core::v1::ObjectReference;
use serde::Serialize;

use super::{Controller, Key, cause::Outcome};
use crate::{
    api::status::{Binding, Refusal},
    k8s::object::{self, Objects},
    sync::{
        outlook::Outlook,
        ownership::Ownership,
        plan::{ObjectEffect, Plan},
        twin::Cause,
    },
};

/// A kind of object with a twin in coderd.
pub(super) trait Kind: Sized + 'static {
    /// The object.
    type Object: object::Kind + Clone + Send + Sync + 'static;
    /// Its status.
    type Status: Clone + Default + PartialEq + Serialize + Send + Sync;
    /// What was seen of coderd.
    type Seen: Send + Sync;
    /// An effect on either side.
    type Effect: Clone + PartialEq + Send + Sync;
    /// The records in status.
    type Records: Send;

    /// The objects of this kind.
    fn objects(controller: &Controller) -> &Objects<Self::Object>;

    /// The object's status, empty where there is none.
    fn status(object: &Self::Object) -> Self::Status;

    /// The object with another status.
    fn set_status(object: &mut Self::Object, status: Self::Status);

    /// Marks the present generation as acted on if `before` was: our own write to `spec` asks for
    /// nothing, and must not make what failed or was refused be tried again.
    fn keep_up(object: &mut Self::Object, before: Option<i64>);

    /// The twin that the object is bound to.
    fn binding(object: &Self::Object) -> Option<&Binding>;

    /// The object's spec as JSON.
    fn spec(object: &Self::Object) -> serde_json::Value;

    /// Looks at coderd, as far as the object needs it.
    fn observe(
        controller: &Controller,
        key: &Key,
        object: &Self::Object,
        ownership: &Ownership,
    ) -> impl Future<Output = Self::Seen> + Send;

    /// Whether the twin is there.
    fn is_present(seen: &Self::Seen) -> bool;

    /// Why nothing could be seen.
    fn unknown(seen: &Self::Seen) -> Option<&Cause>;

    /// Everything that is decided about one look.
    fn judge(look: &Look<'_, Self>) -> Plan<Self::Effect, Self::Records>;

    /// The status that says so; with the records given, or with those that hold at rest.
    fn report(
        look: &Look<'_, Self>,
        records: Option<Self::Records>,
        outlook: &Outlook,
    ) -> Self::Status;

    /// The part of an effect that concerns the object itself.
    fn object_effect(effect: &Self::Effect) -> Option<&ObjectEffect>;

    /// Brings about an effect in coderd.
    fn act(look: &Look<'_, Self>, effect: &Self::Effect) -> impl Future<Output = Outcome> + Send;

    /// The record that coderd refused an effect.
    fn refused(effect: &Self::Effect, message: &str) -> Refusal;

    /// The object, for an Event.
    fn reference(object: &Self::Object) -> ObjectReference;
}

/// One look at both sides.
pub(super) struct Look<'a, K: Kind> {
    pub(super) controller: &'a Controller,
    pub(super) key: &'a Key,
    pub(super) object: &'a K::Object,
    pub(super) ownership: &'a Ownership,
    pub(super) seen: &'a K::Seen,
    pub(super) refused: &'a [Refusal],
}
