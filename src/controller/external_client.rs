//! What the driver needs to know of a kind beyond what the core does; there are two.

use kube::{
    CustomResourceExt,
    core::object::{HasSpec, HasStatus},
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    Controller, Key, Settings,
    inventory::Awaited,
    outcome::StepResult,
    scope::{Observation, Scope},
};
use crate::{
    coderd,
    k8s::object::{self, Objects},
    sync::{self, chain::Planned, fields::ownership::Ownership, rules::deletion::Departure},
};

/// A kind of object with an external object in coderd.
pub(super) trait ExternalClient:
    Planned<
        Name: Send + Sync,
        External: Send + Sync,
        Patch: Send + Sync,
        Effect: Send + Sync,
        OwnRecords: Send,
        Status: Clone + PartialEq + Serialize + Send + Sync,
    > + object::Kind
    + CustomResourceExt
    + HasSpec<Spec: Serialize>
    + HasStatus<Status = <Self as sync::kind::SyncedKind>::Status>
    + Send
    + Sync
    + 'static
{
    /// What is looked at for this kind only.
    type Own: Default + Send + Sync;

    /// The objects of this kind.
    fn objects(controller: &Controller) -> &Objects<Self>;

    /// Marks `generation` as acted on.
    fn set_observed_generation(&mut self, generation: Option<i64>);

    /// What is to be seen of the object alone.
    fn seen_alone(&self, _ownership: &Ownership) -> Self::Own {
        Self::Own::default()
    }

    /// Looks for the external object by its id.
    fn by_id(
        &self,
        controller: &Controller,
        id: Uuid,
        seen: &mut Observation<Self>,
    ) -> impl Future<Output = Result<(), coderd::Error>> + Send;

    /// Looks for the external object by its natural key, and how coderd spells it.
    fn by_name(
        &self,
        controller: &Controller,
        name: &Self::Name,
        seen: &mut Observation<Self>,
    ) -> impl Future<Output = Result<(), coderd::Error>> + Send;

    /// Whether finding the external asks coderd for no more after a change of the object than before.
    fn asks_the_same(_before: &Self, _after: &Self) -> bool {
        true
    }

    /// Takes over into `now`, which holds what is to be seen of the object alone, what was seen of
    /// coderd before.
    fn keep(before: Self::Own, now: &mut Self::Own);

    /// Looks at what is needed besides, now that the external object was looked for.
    fn observe_more(
        &self,
        controller: &Controller,
        key: &Key,
        ownership: &Ownership,
        departure: Option<Departure>,
        seen: &mut Observation<Self>,
    ) -> impl Future<Output = Result<(), coderd::Error>> + Send;

    /// What an object without an external object waits for.
    fn awaited(&self, _seen: &Observation<Self>) -> Option<Awaited> {
        None
    }

    /// What was seen, for deciding.
    fn observed<'a>(seen: &'a Self::Own, settings: &'a Settings) -> Self::Observed<'a>;

    /// Sets fields in coderd.
    fn update(
        scope: &Scope<'_, Self>,
        patch: &Self::Patch,
    ) -> impl Future<Output = StepResult> + Send;

    /// Brings about another effect in coderd.
    fn act(
        scope: &Scope<'_, Self>,
        effect: &Self::Effect,
    ) -> impl Future<Output = StepResult> + Send;
}
