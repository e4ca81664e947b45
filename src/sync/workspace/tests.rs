#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test names the one variant that it expects"
)]

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::*;
use crate::{
    api::{
        condition::ConditionType,
        names::{MANAGER_CODERD, OWN_MANAGERS},
        status::{Attempt, DeletionRecord, RunRecord},
        workspace::WorkspaceStatus,
    },
    sync::{
        build::Job,
        note::NoteReason,
        stage::{Stored, USER, at},
    },
};

mod creation;
mod deletion;
mod lifecycle;
mod model;
mod settings;
mod status;

const NAME: &str = "acme.ann.dev";
const US: &str = "us";
const ID: &str = "11111111-1111-1111-1111-111111111111";
const DEPLOYMENT: &str = "deployment";

/// Everything that one look sees.
#[derive(Clone, Debug)]
struct Scene {
    stored: Stored,
    twin: Twin<Workspace>,
    site: Option<Site>,
    bound_elsewhere: Option<&'static str>,
    read_only: Option<Cause>,
    crd_is_going: bool,
    stable_for: Duration,
    refused: Vec<Refusal>,
    coderd_now: Timestamp,
    now: Timestamp,
}

impl Scene {
    /// An object that `manager` applied and that was looked at once.
    fn of(manager: &str, spec: &Value) -> Self {
        let mut stored = Stored::applied("CoderWorkspace", NAME, manager, spec);
        let condition = json!({
            "type": "Ready", "status": "Unknown", "reason": "Pending", "message": "",
            "lastTransitionTime": "2026-11-21T09:00:00Z", "observedGeneration": 1,
        });
        stored.status = json!({"conditions": [condition]});
        Self {
            stored,
            twin: Twin::Absent,
            site: None,
            bound_elsewhere: None,
            read_only: None,
            crd_is_going: false,
            stable_for: Duration::from_secs(60),
            refused: Vec::new(),
            coderd_now: at("10:00:00"),
            now: at("10:00:00"),
        }
    }

    /// An unbound object of a user, and the place where its workspace belongs.
    fn new(spec: &Value) -> Self {
        Self {
            site: Some(site()),
            ..Self::of(USER, spec)
        }
    }

    /// A bound object, at rest save for what `spec` says.
    fn bound(manager: &str, spec: &Value, origin: Origin) -> Self {
        let mut scene = Self::of(manager, spec);
        let complete = json!({"organization": "acme", "templateName": "go", "running": true});
        let mut ours = complete.as_object().unwrap().clone();
        ours.retain(|field, _| manager == MANAGER_CODERD || spec.get(field).is_none());
        scene.stored.apply(MANAGER_CODERD, &ours, false).unwrap();
        scene.stored.generation = 1;
        scene.stored.label(origin);
        scene.stored.has_finalizer = origin == Origin::Kubernetes;
        scene.stored.status["observedGeneration"] = json!(1);
        scene.stored.status["templateName"] = json!("go");
        scene.stored.status["binding"] = json!({
            "deploymentID": DEPLOYMENT, "id": ID, "origin": origin.as_str(),
            "boundAt": "2026-11-21T09:00:00Z",
        });
        scene.stored.status["sync"] = json!({"run": {"wanted": true, "buildNumber": 1}});
        scene.twin = Twin::Present(workspace());
        scene
    }

    fn declared(spec: &Value) -> Self {
        Self::bound(USER, spec, Origin::Kubernetes)
    }

    fn imported() -> Self {
        Self::bound(
            MANAGER_CODERD,
            &json!({"organization": "acme"}),
            Origin::Coderd,
        )
    }

    fn change(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn twin(self, change: impl FnOnce(&mut Workspace)) -> Self {
        self.change(|scene| {
            let mut twin = workspace();
            change(&mut twin);
            scene.twin = Twin::Present(twin);
        })
    }

    fn gone(self) -> Self {
        self.change(|scene| scene.twin = Twin::Gone)
    }

    fn unknown(self) -> Self {
        self.change(|scene| scene.twin = Twin::Unknown(cause()))
    }

    fn attempted(self, requested: &str) -> Self {
        let requested = json!({"requestedAt": format!("2026-11-21T{requested}Z")});
        self.change(|scene| {
            scene.stored.has_finalizer = true;
            scene.stored.status["sync"]["attempt"] = requested;
        })
    }

    fn look<T>(&self, judge: impl FnOnce(&Context) -> T) -> T {
        let object: CoderWorkspace = self.stored.object();
        let managed_fields = object
            .metadata
            .managed_fields
            .as_deref()
            .unwrap_or_default();
        let spec = serde_json::to_value(&object.spec).unwrap();
        let ownership = Ownership::of(managed_fields, &spec);
        judge(&Context {
            object: &object,
            ownership: &ownership,
            twin: &self.twin,
            site: self.site.as_ref(),
            bound_elsewhere: self.bound_elsewhere,
            deployment_id: DEPLOYMENT,
            read_only: self.read_only.as_ref(),
            crd_is_going: self.crd_is_going,
            us: US,
            stable_for: self.stable_for,
            refused: &self.refused,
            request_timeout: Duration::from_secs(30),
            coderd_now: self.coderd_now,
            now: self.now,
        })
    }

    fn plan(&self) -> WorkspacePlan {
        self.look(plan)
    }

    fn next(&self) -> Next<Effect, Records> {
        self.plan().next
    }

    fn effect(&self) -> Effect {
        match self.plan().next {
            Next::Do(effect) => effect,
            other => panic!("no effect but {other:?}"),
        }
    }

    fn records(&self) -> Records {
        match self.plan().next {
            Next::Record(records) => records,
            other => panic!("no records but {other:?}"),
        }
    }

    /// The status that a rest leaves behind.
    fn rest(&self) -> WorkspaceStatus {
        let plan = self.plan();
        assert!(
            matches!(plan.next, Next::Rest(_)),
            "no rest but {:?}",
            plan.next
        );
        self.look(|context| {
            report::status(context, report::records_at_rest(context), &plan.outlook)
        })
    }

    fn stalled(&self) -> Reason {
        let plan = self.plan();
        assert!(
            matches!(plan.next, Next::Rest(_)),
            "no rest but {:?}",
            plan.next
        );
        assert_eq!(
            plan.outlook.progress,
            crate::sync::outlook::Progress::Stalled,
            "{plan:?}"
        );
        plan.outlook.because.0
    }

    fn waits(&self) -> (Reason, Option<Duration>) {
        let plan = self.plan();
        assert_eq!(
            plan.outlook.progress,
            crate::sync::outlook::Progress::Reconciling,
            "{plan:?}"
        );
        match plan.next {
            Next::Rest(delay) => (plan.outlook.because.0, delay),
            other => panic!("no rest but {other:?}"),
        }
    }

    /// Does what the plan says to records, for the next look.
    fn recorded(self) -> Self {
        let plan = self.plan();
        let records = self.records();
        let status = self.look(|context| report::status(context, records, &plan.outlook));
        self.change(|scene| scene.stored.set_status(&status))
    }
}

fn cause() -> Cause {
    Cause::new(Reason::CoderdUnavailable, "no answer")
}

fn site() -> Site {
    Site {
        organization: Spelling::Canonical,
        owner: Spelling::Canonical,
        template: Some(TemplateSite {
            id: "template".to_owned(),
            active_version_id: "version".to_owned(),
            parameters: vec![parameter("cpu", false)],
        }),
    }
}

fn parameter(name: &str, is_ephemeral: bool) -> Parameter {
    Parameter {
        name: name.to_owned(),
        is_ephemeral,
    }
}

fn build(number: i64, transition: Transition, job: Job) -> Build {
    Build {
        id: format!("build-{number}"),
        number,
        transition,
        job,
        status: format!("{transition:?} {job:?}"),
        reason: "initiator".to_owned(),
        initiator: US.to_owned(),
        initiator_name: "coder-k8s".to_owned(),
        error: (job == Job::Failed).then(|| "terraform apply: exit status 1".to_owned()),
    }
}

fn foreign(number: i64, transition: Transition, job: Job) -> Build {
    Build {
        reason: "dashboard".to_owned(),
        initiator: "ann".to_owned(),
        initiator_name: "ann".to_owned(),
        ..build(number, transition, job)
    }
}

/// A running workspace that build 1 started.
fn workspace() -> Workspace {
    Workspace {
        id: ID.to_owned(),
        organization: "Acme".to_owned(),
        owner: "Ann".to_owned(),
        name: "dev".to_owned(),
        template: "go".to_owned(),
        version_id: "version".to_owned(),
        version_of_next_start: None,
        created_at: at("09:00:00"),
        creator: None,
        ttl_millis: None,
        autostart_schedule: None,
        build: build(1, Transition::Start, Job::Succeeded),
        parameters: BTreeMap::new(),
        known_parameters: None,
        deadline: None,
        last_used_at: None,
        dormant_at: None,
        deleting_at: None,
        outdated: false,
        health: Health {
            healthy: true,
            failing_agents: Vec::new(),
        },
        agents: Vec::new(),
    }
}

fn on_object(effect: ObjectEffect) -> Effect {
    Effect::Object(effect)
}

#[test]
fn the_scenes_rest_where_nothing_was_changed() {
    for scene in [
        Scene::imported(),
        Scene::declared(&json!({"templateName": "go"})),
    ] {
        let plan = scene.plan();
        assert_eq!(plan.next, Next::Rest(None));
        assert_eq!(plan.outlook.ready.unwrap().holds, Some(true));
        assert_eq!(plan.outlook.synced.holds, Some(true));
        assert!(scene.stored.is_mirrored("organization"));
    }
    assert!(OWN_MANAGERS.iter().all(|manager| *manager != USER));
}
