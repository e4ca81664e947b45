//! The reconcile of one object: observe → plan → act → report, one step at a time.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Controller, Key,
    cause::Outcome,
    driven::Driven,
    inventory::{Awaited, Visit},
    look::{Look, Seen, observe},
    write::{record, rest, write},
};
use crate::{
    api::{
        condition::Reason,
        status::{Refusal, Suspension},
        text::{chain, shortened},
    },
    k8s::{
        error::Error,
        event::{Event, Severity},
        object,
    },
    sync::{
        kind::TwinFacts,
        mass_deletion,
        note::{self, Note},
        outlook::Outlook,
        ownership::Ownership,
        plan::{Next, Plan, Write, plan},
        setting, standing,
        twin::{Cause, Twin},
    },
};

/// More steps than any object needs; what is not at rest by then is looked at again later.
const STEPS: usize = 32;
/// How long an object waits whose next step changes nothing.
const WHEN_STUCK: Duration = Duration::from_secs(60);

/// How a look at an object ended.
#[derive(Debug)]
pub(super) enum Verdict {
    /// There is no such object.
    Gone,
    /// Nothing is left to do; look again after the time, or when something changes.
    Rest(Option<Duration>),
    /// The process is to end.
    Stopped,
    /// The kind's CRD will not do.
    Held,
    /// The object changed meanwhile, or the steps did not come to an end.
    Again,
    /// coderd could not be seen.
    Unknown(Cause),
    /// The API server did not do its part.
    Failed(Error),
}

/// What a step leaves behind.
pub(super) enum After<K: Driven> {
    /// It was taken: the object as it is now.
    Object(K),
    /// It was taken, and nothing more is to be done.
    End(Verdict),
    /// What was planned for is not what is there.
    LookAgain,
    /// coderd says that the effect conflicts with what is there.
    Conflict(K::Effect, Cause),
    /// coderd refused it.
    Refused(Refusal),
    /// coderd forbade it, which concerns nothing else.
    Withheld(Refusal),
    /// It did not happen, or nobody knows.
    Failed(Cause),
}

/// Looks at one object until nothing is left to do.
pub(super) async fn reconcile<K: Driven>(
    controller: &Controller,
    key: &Key,
    name: &str,
    stop: &CancellationToken,
) -> Verdict {
    match steps::<K>(controller, key, name, stop).await {
        Ok(verdict) => verdict,
        Err(error) if error.is_gone() || error.is_conflict_of_version() => Verdict::Again,
        Err(error) => Verdict::Failed(error),
    }
}

async fn steps<K: Driven>(
    controller: &Controller,
    key: &Key,
    name: &str,
    stop: &CancellationToken,
) -> Result<Verdict, Error> {
    let place = object::Key::new(&controller.settings.namespace, name);
    let Some((mut object, at)) = K::objects(controller).get_dated(&place).await? else {
        return Ok(Verdict::Gone);
    };
    let now = controller.settings.clock.now();
    let kube_ahead = at.unwrap_or(now).duration_since(now);
    controller.recorded_deletion(key, &object);
    let mut refused: Vec<Refusal> = Vec::new();
    let mut withheld: Vec<Refusal> = Vec::new();
    let mut suspension: Option<Suspension> = None;
    let mut done: Option<Done<K>> = None;
    let mut conflicted: Option<K::Effect> = None;
    let mut kept: Option<Seen<K>> = None;
    for _ in 0..STEPS {
        if stop.is_cancelled() {
            return Ok(Verdict::Stopped);
        }
        let ownership = standing::ownership_of(&object, &json!(object.spec()));
        controller.tell_of_reset(key, &object, &ownership).await;
        let is_kept = kept.is_some();
        let seen = observe(controller, key, &object, &ownership, kept.take()).await;
        controller.visited(key, &object, &seen);
        let look = Look {
            controller,
            key,
            object: &object,
            ownership: &ownership,
            seen: &seen,
            refused: &refused,
            withheld: &withheld,
            suspension: suspension.as_ref(),
            kube_ahead,
        };
        let plan = plan(&look.context());
        // What cannot be taken back rests on a look of its own.
        if is_kept && matches!(plan.next, Next::Do(_) | Next::Write(Write::Delete(_))) {
            continue;
        }
        let admitted = if plan.begins_deletion {
            controller.admit_deletion(key)
        } else if mass_deletion::begins_removal(&look.context(), &plan) {
            controller.admit_removal(key)
        } else {
            Ok(())
        };
        if let Err(held_back) = admitted {
            suspension = Some(held_back);
            continue;
        }
        match take(&look, &plan, done.as_ref()).await? {
            After::Object(next) => {
                controller.taken(key, &object, &plan).await;
                if let Next::Do(effect) = plan.next {
                    let shown = setting::shown(&look.context(), &effect);
                    done = Some(Done { effect, shown });
                } else {
                    kept = seen.kept(&object, &next);
                }
                refused.clear();
                object = next;
            }
            After::End(Verdict::Again) => return Ok(Verdict::Again),
            After::End(verdict) => {
                controller.taken(key, &object, &plan).await;
                return Ok(verdict);
            }
            After::LookAgain => {}
            After::Conflict(effect, cause) if conflicted.as_ref() == Some(&effect) => {
                return failed(&look, cause).await;
            }
            After::Conflict(effect, _) => conflicted = Some(effect),
            After::Refused(refusal) => refused.push(refusal),
            After::Withheld(refusal) => withheld.push(refusal),
            After::Failed(cause) => return failed(&look, cause).await,
        }
    }
    Ok(Verdict::Again)
}

/// What coderd accepted last.
struct Done<K: Driven> {
    effect: K::Effect,
    /// What coderd showed before, if it is a setting.
    shown: Option<Value>,
}

impl<K: Driven> Done<K> {
    /// Whether the very same is needed again, and nobody has changed the value meanwhile.
    fn is_without_effect(&self, look: &Look<'_, K>, effect: &K::Effect) -> bool {
        self.effect == *effect && self.shown == setting::shown(&look.context(), effect)
    }
}

/// Takes the one step of `plan`; `done` is what coderd accepted last.
async fn take<K: Driven>(
    look: &Look<'_, K>,
    plan: &Plan<K>,
    done: Option<&Done<K>>,
) -> Result<After<K>, Error> {
    Ok(match &plan.next {
        // Another worker may be binding another object to the same twin.
        Next::Record(records) if !look.claims(records) => After::LookAgain,
        Next::Record(records) => {
            let records = records.as_ref().clone();
            match record(look, records, &plan.outlook).await? {
                Some(object) => After::Object(object),
                None => stuck(plan),
            }
        }
        Next::Write(change) => match write(look, change).await {
            Err(error) if error.is_invalid() || error.is_forbidden() => {
                let outlook = Outlook::stalled(Reason::NotAdmitted, chain(&error));
                rest(look, &outlook).await?;
                return Err(error);
            }
            written => written?,
        },
        Next::Do(effect) if done.is_some_and(|done| done.is_without_effect(look, effect)) => {
            let text = "coderd accepted it, but it shows no effect: a licence, or a policy of the \
                        template, may forbid it";
            After::Refused(look.context().refused(effect, text))
        }
        Next::Do(effect) => match K::act(look, effect).await {
            Outcome::Done => After::Object(look.object.clone()),
            Outcome::LookAgain => After::LookAgain,
            Outcome::Conflict(cause) => After::Conflict(effect.clone(), cause),
            Outcome::Refused(message) => After::Refused(look.context().refused(effect, &message)),
            Outcome::Failed(cause)
                if cause.reason == Reason::Forbidden
                    && setting::is_push(&look.context(), effect) =>
            {
                After::Withheld(look.context().refused(effect, &cause.message))
            }
            Outcome::Failed(cause) => After::Failed(cause),
        },
        Next::Rest(delay) => {
            if !look.keeps_quiet(&plan.outlook) {
                rest(look, &plan.outlook).await?;
            }
            let unknown = look.seen.unknown().filter(|_| !look.awaits_coderd());
            let unknown = unknown.cloned();
            After::End(unknown.map_or(Verdict::Rest(*delay), Verdict::Unknown))
        }
    })
}

/// A step that changes nothing would be planned again at once and for ever: a defect of the controller.
fn stuck<K: Driven>(plan: &Plan<K>) -> After<K> {
    let (reason, why) = &plan.outlook.because;
    tracing::error!(%reason, why, "the same would be recorded again: this object waits");
    After::End(Verdict::Rest(Some(WHEN_STUCK)))
}

/// How much of the reason is logged, in bytes.
const WHY: usize = 1024;

/// One line for each action: what, and why; on which object, the span says. What is only written into
/// `status` is no action, but what it tells people may be one: by its name, for its words may hold values.
fn log<K: Driven>(plan: &Plan<K>) {
    let (reason, why) = &plan.outlook.because;
    let (check, why) = (plan.check, shortened(why, WHY));
    match &plan.next {
        Next::Do(effect) => {
            let (what, _) = K::asked(effect);
            tracing::info!(check, what, %reason, why, "changed coderd");
        }
        Next::Write(write) => {
            tracing::info!(check, what = write.name(), %reason, why, "changed the object");
        }
        Next::Record(_) | Next::Rest(_) => {
            tracing::debug!(check, %reason, why, "looked");
            for note in &plan.notes {
                tracing::info!(check, what = note.reason.as_str(), %reason, why, "told");
            }
        }
    }
}

/// An effect did not happen, or nobody knows: the object says so.
async fn failed<K: Driven>(look: &Look<'_, K>, cause: Cause) -> Result<Verdict, Error> {
    let mut outlook = Outlook::unknown(&cause);
    K::add_findings(&look.context(), &mut outlook);
    if !look.keeps_quiet(&outlook) {
        rest(look, &outlook).await?;
    }
    Ok(Verdict::Unknown(cause))
}

impl Controller {
    /// A step was taken: people are told, and the damper counts.
    async fn taken<K: Driven>(&self, key: &Key, object: &K, plan: &Plan<K>) {
        log(plan);
        self.tell(object, &plan.notes).await;
        if let Some(correction) = plan.corrects.clone() {
            let now = self.settings.clock.now();
            self.memory.corrected(key, correction, now);
        }
    }

    /// Tells once that field ownership was reset.
    async fn tell_of_reset<K: Driven>(&self, key: &Key, object: &K, ownership: &Ownership) {
        if let Some(note) = note::reset(ownership).filter(|_| self.memory.is_news(key)) {
            self.tell(object, &[note]).await;
        }
    }

    /// Tells people of `object`.
    pub(super) async fn tell<K: Driven>(&self, object: &K, notes: &[Note]) {
        for note in notes {
            let event = Event {
                severity: if note.warning {
                    Severity::Warning
                } else {
                    Severity::Normal
                },
                reason: note.reason.as_str().to_owned(),
                action: "Sync".to_owned(),
                note: note.message.clone(),
            };
            let now = self.settings.clock.now();
            self.events
                .publish(&object.object_ref(&()), &event, now)
                .await;
        }
    }

    /// The inventory learns what the object is bound to, or waits for.
    pub(super) fn visited<K: Driven>(&self, key: &Key, object: &K, seen: &Seen<K>) {
        let binding = object.shared_status().binding;
        let awaits = match &seen.twin {
            _ if binding.is_some() => None,
            Twin::Present(twin) => Some(Awaited::Twin(twin.id())),
            Twin::Absent => object.awaited(seen),
            Twin::Gone | Twin::Unknown(_) => None,
        };
        let visit = Visit {
            binding: binding.and_then(|binding| binding.id.parse().ok()),
            is_present: seen.is_present(),
            awaits,
        };
        self.look_at(self.inventory.object_visited(key, visit));
    }
}
