//! Looks at coderd for one object.

use std::time::Duration;

use uuid::Uuid;

use super::{
    control_plane::ControlPlane, deployment::View, external_client::ExternalClient, failure,
    key::Key, observation::Observation,
};
use crate::{
    api::{
        condition::Reason, control_plane::CoderControlPlane, names::STATIC_CONTROL_PLANE,
        object_name::ObjectName, text::chain,
    },
    coderd,
    k8s::{
        crd::{CrdState, crd_state, served},
        error::Error,
        object::Objects,
    },
    sync::{
        context::Deployment,
        external::{External, Failure},
        fields::ownership::Ownership,
        kind::ExternalObject,
        released::Released,
        rules::{
            deletion::{self, Departure},
            guard::Patience,
        },
        standing::Standing,
    },
};

/// How late a kind that is being removed may be served less, after its objects began to be deleted.
const DISCOVERY_LAG: Duration = Duration::from_secs(10);

fn no_id(id: &str) -> Failure {
    Failure::new(Reason::NotProved, format!("{id} is no id of coderd"))
}

/// Looks at coderd, as far as the object needs it and what was `kept` does not tell. Nothing is asked of
/// coderd for an object that is let go whatever it says.
pub(super) async fn observe<K: ExternalClient>(
    plane: &ControlPlane,
    key: &Key,
    object: &K,
    ownership: &Ownership,
    kept: Option<Observation<K>>,
) -> Observation<K> {
    let standing = Standing::of(object, ownership);
    let is_held = standing.is_terminating() && standing.has_finalizer();
    let released = if is_held {
        plane.released::<K>(key).await
    } else {
        Ok(None)
    };
    let mut seen = Observation::<K> {
        external: External::Unknown(Failure::new(Reason::Pending, "not looked at")),
        own: object.seen_alone(ownership),
        coderd_now: None,
        patience: Patience::Lasting(plane.shared.settings.patience()),
        bound_elsewhere: None,
        deployment: Deployment::default(),
        released: released.as_ref().ok().cloned().flatten(),
        damper: plane.shared.memory.damper(key),
    };
    let departure = deletion::departure(&standing, seen.released.as_ref());
    if matches!(departure, Some(Departure::NotHeld | Departure::Release)) {
        return seen;
    }
    let deployment = match plane.view(key) {
        View::Open(deployment) => released
            .and_then(|_| same_deployment(&standing, &deployment))
            .map(|()| deployment),
        View::Blind(failure) => {
            seen.patience = Patience::None;
            Err(failure)
        }
        View::Nowhere(failure) => Err(failure),
        View::Awaited => {
            seen.patience = Patience::Endless;
            Err(Failure::new(Reason::Pending, "coderd was not asked yet"))
        }
    };
    match deployment {
        Ok(deployment) => seen.deployment = deployment,
        Err(failure) => {
            seen.external = External::Unknown(failure);
            return seen;
        }
    }
    let mut looked = match kept {
        Some(kept) => {
            seen.external = kept.external;
            seen.coderd_now = kept.coderd_now;
            K::keep(kept.own, &mut seen.own);
            Ok(())
        }
        None => find(plane, &standing, object, &mut seen).await,
    };
    if looked.is_ok() {
        looked = object
            .observe_more(plane, key, ownership, departure, &mut seen)
            .await;
    }
    if let Err(error) = looked {
        seen.external = External::Unknown(failure::of(&error));
    }
    if let External::Present(external) = &seen.external {
        seen.bound_elsewhere = plane.bound_elsewhere(key, external.id());
        let is_bound = standing.binding.is_some();
        if let Some(failure) = plane
            .bindings_are_unknown(key.object_kind())
            .filter(|_| !is_bound)
        {
            seen.external = External::Unknown(failure);
        }
    }
    seen
}

/// Looks for the external object: by its id once that is known, before by its name.
async fn find<K: ExternalClient>(
    plane: &ControlPlane,
    standing: &Standing<'_>,
    object: &K,
    seen: &mut Observation<K>,
) -> Result<(), coderd::Error> {
    if let Some(binding) = standing.binding {
        let Ok(id) = binding.id.parse() else {
            seen.external = External::Unknown(no_id(&binding.id));
            return Ok(());
        };
        return object.by_id(plane, id, seen).await;
    }
    seen.external = External::Absent;
    let name = standing.metadata.name.as_deref().and_then(K::Name::parse);
    match name {
        Some(name) => object.by_name(plane, &name, seen).await,
        None => Ok(()),
    }
}

/// The object must not be bound to another deployment than the one that answers.
fn same_deployment(standing: &Standing<'_>, deployment: &Deployment) -> Result<(), Failure> {
    match standing.binding {
        Some(binding) if binding.deployment_id != deployment.deployment_id => {
            let message = format!(
                "the object is bound to deployment {}, but {} answers at this address",
                binding.deployment_id, deployment.deployment_id
            );
            Err(Failure::new(Reason::DeploymentMismatch, message))
        }
        _ => Ok(()),
    }
}

impl ControlPlane {
    /// Why a terminating object is let go whatever its deletion policy says. Where that cannot be told, nothing
    /// may be deleted in coderd.
    async fn released<K: ExternalClient>(&self, key: &Key) -> Result<Option<Released>, Failure> {
        if let Some(gone) = self.control_plane_is_gone(key).await? {
            return Ok(Some(gone));
        }
        match self.kind_state::<K>(key).await? {
            Ok(state) => Ok((state != CrdState::Present).then_some(Released::KindIsGoing)),
            Err(error) => {
                let message = format!(
                    "it cannot be told whether the kind itself is being removed, so that nothing is \
                     deleted in Coder: {}",
                    chain(&error)
                );
                tracing::warn!(message);
                Err(Failure::new(Reason::NotProved, message))
            }
        }
    }

    /// Whether the kind itself is being removed. Who may not read CRDs is told by what is served, which is a moment
    /// late: until then, it counts as unknown.
    async fn kind_state<K: ExternalClient>(
        &self,
        key: &Key,
    ) -> Result<Result<CrdState, Error>, Failure> {
        let kube = &self.shared.settings.kube;
        match crd_state(kube, K::crd_name()).await {
            Err(error) if error.is_forbidden() => {
                let left = DISCOVERY_LAG.saturating_sub(self.shared.memory.leaving_for(key));
                if left.is_zero() {
                    return Ok(served::<K>(kube).await);
                }
                let message = "waiting a moment, to know whether the kind itself is being removed";
                Err(Failure {
                    retry_after: Some(left),
                    ..Failure::new(Reason::Pending, message)
                })
            }
            known => Ok(known),
        }
    }

    /// Whether the control plane that the object belongs to is gone for good: the API server's own word on that very
    /// object. Of the one that the flags name, nobody can tell.
    async fn control_plane_is_gone(&self, key: &Key) -> Result<Option<Released>, Failure> {
        let is_gone = match self.view(key) {
            View::Nowhere(failure) => failure.reason == Reason::ControlPlaneGone,
            View::Awaited | View::Open(_) | View::Blind(_) => false,
        };
        let recorded = is_gone.then(|| self.shared.router.recorded(key)).flatten();
        let Some((place, others)) =
            recorded.filter(|(place, _)| place.name != STATIC_CONTROL_PLANE)
        else {
            return Ok(None);
        };
        let objects = Objects::<CoderControlPlane>::new(self.shared.settings.kube.clone());
        let name = place.name.clone();
        match objects.get(&place).await {
            Ok(None) => Ok(Some(Released::ControlPlaneIsGone { name, others })),
            Ok(Some(_)) => Ok(None),
            Err(error) => Err(Failure::new(Reason::NotProved, chain(&error))),
        }
    }

    /// Why an object without a binding cannot be bound now: another one may be bound to the same external
    /// object.
    fn bindings_are_unknown(&self, kind: &'static str) -> Option<Failure> {
        let namespace = &self.home.place.namespace;
        (!self.shared.is_watching(kind, namespace)).then(|| {
            let message = "waiting for the list of objects, to know which of them are bound";
            Failure::new(Reason::Pending, message)
        })
    }

    /// The name of another object that is bound to external `id`.
    fn bound_elsewhere(&self, key: &Key, id: Uuid) -> Option<String> {
        match self.home.inventory.bound_to(id)? {
            holder if holder == *key => None,
            Key::Workspace(place) | Key::Template(place) => Some(place.name),
            Key::ImportWorkspace(_) | Key::ImportTemplate(_) => None,
        }
    }
}
