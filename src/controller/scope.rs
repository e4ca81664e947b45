//! One look at both sides: what is to be seen of coderd for one object.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{
    Controller, Key, attempt::Attempt, deployment::View, external_client::ExternalClient, failure,
    outcome::StepResult,
};
use crate::{
    api::{condition::Reason, object_name::ObjectName, status::Suspension, text::chain},
    coderd,
    k8s::crd::{CrdState, crd_state},
    sync::{
        conditions::ConditionSet,
        context::{Context, Deployment, Records},
        external::{External, Failure},
        fields::ownership::Ownership,
        kind::ExternalObject,
        rules::{
            damper::Damper,
            deletion::{self, Departure},
            guard::{self, Patience},
            mass_deletion::Deletions,
        },
        standing::Standing,
    },
};

/// One look at both sides.
pub(super) struct Scope<'a, K: ExternalClient> {
    pub(super) controller: &'a Controller,
    pub(super) key: &'a Key,
    pub(super) object: &'a K,
    pub(super) ownership: &'a Ownership,
    pub(super) seen: &'a Observation<K>,
    /// Our clock, coderd's and the API server's: of one moment, for all that this look leads to.
    now: Timestamp,
    coderd_now: Timestamp,
    kube_now: Timestamp,
}

/// What was seen of coderd for one object.
#[derive(Debug)]
pub(super) struct Observation<K: ExternalClient> {
    pub(super) external: External<K::External>,
    /// What is looked at for this kind only.
    pub(super) own: K::Own,
    /// coderd's clock when the external object was looked for by its name, to the second.
    pub(super) coderd_now: Option<Timestamp>,
    /// Whether the object has to say that nothing could be seen.
    patience: Patience,
    bound_elsewhere: Option<String>,
    pub(super) deployment: Deployment,
    crd_is_going: bool,
    damper: Damper,
}

impl<K: ExternalClient> Observation<K> {
    /// Why nothing could be seen.
    pub(super) fn unknown(&self) -> Option<&Failure> {
        match &self.external {
            External::Unknown(failure) => Some(failure),
            External::Present(_) | External::Absent | External::Gone => None,
        }
    }

    /// What of this still holds for the object as it is `after` a step that wrote only to Kubernetes.
    /// Proof and what could not be seen are looked for each time, and so is everything for an object
    /// that is being deleted.
    pub(super) fn kept(self, before: &K, after: &K) -> Option<Self> {
        let is_same_external = match &self.external {
            External::Absent => bound_id(after).is_none(),
            External::Present(external) => match (bound_id(before), bound_id(after)) {
                (before, None) => before.is_none(),
                (Some(before), Some(after)) => before == after,
                (None, Some(after)) => after == external.id().to_string(),
            },
            External::Gone | External::Unknown(_) => false,
        };
        let is_leaving = after.meta().deletion_timestamp.is_some();
        (is_same_external && !is_leaving && K::asks_the_same(before, after)).then_some(self)
    }

    /// Whether the external object is there.
    pub(super) fn is_present(&self) -> bool {
        matches!(self.external, External::Present(_))
    }
}

impl<'a, K: ExternalClient> Scope<'a, K> {
    /// What is seen now; the API server's clock is `kube_ahead` of ours.
    pub(super) fn new(
        controller: &'a Controller,
        key: &'a Key,
        object: &'a K,
        ownership: &'a Ownership,
        seen: &'a Observation<K>,
        kube_ahead: SignedDuration,
    ) -> Self {
        let settings = &controller.settings;
        let now = settings.clock.now();
        let coderd_now = seen.coderd_now.or_else(|| settings.coderd.server_time());
        Self {
            controller,
            key,
            object,
            ownership,
            seen,
            now,
            coderd_now: coderd_now.unwrap_or(now),
            kube_now: now.saturating_add(kube_ahead).unwrap_or(now),
        }
    }

    /// Everything that deciding rests on, after what was learnt so far.
    pub(super) fn context<'b>(&self, attempt: &'b Attempt<K>) -> Context<'b, K>
    where
        'a: 'b,
    {
        let (seen, settings) = (self.seen, &self.controller.settings);
        Context {
            object: self.object,
            ownership: self.ownership,
            external: &seen.external,
            observed: K::observed(&seen.own, settings),
            bound_elsewhere: seen.bound_elsewhere.as_deref(),
            deployment: &seen.deployment,
            crd_is_going: seen.crd_is_going,
            refused: &attempt.refused,
            withheld: &attempt.withheld,
            one_by_one: attempt.one_by_one,
            damper: &seen.damper,
            suspension: attempt.suspension.as_ref(),
            request_timeout: settings.request_timeout,
            coderd_now: self.coderd_now,
            kube_now: self.kube_now,
            now: self.now,
        }
    }

    /// Whether `conditions`, which says that coderd cannot be seen or does not do its part, is not told
    /// yet: it may be so for a moment only.
    pub(super) fn keeps_quiet(&self, context: &Context<K>, conditions: &ConditionSet) -> bool {
        let unseen_for = || self.controller.memory.unseen_for(self.key);
        guard::keeps_quiet(context, conditions, self.seen.patience, unseen_for)
    }

    /// Whether coderd was not asked at all since the start: whoever waits for that is looked at then.
    pub(super) fn awaits_coderd(&self) -> bool {
        self.seen.patience == Patience::Endless
    }

    /// Claims the external object that `records` newly bind the object to; false where another object
    /// holds it.
    pub(super) fn claims(&self, records: &Records<K>) -> bool {
        let is_new = self.object.shared_status().binding.is_none();
        let binding = records.binding.as_ref().filter(|_| is_new);
        let id = binding.map(|binding| binding.id.parse());
        match id {
            Some(Ok(id)) => self.controller.inventory.claim(self.key, id),
            Some(Err(_)) | None => true,
        }
    }

    /// The id of the external object that was seen.
    pub(super) fn external_id(&self) -> Result<Uuid, StepResult> {
        match &self.seen.external {
            External::Present(external) => Ok(external.id()),
            External::Absent | External::Gone | External::Unknown(_) => Err(StepResult::Stale),
        }
    }
}

/// The id of the external object that the object is bound to.
fn bound_id<K: ExternalClient>(object: &K) -> Option<&str> {
    let binding = object.shared_status().binding?;
    Some(&binding.id)
}

fn no_id(id: &str) -> Failure {
    Failure::new(Reason::NotProved, format!("{id} is no id of coderd"))
}

/// Looks at coderd, as far as the object needs it and what was `kept` does not tell. Nothing is asked of
/// coderd for an object that is let go whatever it says.
pub(super) async fn observe<K: ExternalClient>(
    controller: &Controller,
    key: &Key,
    object: &K,
    ownership: &Ownership,
    kept: Option<Observation<K>>,
) -> Observation<K> {
    let standing = Standing::of(object, ownership);
    let asks_for_crd = standing.is_terminating() && standing.has_finalizer();
    let crd_is_going = if asks_for_crd {
        controller.crd_is_going::<K>().await
    } else {
        Ok(false)
    };
    let mut seen = Observation::<K> {
        external: External::Unknown(Failure::new(Reason::Pending, "not looked at")),
        own: object.seen_alone(ownership),
        coderd_now: None,
        patience: Patience::Lasting(controller.settings.patience()),
        bound_elsewhere: None,
        deployment: Deployment::default(),
        crd_is_going: matches!(crd_is_going, Ok(true)),
        damper: controller.memory.damper(key),
    };
    let departure = deletion::departure(&standing, seen.crd_is_going);
    if matches!(departure, Some(Departure::NotHeld | Departure::Release)) {
        return seen;
    }
    let deployment = match controller.deployments.get() {
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
        None => find(controller, &standing, object, &mut seen).await,
    };
    if looked.is_ok() {
        looked = object
            .observe_more(controller, key, ownership, departure, &mut seen)
            .await;
    }
    if let Err(error) = looked {
        seen.external = External::Unknown(failure::of(&error));
    }
    if let External::Present(external) = &seen.external {
        seen.bound_elsewhere = controller.bound_elsewhere(key, external.id());
        let is_bound = standing.binding.is_some();
        if let Some(failure) = controller
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
    controller: &Controller,
    standing: &Standing<'_>,
    object: &K,
    seen: &mut Observation<K>,
) -> Result<(), coderd::Error> {
    if let Some(binding) = standing.binding {
        let Ok(id) = binding.id.parse() else {
            seen.external = External::Unknown(no_id(&binding.id));
            return Ok(());
        };
        return object.by_id(controller, id, seen).await;
    }
    seen.external = External::Absent;
    let name = standing.metadata.name.as_deref().and_then(K::Name::parse);
    match name {
        Some(name) => object.by_name(controller, &name, seen).await,
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

impl Controller {
    /// Whether the CRD is being removed. Where that cannot be told, nothing may be deleted in coderd:
    /// a removed CRD takes nothing away there.
    async fn crd_is_going<K: ExternalClient>(&self) -> Result<bool, Failure> {
        match crd_state(&self.settings.kube, K::crd_name()).await {
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
        (!self.is_watching(kind)).then(|| {
            let message = "waiting for the list of objects, to know which of them are bound";
            Failure::new(Reason::Pending, message)
        })
    }

    /// Admits a deletion in coderd, unless there were too many before.
    pub(super) fn admit_deletion(&self, key: &Key) -> Result<(), Suspension> {
        self.admit(&self.deletions, key)
    }

    /// Counts the deletion in coderd that the object records: it may have been begun before the start.
    pub(super) fn recorded_deletion<K: ExternalClient>(&self, key: &Key, object: &K) {
        let record = object
            .shared_status()
            .sync
            .and_then(|sync| sync.deletion.as_ref());
        if let Some(record) = record {
            self.deletions
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .begun(key, record.ordered_at.0);
        }
    }

    /// Admits our deletion of an object, likewise.
    pub(super) fn admit_removal(&self, key: &Key) -> Result<(), Suspension> {
        self.admit(&self.removals, key)
    }

    fn admit(&self, before: &Mutex<Deletions<Key>>, key: &Key) -> Result<(), Suspension> {
        let objects = self.inventory.count();
        let now = self.settings.clock.now();
        before
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .admit(key.clone(), objects, now)
    }

    /// The name of another object that is bound to external `id`.
    fn bound_elsewhere(&self, key: &Key, id: Uuid) -> Option<String> {
        match self.inventory.bound_to(id)? {
            holder if holder == *key => None,
            Key::Workspace(name) | Key::Template(name) => Some(name),
            Key::ImportWorkspace(_) | Key::ImportTemplate(_) => None,
        }
    }
}
