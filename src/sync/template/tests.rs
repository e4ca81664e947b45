#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test names the one variant that it expects"
)]

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};

use super::{
    declared::{Declared, Unusable, VERSION_ID, config_map, declared_source},
    effect::Effect,
    external::{Find, KeptVariable, Template, Unreadable, Version, VersionJob},
    kind::Observed,
    variables::{VariableValue, Variables, VariablesKey},
};
use crate::{
    api::{
        condition::{ConditionType, Reason},
        names::{self, MANAGER_CODERD},
        status::Origin,
        template::{CoderTemplate, TemplateStatus, VersionStatus},
    },
    sync::{
        build_wait::BuildWait,
        events::EventReason,
        external::External,
        fields::{ownership::Ownership, table::Change},
        source::{self, Content, Source},
        spelling::Spelling,
        step::{Action, Write},
        testing::{self, Testable, US, USER, at, failure, id},
    },
};

mod chain;
mod content;
mod files;
mod lifecycle;
mod metadata;
mod model;
mod pin;
mod referred;
mod variables;
mod version;

const ID: &str = "22222222-2222-2222-2222-222222222222";

type Scenario = testing::Scenario<CoderTemplate>;

/// What is looked at for templates only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    organization: Option<Spelling>,
    version: Find,
    pinned: Find,
    active: Option<Result<Content, Unreadable>>,
    workspaces: Option<i64>,
}

impl Testable for CoderTemplate {
    const KIND: &'static str = "CoderTemplate";
    const NAME: &'static str = "acme.go";
    const ID: &'static str = ID;

    type Own = Own;

    type Derived = (Option<Result<Declared, Unusable>>, BuildWait);

    fn derive(&self, ownership: &Ownership) -> Self::Derived {
        let source = declared_source(self, ownership, read_source(self), variables(self));
        (source, BuildWait::default())
    }

    fn observed<'a>(own: &'a Own, (source, build_wait): &'a Self::Derived) -> Observed<'a> {
        Observed {
            organization: own.organization.as_ref(),
            source: source.as_ref(),
            version: &own.version,
            pinned: &own.pinned,
            active: own.active.as_ref(),
            workspaces: own.workspaces,
            build_wait,
        }
    }
}

/// The declared source of a ConfigMap, whose one file says its name; `none` is not there.
fn read_source(object: &CoderTemplate) -> Option<Result<Source, Unusable>> {
    let missing = || Unusable::Missing("there is no ConfigMap none".to_owned());
    let name = config_map(object)?;
    Some(if name == "none" {
        Err(missing())
    } else {
        Ok(source_of(name))
    })
}

/// The declared variables, where no Secret is there.
fn variables(object: &CoderTemplate) -> Result<Variables, String> {
    let mut values = BTreeMap::new();
    for variable in &object.spec.variables {
        let value = variable.value.as_deref().ok_or("there is no Secret s")?;
        let value = VariableValue {
            text: value.into(),
            is_secret: false,
        };
        values.insert(variable.name.clone(), value);
    }
    Ok(Variables::new(values, VariablesKey::new([9; 32])))
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
fn content(text: &str) -> Result<Content, Unreadable> {
    Ok(Content::read(&source_of(text).tar_bytes()).unwrap())
}

fn unreadable(message: &str, may_pass: bool) -> Result<Content, Unreadable> {
    Err(Unreadable {
        message: message.to_owned(),
        may_pass,
    })
}

/// The object's `status.version` for the source `text`.
fn recorded(text: &str, attempt: u32, id: Option<&str>) -> Value {
    let hash = hash(text);
    json!({
        "id": id.map(testing::id), "name": source::version_name(&hash, attempt), "sourceHash": hash,
        "startedAt": "2026-11-21T10:00:00Z",
    })
}

fn version(id: &str, template_id: Option<&str>, job: VersionJob) -> Version {
    Version {
        id: testing::id(id),
        created_at: at("10:00:00"),
        creator: Some(US),
        template_id: template_id.map(testing::id),
        job_status: match job {
            VersionJob::Active => "running",
            VersionJob::Succeeded => "succeeded",
            VersionJob::Failed { .. } => "failed",
        }
        .to_owned(),
        job,
        is_archived: false,
        kept_variables: None,
    }
}

fn failed(is_given_up: bool) -> VersionJob {
    VersionJob::Failed {
        error: "no such provider\nline 3".to_owned(),
        is_given_up,
    }
}

fn template() -> Template {
    let live = json!({
        "id": ID, "organization_id": id("acme"), "organization_name": "Acme", "name": "Go",
        "created_at": at("09:00:00"), "updated_at": at("09:00:00"),
        "active_version_id": id("active"), "created_by_id": id("ann"),
        "autostop_requirement": { "days_of_week": [], "weeks": 1 },
    });
    Template {
        live: serde_json::from_value(live).unwrap(),
        active_version_name: "angry_name1".to_owned(),
        active_version_creator: None,
    }
}

/// What is mirrored of [`template`]: each flag has a value.
fn mirrored() -> Value {
    json!({
        "versionID": id("active"), "organization": "acme", "allowUserCancelWorkspaceJobs": false,
        "allowUserAutostart": false, "allowUserAutostop": false, "requireActiveVersion": false,
    })
}

impl Scenario {
    /// An unbound object of a user.
    fn new(spec: &Value) -> Self {
        Self::of(USER, spec)
            .change(|scenario| scenario.own.organization = Some(Spelling::Canonical))
    }

    fn bound(manager: &str, spec: &Value, origin: Origin) -> Self {
        Self::bound_to(template(), manager, spec, &mirrored(), origin)
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
            .recorded()
    }

    fn imported() -> Self {
        Self::bound(
            MANAGER_CODERD,
            &json!({"organization": "acme"}),
            Origin::Coderd,
        )
    }

    fn external(self, change: impl FnOnce(&mut Template)) -> Self {
        self.change(|scenario| {
            if let External::Present(external) = &mut scenario.external {
                change(external);
            } else {
                let mut external = template();
                change(&mut external);
                scenario.external = External::Present(external);
            }
        })
    }

    /// Another version is active, and is mirrored where that is due.
    fn active(mut self, id: &str) -> Self {
        let version = json!(testing::id(id));
        let owners = self.stored.owners.get(VERSION_ID);
        if owners.is_some_and(|owners| owners.contains(MANAGER_CODERD)) {
            self.stored.spec.insert(VERSION_ID.to_owned(), version);
        }
        self.external(|external| {
            external.active_version_name = format!("name-of-{id}");
            external.live.active_version_id = testing::id(id);
        })
    }

    fn seeing(self, record: Value, version: Version) -> Self {
        self.change(|scenario| {
            scenario.stored.status["version"] = record;
            scenario.own.version = Find::Found(version);
        })
    }

    fn condition(&self, kind: ConditionType) -> Option<(String, String)> {
        let status = self.status();
        status
            .condition(kind)
            .map(|it| (it.status.clone(), it.reason.clone()))
    }
}

#[test]
fn a_promoted_source_rests() {
    let scenario = Scenario::promoted();
    assert_eq!(scenario.action(), Action::Rest(None));
    for kind in [
        ConditionType::Ready,
        ConditionType::Synced,
        ConditionType::VersionPromoted,
    ] {
        assert_eq!(scenario.condition(kind).unwrap().0, "True", "{kind:?}");
    }
}
