//! On which days workspaces of a template start and stop.

#![allow(
    unreachable_pub,
    reason = "KubeSchema repeats each struct in a private scope"
)]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Days and weeks on which workspaces have to stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[serde(rename_all = "camelCase")]
pub struct AutostopRequirement {
    /// The days of the week; none is no requirement.
    #[schemars(length(max = 7))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub days_of_week: Vec<Weekday>,
    /// Every how many weeks, from 1 to 16. Absent: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 16))]
    pub weeks: Option<i64>,
}

/// Days on which workspaces may start by themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[serde(rename_all = "camelCase")]
pub struct AutostartRequirement {
    /// The days of the week; with none, no workspace starts by itself.
    #[schemars(length(max = 7))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub days_of_week: Vec<Weekday>,
}

/// A day of the week, as Coder spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(description = "")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}
