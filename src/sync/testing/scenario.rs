//! Everything that one look at an object sees.

use std::{fmt::Debug, time::Duration};

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Stored, at};
use crate::{
    api::{
        condition::Reason,
        names::{MANAGER_CODERD, MANAGER_SHIM},
        status::{Origin, Refusal, Suspension},
    },
    sync::{
        chain::{self, Planned},
        conditions::Progress,
        context::{Context, Deployment, Records},
        external::{External, Failure},
        fields::{ownership::Ownership, table::Change},
        refusal::DigestKey,
        released::Released,
        rules::{build_limit::Queued, damper::Damper},
        standing, status,
        step::{Action, Step, Write},
    },
};

pub(crate) const US: Uuid = Uuid::from_u128(7);
pub(crate) const DEPLOYMENT: &str = "deployment";

/// A kind on the stage.
pub(crate) trait Testable:
    Planned<Status: Serialize> + Serialize + DeserializeOwned
{
    const KIND: &'static str;
    const NAME: &'static str;
    const ID: &'static str;

    /// What is looked at for this kind only.
    type Own: Clone + Debug + Default;

    /// What follows from the object for it.
    type Derived;

    fn derive(&self, ownership: &Ownership) -> Self::Derived;

    fn observed<'a>(own: &'a Self::Own, derived: &'a Self::Derived) -> Self::Observed<'a>;
}

/// Everything that one look sees.
#[derive(Clone, Debug)]
pub(crate) struct Scenario<K: Testable> {
    pub(crate) stored: Stored,
    pub(crate) external: External<K::External>,
    pub(crate) own: K::Own,
    pub(crate) bound_elsewhere: Option<&'static str>,
    pub(crate) control_plane: Option<&'static str>,
    pub(crate) read_only: Option<Failure>,
    pub(crate) digest_key: DigestKey,
    pub(crate) capabilities: &'static str,
    pub(crate) released: Option<Released>,
    pub(crate) refused: Vec<Refusal>,
    pub(crate) withheld: Vec<Refusal>,
    pub(crate) one_by_one: bool,
    pub(crate) damper: Damper,
    pub(crate) suspension: Option<Suspension>,
    pub(crate) queued: Option<Queued>,
    pub(crate) now: Timestamp,
    /// Where it is not ours.
    pub(crate) coderd_now: Option<Timestamp>,
    pub(crate) kube_now: Option<Timestamp>,
}

pub(crate) fn failure() -> Failure {
    Failure::new(Reason::CoderdUnavailable, "no answer")
}

impl<K: Testable> Scenario<K> {
    /// An object that `manager` applied and that was looked at once.
    pub(crate) fn of(manager: &str, spec: &Value) -> Self {
        let mut stored = Stored::applied(K::KIND, K::NAME, manager, spec);
        let condition = json!({
            "type": "Ready", "status": "Unknown", "reason": "Pending", "message": "",
            "lastTransitionTime": "2026-11-21T09:00:00Z", "observedGeneration": 1,
        });
        stored.status["conditions"] = json!([condition]);
        Self {
            stored,
            external: External::Absent,
            own: K::Own::default(),
            bound_elsewhere: None,
            control_plane: Some("coder"),
            read_only: None,
            digest_key: DigestKey::new([7; 32]),
            capabilities: "none",
            released: None,
            refused: Vec::new(),
            withheld: Vec::new(),
            one_by_one: false,
            damper: Damper::default(),
            suspension: None,
            queued: None,
            now: at("10:00:00"),
            coderd_now: None,
            kube_now: None,
        }
    }

    /// An object that is bound to `external`, with the fields of `mirrored` that nobody else owns.
    pub(crate) fn bound_to(
        external: K::External,
        manager: &str,
        spec: &Value,
        mirrored: &Value,
        origin: Origin,
    ) -> Self {
        let mut scenario = Self::of(manager, spec);
        let mut ours = mirrored.as_object().unwrap().clone();
        ours.retain(|field, _| manager == MANAGER_CODERD || spec.get(field).is_none());
        scenario.stored.apply(MANAGER_CODERD, &ours, false).unwrap();
        scenario.stored.generation = 1;
        scenario.stored.label(origin);
        scenario.stored.has_finalizer = origin == Origin::Kubernetes;
        scenario.stored.status["observedGeneration"] = json!(1);
        scenario.stored.status["binding"] = json!({
            "deploymentID": DEPLOYMENT, "id": K::ID, "origin": origin.as_str(),
            "boundAt": "2026-11-21T09:00:00Z",
        });
        scenario.external = External::Present(external);
        scenario
    }

    pub(crate) fn change(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn gone(self) -> Self {
        self.change(|scenario| scenario.external = External::Gone)
    }

    pub(crate) fn unknown(self) -> Self {
        self.change(|scenario| scenario.external = External::Unknown(failure()))
    }

    pub(crate) fn annotated(self, name: &str, value: &str) -> Self {
        self.change(|scenario| scenario.stored.annotate(name, value))
    }

    /// A creation was begun at `requested`.
    pub(crate) fn attempted(self, requested: &str) -> Self {
        let requested = json!({"requestedAt": format!("2026-11-21T{requested}Z")});
        self.change(|scenario| {
            scenario.stored.has_finalizer = true;
            scenario.stored.status["sync"]["attempt"] = requested;
        })
    }

    /// The scenario after coderd refused `effect`, saying `message`, which was written down.
    pub(crate) fn refusing(self, effect: &K::Effect, message: &str) -> Self {
        let refusal = self.look(|context| context.deployment.refused_effect::<K>(effect, message));
        self.refusing_so(refusal)
    }

    /// The scenario after coderd refused a change of a field, likewise.
    pub(crate) fn refusing_change(self, change: &Change, message: &str) -> Self {
        let (field, value) = (change.field, change.value.as_ref());
        let refusal = self.look(|context| context.deployment.refused(field, value, message));
        self.refusing_so(refusal)
    }

    /// coderd took the value of `change` without any effect.
    pub(crate) fn ineffective(self, change: &Change) -> Self {
        let (field, value) = (change.field, change.value.as_ref());
        let refusal = self.look(|context| context.deployment.ineffective(field, value));
        self.refusing_so(refusal)
    }

    fn refusing_so(self, refusal: Refusal) -> Self {
        self.change(|scenario| scenario.refused = vec![refusal])
            .recorded()
            .change(|scenario| scenario.refused.clear())
    }

    pub(crate) fn look<T>(&self, judge: impl FnOnce(&Context<K>) -> T) -> T {
        let object: K = self.stored.object();
        let spec = serde_json::to_value(&object).unwrap()["spec"].clone();
        let ownership = standing::ownership_of(&object, &spec);
        let deployment = Deployment {
            deployment_id: DEPLOYMENT.to_owned(),
            us: US,
            read_only: self.read_only.clone(),
            capabilities: self.capabilities.to_owned(),
            digest_key: self.digest_key.clone(),
        };
        let derived = object.derive(&ownership);
        judge(&Context {
            object: &object,
            ownership: &ownership,
            external: &self.external,
            observed: K::observed(&self.own, &derived),
            bound_elsewhere: self.bound_elsewhere,
            control_plane: self.control_plane,
            deployment: &deployment,
            released: self.released.as_ref(),
            refused: &self.refused,
            withheld: &self.withheld,
            one_by_one: self.one_by_one,
            damper: &self.damper,
            suspension: self.suspension.as_ref(),
            queued: self.queued,
            request_timeout: Duration::from_secs(30),
            coderd_now: self.coderd_now.unwrap_or(self.now),
            kube_now: self.kube_now.unwrap_or(self.now),
            now: self.now,
        })
    }

    pub(crate) fn step(&self) -> Step<K> {
        self.look(chain::next)
    }

    pub(crate) fn action(&self) -> Action<K> {
        self.step().action
    }

    pub(crate) fn effect(&self) -> K::Effect {
        match self.action() {
            Action::Do(effect) => effect,
            other => panic!("no effect on coderd but {other:?}"),
        }
    }

    /// The fields that coderd is told.
    pub(crate) fn changes(&self) -> Vec<Change> {
        match self.action() {
            Action::Update(changes) => changes,
            other => panic!("no fields are set but {other:?}"),
        }
    }

    /// Their names.
    pub(crate) fn changed(&self) -> Vec<&'static str> {
        self.changes().iter().map(|change| change.field).collect()
    }

    pub(crate) fn write(&self) -> Write {
        match self.action() {
            Action::Write(write) => write,
            other => panic!("no write of the object but {other:?}"),
        }
    }

    /// The records that are written next, by themselves or with what is said.
    pub(crate) fn records(&self) -> Records<K> {
        let step = self.step();
        let is_new = |records: &Records<K>| self.look(|context| *records != context.records());
        match (step.action, step.records) {
            (Action::Record(records), _) => *records,
            (Action::Rest(_), Some(records)) if is_new(&records) => records,
            (other, _) => panic!("no records but {other:?}"),
        }
    }

    /// What the API server makes of a write; tells whether the object is still there.
    pub(crate) fn take(&mut self, write: &Write) -> bool {
        match write {
            Write::AddFinalizer => self.stored.has_finalizer = true,
            Write::RemoveFinalizer => self.stored.has_finalizer = false,
            Write::ApplySpec { fields, force } => {
                self.stored.apply(MANAGER_CODERD, fields, *force).unwrap();
            }
            Write::ApplyOrigin(origin) => self.stored.label(*origin),
            Write::DropClaim => self.stored.apply(MANAGER_SHIM, &Map::new(), false).unwrap(),
            Write::Delete(_) => {
                assert!(!self.stored.has_finalizer, "our delete meets our finalizer");
                self.stored.delete();
            }
        }
        self.stored.has_finalizer || !self.stored.is_terminating
    }

    /// The status that the next step leaves behind.
    pub(crate) fn status(&self) -> K::Status {
        let step = self.step();
        self.look(|context| {
            let records = match step.action {
                Action::Record(records) => *records,
                _ => step.records.unwrap_or_else(|| context.records()),
            };
            let report = status::report(context, records, &step.conditions);
            K::complete_status(context, report)
        })
    }

    fn with_status(self) -> Self {
        let status = self.status();
        self.change(|scenario| scenario.stored.set_status(&status))
    }

    /// The scenario after the records of the plan were written.
    pub(crate) fn recorded(self) -> Self {
        self.records();
        self.with_status()
    }

    /// The status that a rest leaves behind.
    pub(crate) fn rest(&self) -> K::Status {
        let next = self.action();
        assert!(matches!(next, Action::Rest(_)), "no rest but {next:?}");
        self.status()
    }

    /// The scenario after the plan had nothing left to do.
    pub(crate) fn rested(self) -> Self {
        self.rest();
        self.with_status()
    }

    pub(crate) fn rests(&self, progress: Progress) -> (Reason, Option<Duration>) {
        let step = self.step();
        assert_eq!(step.conditions.progress, progress, "{step:?}");
        match step.action {
            Action::Rest(delay) => (step.conditions.because.0, delay),
            other => panic!("no rest but {other:?}"),
        }
    }

    /// Why waiting is useless.
    pub(crate) fn stalled(&self) -> Reason {
        self.rests(Progress::Stalled).0
    }

    /// What is awaited, and when it is looked for again.
    pub(crate) fn waits(&self) -> (Reason, Option<Duration>) {
        self.rests(Progress::Reconciling)
    }

    pub(crate) fn message(&self) -> String {
        self.step().conditions.because.1
    }
}
