#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test names the one variant that it expects"
)]

use serde_json::{Value, json};

use super::*;
use crate::{
    api::{
        condition::ConditionType, names::MANAGER_CODERD, status::Origin, template::TemplateStatus,
    },
    sync::{
        note::NoteReason,
        outlook::Progress,
        source,
        stage::{Stored, USER, at},
    },
};

mod lifecycle;
mod metadata;
mod model;
mod version;

const NAME: &str = "acme.go";
const US: &str = "us";
const ID: &str = "22222222-2222-2222-2222-222222222222";
const DEPLOYMENT: &str = "deployment";

/// Everything that one look sees.
#[derive(Clone, Debug)]
struct Scene {
    stored: Stored,
    twin: Twin<Template>,
    organization: Option<Spelling>,
    version: Sight,
    active: Option<Result<Content, String>>,
    workspaces: Option<i64>,
    bound_elsewhere: Option<&'static str>,
    read_only: Option<Cause>,
    crd_is_going: bool,
    refused: Vec<Refusal>,
    now: Timestamp,
}

fn files(text: &str) -> Value {
    json!({"main.tf": text})
}

fn source_of(text: &str) -> Source {
    Source::from_inline(&serde_json::from_value(files(text)).unwrap()).unwrap()
}

fn hash(text: &str) -> String {
    source_of(text).hash(&BTreeMap::new())
}

#[allow(
    clippy::unnecessary_wraps,
    reason = "this is how a content is handed to the plan"
)]
fn content(text: &str) -> Result<Content, String> {
    Ok(Content::read(&source_of(text).tar_bytes()).unwrap())
}

/// The object's `status.version` for the source `text`.
fn recorded(text: &str, attempt: u32, id: Option<&str>) -> Value {
    let hash = hash(text);
    json!({
        "id": id, "name": source::version_name(&hash, attempt), "sourceHash": hash,
        "startedAt": "2026-11-21T10:00:00Z",
    })
}

fn version(id: &str, template_id: Option<&str>, job: VersionJob) -> Version {
    Version {
        id: id.to_owned(),
        template_id: template_id.map(str::to_owned),
        job_status: match job {
            VersionJob::Active => "running",
            VersionJob::Succeeded => "succeeded",
            VersionJob::Failed { .. } => "failed",
        }
        .to_owned(),
        job,
        is_archived: false,
    }
}

fn failed(is_given_up: bool) -> VersionJob {
    VersionJob::Failed {
        error: "no such provider\nline 3".to_owned(),
        is_given_up,
    }
}

fn template() -> Template {
    Template {
        id: ID.to_owned(),
        organization: "Acme".to_owned(),
        name: "Go".to_owned(),
        display_name: String::new(),
        description: String::new(),
        icon: String::new(),
        active_version_id: "active".to_owned(),
        active_version_name: "angry_name1".to_owned(),
        is_deprecated: false,
        created_at: at("09:00:00"),
        updated_at: at("09:00:00"),
        creator: "ann".to_owned(),
    }
}

fn cause() -> Cause {
    Cause::new(Reason::CoderdUnavailable, "no answer")
}

impl Scene {
    fn of(manager: &str, spec: &Value) -> Self {
        let mut stored = Stored::applied("CoderTemplate", NAME, manager, spec);
        let condition = json!({
            "type": "Ready", "status": "Unknown", "reason": "Pending", "message": "",
            "lastTransitionTime": "2026-11-21T09:00:00Z", "observedGeneration": 1,
        });
        stored.status = json!({"conditions": [condition]});
        Self {
            stored,
            twin: Twin::Absent,
            organization: None,
            version: Sight::NotSought,
            active: None,
            workspaces: None,
            bound_elsewhere: None,
            read_only: None,
            crd_is_going: false,
            refused: Vec::new(),
            now: at("10:00:00"),
        }
    }

    /// An unbound object of a user.
    fn new(spec: &Value) -> Self {
        Self {
            organization: Some(Spelling::Canonical),
            ..Self::of(USER, spec)
        }
    }

    fn begun(spec: &Value) -> Self {
        Self::new(spec).change(|scene| {
            scene.stored.has_finalizer = true;
            scene.stored.status["sync"] =
                json!({"attempt": {"requestedAt": "2026-11-21T10:00:00Z"}});
        })
    }

    fn bound(manager: &str, spec: &Value, origin: Origin) -> Self {
        let mut scene = Self::of(manager, spec);
        let ours = json!({"organization": "acme"});
        scene
            .stored
            .apply(MANAGER_CODERD, ours.as_object().unwrap(), false)
            .unwrap();
        scene.stored.generation = 1;
        scene.stored.label(origin);
        scene.stored.has_finalizer = origin == Origin::Kubernetes;
        scene.stored.status["observedGeneration"] = json!(1);
        scene.stored.status["binding"] = json!({
            "deploymentID": DEPLOYMENT, "id": ID, "origin": origin.as_str(),
            "boundAt": "2026-11-21T09:00:00Z",
        });
        scene.twin = Twin::Present(template());
        scene
    }

    fn declared(spec: &Value) -> Self {
        Self::bound(USER, spec, Origin::Kubernetes)
    }

    /// One whose declared source is the active version.
    fn promoted() -> Self {
        Self::declared(&json!({"files": files("a")}))
            .seeing(
                recorded("a", 1, Some("v1")),
                version("v1", Some(ID), VersionJob::Succeeded),
            )
            .active("v1")
            .recording()
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

    fn twin(self, change: impl FnOnce(&mut Template)) -> Self {
        self.change(|scene| {
            if let Twin::Present(twin) = &mut scene.twin {
                change(twin);
            } else {
                let mut twin = template();
                change(&mut twin);
                scene.twin = Twin::Present(twin);
            }
        })
    }

    fn active(self, id: &str) -> Self {
        let id = id.to_owned();
        self.twin(|twin| {
            twin.active_version_name = format!("name-of-{id}");
            twin.active_version_id = id;
        })
    }

    fn seeing(self, record: Value, version: Version) -> Self {
        self.change(|scene| {
            scene.stored.status["version"] = record;
            scene.version = Sight::Found(version);
        })
    }

    fn annotated(self, name: &str) -> Self {
        self.change(|scene| scene.stored.annotate(name, "now"))
    }

    fn refusing(self, effect: &Effect) -> Self {
        let refusal = effect.refused("coderd says no");
        self.change(|scene| scene.refused = vec![refusal])
            .recording()
            .change(|scene| scene.refused.clear())
    }

    fn look<T>(&self, judge: impl FnOnce(&Context) -> T) -> T {
        let object: CoderTemplate = self.stored.object();
        let managed_fields = object
            .metadata
            .managed_fields
            .as_deref()
            .unwrap_or_default();
        let spec = serde_json::to_value(&object.spec).unwrap();
        let ownership = Ownership::of(managed_fields, &spec);
        let source = declared_source(&object, &ownership);
        judge(&Context {
            object: &object,
            ownership: &ownership,
            twin: &self.twin,
            organization: self.organization.as_ref(),
            source: source.as_ref(),
            version: &self.version,
            active: self.active.as_ref(),
            workspaces: self.workspaces,
            bound_elsewhere: self.bound_elsewhere,
            deployment_id: DEPLOYMENT,
            read_only: self.read_only.as_ref(),
            crd_is_going: self.crd_is_going,
            us: US,
            refused: &self.refused,
            request_timeout: Duration::from_secs(30),
            build_wait: &BuildWait::default(),
            coderd_now: self.now,
            now: self.now,
        })
    }

    fn plan(&self) -> TemplatePlan {
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

    fn status(&self) -> TemplateStatus {
        let plan = self.plan();
        self.look(|context| {
            let records = match plan.next {
                Next::Record(records) => records,
                Next::Do(_) | Next::Rest(_) => report::records_at_rest(context),
            };
            report::status(context, records, &plan.outlook)
        })
    }

    /// The scene after the records of the plan were written.
    fn recording(self) -> Self {
        let _ = self.records();
        let status = self.status();
        self.change(|scene| scene.stored.set_status(&status))
    }

    /// The scene after the plan had nothing left to do.
    fn resting(self) -> Self {
        assert!(
            matches!(self.next(), Next::Rest(_)),
            "no rest but {:?}",
            self.next()
        );
        let status = self.status();
        self.change(|scene| scene.stored.set_status(&status))
    }

    fn rests(&self, progress: Progress) -> (Reason, Option<Duration>) {
        let plan = self.plan();
        assert_eq!(plan.outlook.progress, progress, "{plan:?}");
        match plan.next {
            Next::Rest(delay) => (plan.outlook.because.0, delay),
            other => panic!("no rest but {other:?}"),
        }
    }

    fn stalled(&self) -> Reason {
        self.rests(Progress::Stalled).0
    }

    fn condition(&self, kind: ConditionType) -> Option<(String, String)> {
        let status = self.status();
        status
            .condition(kind)
            .map(|it| (it.status.clone(), it.reason.clone()))
    }
}

fn on_object(effect: ObjectEffect) -> Effect {
    Effect::Object(effect)
}

#[test]
fn a_promoted_source_rests() {
    let scene = Scene::promoted();
    assert_eq!(scene.next(), Next::Rest(None));
    for kind in [
        ConditionType::Ready,
        ConditionType::Synced,
        ConditionType::VersionPromoted,
    ] {
        assert_eq!(scene.condition(kind).unwrap().0, "True", "{kind:?}");
    }
}
