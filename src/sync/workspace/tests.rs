#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test names the one variant that it expects"
)]

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde_json::{Map, Value, json};

use super::{
    effect::Effect,
    external::{Parameter, PinnedVersion, Site, TemplateSite, Workspace},
    kind::{Observed, Records},
    value::{Referenced, Values},
};
use crate::{
    api::{
        condition::{ConditionType, Reason},
        names::{self, MANAGER_CODERD, MANAGER_CONTROLLER, MANAGER_SHIM, OWN_MANAGERS},
        status::{Attempt, DeletionRecord, Origin, RunRecord, Suspension},
        workspace::{CoderWorkspace, Health, WorkspaceStatus},
    },
    sync::{
        build::{Build, Job, Transition},
        events::EventReason,
        external::{External, Failure},
        fields::ownership::Ownership,
        fields::table::Change,
        rules::mass_deletion,
        spelling::Spelling,
        step::{Action, Write},
        testing::{self, DEPLOYMENT, Testable, US, USER, at, failure, id},
    },
};

mod build_order;
mod chain;
mod claim;
mod creation;
mod deletion;
mod ephemeral;
mod lifecycle;
mod model;
mod pin;
mod polling;
mod restored;
mod schedule;
mod secret;
mod settings;
mod status;

const ID: &str = "11111111-1111-1111-1111-111111111111";

type Scenario = testing::Scenario<CoderWorkspace>;

/// What is looked at for workspaces only.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    site: Option<Site>,
    pinned: Option<PinnedVersion>,
    referenced: Referenced,
    stable_for: Duration,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            site: None,
            pinned: None,
            referenced: Referenced::new(),
            stable_for: Duration::from_secs(60),
        }
    }
}

impl Testable for CoderWorkspace {
    const KIND: &'static str = "CoderWorkspace";
    const NAME: &'static str = "acme.ann.dev";
    const ID: &'static str = ID;

    type Own = Own;

    type Derived = ();

    fn derive(&self, _ownership: &Ownership) {}

    fn observed<'a>(own: &'a Own, (): &'a ()) -> Observed<'a> {
        Observed {
            site: own.site.as_ref(),
            pinned: own.pinned.as_ref(),
            referenced: &own.referenced,
            stable_for: own.stable_for,
        }
    }
}

impl Scenario {
    /// An unbound object of a user, and the place where its workspace belongs.
    fn new(spec: &Value) -> Self {
        Self::of(USER, spec).change(|scenario| scenario.own.site = Some(site()))
    }

    /// A bound object, at rest save for what `spec` says.
    fn bound(manager: &str, spec: &Value, origin: Origin) -> Self {
        let mirrored = json!({
            "organization": "acme", "templateName": "go", "running": true,
            "templateVersionID": id("version").to_string(),
        });
        Self::bound_to(workspace(), manager, spec, &mirrored, origin).change(|scenario| {
            scenario.stored.status["templateName"] = json!("go");
            scenario.stored.status["sync"] = json!({"run": {"wanted": true, "buildNumber": 1}});
        })
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

    fn external(self, change: impl FnOnce(&mut Workspace)) -> Self {
        self.change(|scenario| {
            let mut external = workspace();
            change(&mut external);
            scenario.external = External::Present(external);
        })
    }
}

fn site() -> Site {
    Site {
        organization: Spelling::Canonical,
        owner: Spelling::Canonical,
        template: Some(TemplateSite {
            id: id("template"),
            active_version_id: id("version"),
            parameters: vec![parameter("cpu", false)],
        }),
    }
}

fn ttl(millis: Option<i64>) -> Change {
    Change {
        field: "ttlMillis",
        value: millis.map(Value::from),
    }
}

fn autostart(schedule: Option<&str>) -> Change {
    Change {
        field: "autostartSchedule",
        value: schedule.map(Value::from),
    }
}

fn values(values: &[(&str, &str)]) -> Values {
    let values = values.iter();
    values
        .map(|(name, value)| ((*name).to_owned(), (*value).into()))
        .collect()
}

fn parameter(name: &str, is_ephemeral: bool) -> Parameter {
    Parameter {
        name: name.to_owned(),
        is_ephemeral,
        is_mutable: true,
    }
}

fn build(number: i64, transition: Transition, job: Job) -> Build {
    Build {
        id: id(&format!("build-{number}")),
        number,
        transition,
        job,
        status: format!("{transition:?} {job:?}"),
        reason: "initiator".to_owned(),
        initiator: US,
        initiator_name: "coder-k8s".to_owned(),
        error: (job == Job::Failed).then(|| "terraform apply: exit status 1".to_owned()),
        ended_at: None,
    }
}

fn foreign(number: i64, transition: Transition, job: Job) -> Build {
    Build {
        reason: "dashboard".to_owned(),
        initiator: id("ann"),
        initiator_name: "ann".to_owned(),
        ..build(number, transition, job)
    }
}

/// A running workspace that build 1 started.
fn workspace() -> Workspace {
    Workspace {
        id: id(ID),
        organization: "Acme".to_owned(),
        owner: "Ann".to_owned(),
        name: "dev".to_owned(),
        template: "go".to_owned(),
        template_id: id("template"),
        version_id: id("version"),
        version_of_next_start: None,
        created_at: at("09:00:00"),
        creator: None,
        ttl_millis: None,
        autostart_schedule: None,
        next_start_at: None,
        is_unfit_to_autostart: false,
        build: build(1, Transition::Start, Job::Succeeded),
        parameters: Values::new(),
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

#[test]
fn the_scenes_rest_where_nothing_was_changed() {
    for scenario in [
        Scenario::imported(),
        Scenario::declared(&json!({"templateName": "go"})),
    ] {
        let step = scenario.step();
        assert_eq!(step.action, Action::Rest(None));
        assert_eq!(step.conditions.ready.unwrap().holds, Some(true));
        assert_eq!(step.conditions.synced.holds, Some(true));
        assert!(scenario.stored.is_mirrored("organization"));
    }
    assert!(OWN_MANAGERS.iter().all(|manager| *manager != USER));
}
