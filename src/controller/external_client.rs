//! What the driver needs to know of a kind beyond what the core does; there are two.

use kube::{
    CustomResourceExt,
    core::object::{HasSpec, HasStatus},
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    control_plane::ControlPlane,
    inventory::Awaited,
    key::Key,
    observation::{Observable, Observation},
    outcome::StepResult,
    scope::Scope,
    shared::Shared,
};
use crate::{
    coderd,
    k8s::object::{self, Objects},
    sync::{self, chain::Planned, fields::ownership::Ownership, rules::deletion::Departure},
};

/// What an import makes an object from.
pub(super) struct Importable {
    /// The name of the object.
    pub(super) name: String,
    /// The organization, as coderd spells it.
    pub(super) organization: String,
}

/// A kind of object with an external object in coderd.
pub(super) trait ExternalClient:
    Observable
    + Planned<
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
    /// The objects of this kind.
    fn objects(shared: &Shared) -> &Objects<Self>;

    /// The key of the object.
    fn key(place: object::Key) -> Key;

    /// What object external `id` would have; none where it is not there, or is none that is imported.
    fn importable(
        client: &coderd::Client,
        id: Uuid,
    ) -> impl Future<Output = Result<Option<Importable>, coderd::Error>> + Send;

    /// Marks `generation` as acted on.
    fn set_observed_generation(&mut self, generation: Option<i64>);

    /// Looks for the external object by its id.
    fn by_id(
        &self,
        plane: &ControlPlane,
        id: Uuid,
        seen: &mut Observation<Self>,
    ) -> impl Future<Output = Result<(), coderd::Error>> + Send;

    /// Looks for the external object by its natural key, and how coderd spells it.
    fn by_name(
        &self,
        plane: &ControlPlane,
        name: &Self::Name,
        seen: &mut Observation<Self>,
    ) -> impl Future<Output = Result<(), coderd::Error>> + Send;

    /// Looks at what is needed besides, now that the external object was looked for.
    fn observe_more(
        &self,
        plane: &ControlPlane,
        key: &Key,
        ownership: &Ownership,
        departure: Option<Departure>,
        seen: &mut Observation<Self>,
    ) -> impl Future<Output = Result<(), coderd::Error>> + Send;

    /// What an object without an external object waits for.
    fn awaited(&self, _seen: &Observation<Self>) -> Option<Awaited> {
        None
    }

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
