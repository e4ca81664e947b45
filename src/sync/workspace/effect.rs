//! Changes of a workspace in coderd.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::value::Values;
use crate::sync::{build::Transition, rules::guard::FIELD_CREATE};

/// The field of the run lever.
pub const RUNNING: &str = "running";

/// One change of coderd other than of fields.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Create the workspace.
    Create(NewWorkspace),
    /// Begin a build.
    Build(NewBuild),
}

impl Effect {
    /// The field that it is about, or the request, and what it asks for.
    pub fn refusal_key(&self) -> (&'static str, Value) {
        match self {
            Self::Create(new) => (FIELD_CREATE, new.to_json()),
            Self::Build(new) => (RUNNING, new.to_json()),
        }
    }
}

/// A change of settings that take effect without a build. None leaves one as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsPatch {
    /// Autostop; none within switches it off.
    pub ttl_millis: Option<Option<i64>>,
    /// Autostart; none within switches it off.
    pub autostart_schedule: Option<Option<String>>,
}

/// A workspace to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWorkspace {
    /// Its owner.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// The template's id. Not sent where a version is.
    pub template_id: Uuid,
    /// The declared version.
    pub pin: Option<Uuid>,
    /// The version it will use. Not sent where none is declared; a refusal speaks of this version only.
    pub version_id: Uuid,
    /// Autostop.
    pub ttl_millis: Option<i64>,
    /// Autostart.
    pub autostart_schedule: Option<String>,
    /// Parameters by name.
    pub parameters: Values,
}

impl NewWorkspace {
    fn to_json(&self) -> Value {
        let Self {
            owner,
            name,
            template_id,
            pin: _,
            version_id,
            ttl_millis,
            autostart_schedule,
            parameters,
        } = self;
        json!([
            owner,
            name,
            template_id,
            version_id,
            ttl_millis,
            autostart_schedule,
            exposed(parameters)
        ])
    }
}

/// A build to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBuild {
    /// What it is to bring about.
    pub transition: Transition,
    /// The version to use, where it is not the one of the latest build.
    pub version_id: Option<Uuid>,
    /// Parameters by name.
    pub parameters: Values,
}

impl NewBuild {
    fn to_json(&self) -> Value {
        let Self {
            transition,
            version_id,
            parameters,
        } = self;
        json!([format!("{transition:?}"), version_id, exposed(parameters)])
    }
}

/// The values themselves, of which a digest under a key is made and nothing else.
fn exposed(values: &Values) -> BTreeMap<&str, &str> {
    let values = values.iter();
    values
        .map(|(name, value)| (name.as_str(), value.expose()))
        .collect()
}
