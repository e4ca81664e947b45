//! What the tools do: a file for each kind of object, and here what they share.

pub(super) mod apply;
pub(super) mod control_plane;
pub(super) mod event;
pub(super) mod explain;
pub(super) mod health;
pub(super) mod log;
pub(super) mod template;
pub(super) mod wait;
pub(super) mod workload;
pub(super) mod workspace;

use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    access::{Access, Kind},
    failure::Failure,
    number::{bounded, whole},
};
use crate::api::{GROUP, VERSION};

/// Objects of a list that are sent where nobody says how many, and at most.
const LISTED: i64 = 100;
const MOST_LISTED: i64 = 500;

pub(super) const CONTROL_PLANES: Kind = ours("codercontrolplanes", "CoderControlPlane");
pub(super) const WORKSPACES: Kind = ours("coderworkspaces", "CoderWorkspace");
pub(super) const TEMPLATES: Kind = ours("codertemplates", "CoderTemplate");
const PODS: Kind = core("pods", "Pod");
const SERVICES: Kind = core("services", "Service");
const EVENTS: Kind = core("events", "Event");
const DEPLOYMENTS: Kind = Kind {
    group: "apps",
    ..core("deployments", "Deployment")
};

const fn ours(plural: &'static str, name: &'static str) -> Kind {
    Kind {
        group: GROUP,
        version: VERSION,
        plural,
        name,
    }
}

const fn core(plural: &'static str, name: &'static str) -> Kind {
    Kind {
        group: "",
        version: "v1",
        plural,
        name,
    }
}

/// Names one object.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Object {
    /// The namespace of the object.
    namespace: String,
    /// The name of the object.
    name: String,
}

/// Asks for a list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct List {
    /// The namespace to look into; all that you may read where it is left out.
    #[serde(default)]
    namespace: Option<String>,
    /// How many objects to return: 100 where it is left out, at most 500.
    #[serde(default, deserialize_with = "whole")]
    limit: Option<i64>,
    /// Where to go on: what an earlier answer to the same question gave as continue.
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

impl List {
    /// Reads as many objects as are asked for, `chunk` at a time: some are large.
    async fn read<T: DeserializeOwned>(
        &self,
        access: &Access,
        kind: &Kind,
        chunk: usize,
    ) -> Result<(Vec<T>, Option<String>), Failure> {
        let limit = bounded("limit", self.limit, LISTED, MOST_LISTED)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let namespace = self.namespace.as_deref().filter(|text| !text.is_empty());
        let mut next = self.next.clone().unwrap_or_default();
        let mut items = Vec::new();
        loop {
            let room = limit.saturating_sub(items.len()).min(chunk).to_string();
            let parameters = [("limit", room.as_str()), ("continue", &next)];
            let page = access.list(kind, namespace, &parameters).await?;
            page.next().clone_into(&mut next);
            let is_empty = page.items.is_empty();
            items.extend(page.items);
            if next.is_empty() || is_empty || items.len() >= limit {
                let next = Some(next).filter(|next| !next.is_empty());
                return Ok((items, next));
            }
        }
    }
}

/// The metadata that tools tell of.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: String,
    deletion_timestamp: Option<String>,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}
