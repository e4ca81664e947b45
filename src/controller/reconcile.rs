//! The reconcile of one object: observe → plan → act → report, one step at a time.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    attempt::{self, Attempt},
    control_plane::ControlPlane,
    external_client::ExternalClient,
    inventory::{Awaited, Visit},
    key::Key,
    observation::Observation,
    observe::observe,
    outcome::{Outcome, StepResult},
    router::belonging::Belonging,
    scope::Scope,
    write::{record, rest, write},
};
use crate::{
    api::{
        condition::Reason,
        control_plane::CoderControlPlane,
        status::Suspension,
        text::{self, shortened},
    },
    k8s::{
        error::Error,
        event::{Event as Published, Related, Severity},
        object,
    },
    sync::{
        chain,
        conditions::ConditionSet,
        events::{self, Event},
        external::{External, Failure},
        fields::{ownership::Ownership, table},
        kind::ExternalObject,
        rules::mass_deletion,
        standing,
        step::{Action, Step, Write},
    },
};

/// More steps than any object needs; what is not at rest by then is looked at again later.
const STEPS: usize = 32;

/// Looks at one object until nothing is left to do.
pub(super) async fn reconcile<K: ExternalClient>(
    plane: &ControlPlane,
    key: &Key,
    place: &object::Key,
    stop: &CancellationToken,
) -> Outcome {
    match steps::<K>(plane, key, place, stop).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_gone() || error.is_conflict_of_version() => Outcome::Again,
        Err(error) => Outcome::Failed(error),
    }
}

async fn steps<K: ExternalClient>(
    plane: &ControlPlane,
    key: &Key,
    place: &object::Key,
    stop: &CancellationToken,
) -> Result<Outcome, Error> {
    let Some((mut object, kube_ahead)) = plane.read::<K>(place).await? else {
        return Ok(Outcome::Gone);
    };
    let home = plane
        .shared
        .router
        .learn(key, Belonging::of(&object.shared_status()));
    if home.is_some_and(|home| !Arc::ptr_eq(&home, &plane.home)) {
        return Ok(Outcome::Elsewhere);
    }
    plane.recorded_deletion(key, &object);
    let mut attempt = Attempt::default();
    for _ in 0..STEPS {
        if stop.is_cancelled() {
            return Ok(Outcome::Stopped);
        }
        let ownership = standing::ownership_of(&object, &json!(object.spec()));
        plane.tell_of_reset(key, &object, &ownership).await;
        let kept = attempt.kept.take();
        let is_kept = kept.is_some();
        let seen = observe(plane, key, &object, &ownership, kept).await;
        plane.visited(key, &object, &seen);
        let scope = Scope::new(plane, key, &object, &ownership, &seen, kube_ahead);
        let (step, shown) = scope.next_step(&attempt);
        // What cannot be taken back rests on a look of its own.
        if is_kept && changes_more_than_the_object(&step) {
            continue;
        }
        if let Err(held_back) = plane.admitted(key, &object, &step) {
            attempt.suspension = Some(held_back);
            continue;
        }
        if let Err(queued) = plane.home.placed(key, &step) {
            attempt.queued = Some(queued);
            attempt.kept = seen.kept(&object, &object);
            continue;
        }
        let deployment = &seen.deployment;
        let without_effect = attempt.without_effect(deployment, &step, &shown);
        if !without_effect.is_empty() {
            attempt.refused.extend(without_effect);
            continue;
        }
        match execute(&scope, &attempt, &step).await? {
            StepResult::Done(next) => {
                plane.taken(key, &object, &step).await;
                if matches!(step.action, Action::Update(_) | Action::Do(_)) {
                    attempt.accepted(step.action, shown);
                } else {
                    attempt.kept = seen.kept(&object, &next);
                }
                attempt.refused.clear();
                object = next;
            }
            StepResult::Ended(Outcome::Again) => return Ok(Outcome::Again),
            StepResult::Ended(outcome) => {
                plane.taken(key, &object, &step).await;
                return Ok(outcome);
            }
            StepResult::Stale => {}
            StepResult::Conflict(failure) => {
                if attempt.conflicts_again(&step) {
                    return failed(&scope, &attempt, failure).await;
                }
            }
            StepResult::Refused(refused) => attempt.refuse(deployment, &step, &refused),
            StepResult::Failed(failure) => {
                let is_forbidden = failure.reason == Reason::Forbidden;
                if !(is_forbidden && attempt.withhold(deployment, &step, &failure.message)) {
                    return failed(&scope, &attempt, failure).await;
                }
            }
        }
    }
    Ok(Outcome::Again)
}

fn changes_more_than_the_object<K: ExternalClient>(step: &Step<K>) -> bool {
    matches!(
        step.action,
        Action::Update(_) | Action::Do(_) | Action::Write(Write::Delete(_))
    )
}

impl<K: ExternalClient> Scope<'_, K> {
    /// The next step, and what coderd shows of each field that it sets.
    fn next_step(&self, attempt: &Attempt<K>) -> (Step<K>, Vec<Option<Value>>) {
        let context = self.context(attempt);
        let step = chain::next(&context);
        let shown = attempt::shown(&context, &step);
        (step, shown)
    }
}

/// Takes the one step.
async fn execute<K: ExternalClient>(
    scope: &Scope<'_, K>,
    attempt: &Attempt<K>,
    step: &Step<K>,
) -> Result<StepResult<K>, Error> {
    let context = &scope.context(attempt);
    Ok(match &step.action {
        // Another worker may be binding another object to the same external object.
        Action::Record(records) if !scope.claims(records) => StepResult::Stale,
        Action::Record(records) => record(scope, context, records, step).await?,
        Action::Write(change) => match write(scope, change).await {
            Err(error) if error.is_invalid() || error.is_forbidden() => {
                let conditions = ConditionSet::stalled(Reason::NotAdmitted, text::chain(&error));
                rest(scope, context, context.records(), &conditions).await?;
                return Err(error);
            }
            written => written?,
        },
        Action::Update(changes) => {
            let patch = table::patch(K::FIELDS, changes);
            K::update(scope, &patch)
                .await
                .map(|()| scope.object.clone())
        }
        Action::Do(effect) => K::act(scope, effect).await.map(|()| scope.object.clone()),
        Action::Rest(delay) | Action::Pass(delay) => {
            if !scope.keeps_quiet(context, &step.conditions) {
                let records = step.records.clone();
                let records = records.unwrap_or_else(|| context.records());
                rest(scope, context, records, &step.conditions).await?;
            }
            let unknown = scope.seen.unknown().filter(|_| !scope.awaits_coderd());
            let unknown = unknown.cloned();
            StepResult::Ended(unknown.map_or(Outcome::Rest(*delay), Outcome::Unknown))
        }
    })
}

/// How much of the reason is logged, in bytes.
const WHY: usize = 1024;

/// One line for each action: what, and why; on which object, the span says. What is only written into
/// `status` is no action, but what it tells people may be one: by its name, for its words may hold values.
fn log<K: ExternalClient>(step: &Step<K>) {
    let (reason, why) = &step.conditions.because;
    let (check, why) = (step.check, shortened(why, WHY));
    match &step.action {
        Action::Update(changes) => {
            let fields: Vec<_> = changes.iter().map(|change| change.field).collect();
            let what = fields.join(", ");
            tracing::info!(check, what, %reason, why, "changed coderd");
        }
        Action::Do(effect) => {
            let (what, _) = K::refusal_key(effect);
            tracing::info!(check, what, %reason, why, "changed coderd");
        }
        Action::Write(write) => {
            tracing::info!(check, what = write.name(), %reason, why, "changed the object");
        }
        Action::Record(_) | Action::Rest(_) | Action::Pass(_) => {
            tracing::debug!(check, %reason, why, "looked");
            for event in &step.events {
                tracing::info!(check, what = event.reason.as_str(), %reason, why, "told");
            }
        }
    }
}

/// An effect did not happen, or nobody knows: the object says so.
async fn failed<K: ExternalClient>(
    scope: &Scope<'_, K>,
    attempt: &Attempt<K>,
    failure: Failure,
) -> Result<Outcome, Error> {
    let context = &scope.context(attempt);
    let mut conditions = ConditionSet::unknown(&failure);
    K::add_conditions(context, &mut conditions);
    if !scope.keeps_quiet(context, &conditions) {
        rest(scope, context, context.records(), &conditions).await?;
    }
    Ok(Outcome::Unknown(failure))
}

impl ControlPlane {
    /// The object, and how far the API server's clock is ahead of ours.
    async fn read<K: ExternalClient>(
        &self,
        place: &object::Key,
    ) -> Result<Option<(K, SignedDuration)>, Error> {
        let read = K::objects(&self.shared).get_dated(place).await?;
        let now = self.shared.settings.clock.now();
        Ok(read.map(|(object, at)| (object, at.unwrap_or(now).duration_since(now))))
    }

    /// Admits a deletion that the step begins, on either side, unless there were too many before.
    fn admitted<K: ExternalClient>(
        &self,
        key: &Key,
        object: &K,
        step: &Step<K>,
    ) -> Result<(), Suspension> {
        if step.begins_deletion {
            self.admit_deletion(key)
        } else if mass_deletion::begins_removal(object, step) {
            self.admit_removal(key)
        } else {
            Ok(())
        }
    }

    /// A step was `name_conflict`: people are told, and the damper counts.
    async fn taken<K: ExternalClient>(&self, key: &Key, object: &K, step: &Step<K>) {
        log(step);
        self.tell(object, &step.events).await;
        for correction in step.corrects.clone() {
            let now = self.shared.settings.clock.now();
            self.shared.memory.corrected(key, correction, now);
        }
    }

    /// Tells once that field ownership was reset.
    async fn tell_of_reset<K: ExternalClient>(&self, key: &Key, object: &K, ownership: &Ownership) {
        if let Some(event) = events::reset(ownership).filter(|_| self.shared.memory.is_news(key)) {
            self.tell(object, &[event]).await;
        }
    }

    /// The object that says where this coderd is; none where the flags do.
    fn related(&self) -> Option<Related> {
        let place = &self.home.place;
        let is_object = self.name().is_some() && !self.shared.settings.is_fixed(place);
        is_object.then(|| Related::of::<CoderControlPlane>(place.clone()))
    }

    /// Tells people of `object`.
    pub(super) async fn tell<K: ExternalClient>(&self, object: &K, events: &[Event]) {
        for event in events {
            let published = Published {
                severity: if event.warning {
                    Severity::Warning
                } else {
                    Severity::Normal
                },
                reason: event.reason.as_str().to_owned(),
                action: "Sync".to_owned(),
                note: event.message.clone(),
                related: self.related(),
            };
            let now = self.shared.settings.clock.now();
            self.shared
                .events
                .publish(&object.object_ref(&()), &published, now)
                .await;
        }
    }

    /// The inventory learns what the object is bound to, or waits for.
    pub(super) fn visited<K: ExternalClient>(&self, key: &Key, object: &K, seen: &Observation<K>) {
        let binding = object.shared_status().binding;
        let awaits = match &seen.external {
            _ if binding.is_some() => None,
            External::Present(external) => Some(Awaited::External(external.id())),
            External::Absent => object.awaited(seen),
            External::Gone | External::Unknown(_) => None,
        };
        let visit = Visit {
            binding: binding.and_then(|binding| binding.id.parse().ok()),
            is_present: seen.is_present(),
            awaits,
        };
        self.home
            .look_at(self.home.inventory.object_visited(key, visit));
    }
}
