//! Looks at coderd for one object.

use uuid::Uuid;

use super::{
    control_plane::ControlPlane, deployment::View, external_client::ExternalClient, failure,
    key::Key, observation::Observation,
};
use crate::{
    api::{condition::Reason, object_name::ObjectName, text::chain},
    coderd,
    k8s::crd::{CrdState, crd_state},
    sync::{
        context::Deployment,
        external::{External, Failure},
        fields::ownership::Ownership,
        kind::ExternalObject,
        rules::{
            deletion::{self, Departure},
            guard::Patience,
        },
        standing::Standing,
    },
};

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
    let asks_for_crd = standing.is_terminating() && standing.has_finalizer();
    let crd_is_going = if asks_for_crd {
        plane.crd_is_going::<K>().await
    } else {
        Ok(false)
    };
    let mut seen = Observation::<K> {
        external: External::Unknown(Failure::new(Reason::Pending, "not looked at")),
        own: object.seen_alone(ownership),
        coderd_now: None,
        patience: Patience::Lasting(plane.shared.settings.patience()),
        bound_elsewhere: None,
        deployment: Deployment::default(),
        crd_is_going: matches!(crd_is_going, Ok(true)),
        damper: plane.shared.memory.damper(key),
    };
    let departure = deletion::departure(&standing, seen.crd_is_going);
    if matches!(departure, Some(Departure::NotHeld | Departure::Release)) {
        return seen;
    }
    let deployment = match plane.deployments.get() {
        View::Open(deployment) => crd_is_going
            .and_then(|_| same_deployment(&standing, &deployment))
            .map(|()| deployment),
        View::Blind(failure) => {
            seen.patience = Patience::None;
            Err(failure)
        }
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
    /// Whether the CRD is being removed. Where that cannot be told, nothing may be deleted in coderd:
    /// a removed CRD takes nothing away there.
    async fn crd_is_going<K: ExternalClient>(&self) -> Result<bool, Failure> {
        match crd_state(&self.shared.settings.kube, K::crd_name()).await {
            Ok(state) => Ok(state != CrdState::Present),
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

    /// Why an object without a binding cannot be bound now: another one may be bound to the same external
    /// object.
    fn bindings_are_unknown(&self, kind: &'static str) -> Option<Failure> {
        (!self.shared.is_watching(kind)).then(|| {
            let message = "waiting for the list of objects, to know which of them are bound";
            Failure::new(Reason::Pending, message)
        })
    }

    /// The name of another object that is bound to external `id`.
    fn bound_elsewhere(&self, key: &Key, id: Uuid) -> Option<String> {
        match self.inventory.bound_to(id)? {
            holder if holder == *key => None,
            Key::Workspace(place) | Key::Template(place) => Some(place.name),
            Key::ImportWorkspace(_) | Key::ImportTemplate(_) => None,
        }
    }
}
