//! The parts of `status` that both kinds share: the binding to a twin in coderd and the records
//! that make a crash between any two steps harmless.

#![allow(
    unreachable_pub,
    reason = "KubeSchema repeats each struct in a private scope"
)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which object of which coderd deployment this object stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// The id of the Coder deployment.
    #[serde(rename = "deploymentID")]
    pub deployment_id: String,
    /// The id of the workspace or template in Coder.
    pub id: String,
    /// Who made the workspace or template: kubernetes (the controller, for this object) or coderd
    /// (anybody else). It decides the default of spec.deletionPolicy.
    pub origin: Origin,
    /// When this object was tied to it.
    pub bound_at: Time,
}

/// Who made the twin: `kubernetes` only where a recorded attempt of the controller proves it,
/// `coderd` for everything imported, adopted or restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Made by the controller for an object in Kubernetes.
    Kubernetes,
    /// Made by anybody else.
    Coderd,
}

impl Origin {
    /// The value of the label `coder.com/origin`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Coderd => "coderd",
        }
    }
}

/// What deleting the object does to its twin in coderd. Absent: `Delete` when the twin was created
/// from here, `Retain` when it was imported or adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
pub enum DeletionPolicy {
    /// The twin is deleted too, and the object goes only when coderd has proved it.
    Delete,
    /// The twin stays.
    Retain,
}

/// What happens when a declared field is changed in coderd. Absent: `Enforce`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
pub enum DriftPolicy {
    /// The declared value is put back.
    #[default]
    Enforce,
    /// The difference is shown as condition `Drifted`; nothing is pushed.
    Observe,
}

/// The controller's own records. Do not edit: they keep it from doing anything twice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sync {
    /// The creation in Coder that was begun and whose outcome is not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// Whether the workspace was last meant to run, and the build that this refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunRecord>,
    /// The deletion in Coder that was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<DeletionRecord>,
    /// The deletion in Coder that waits for a person, because there were so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Suspension>,
    /// The removal of this object, whose workspace or template was renamed or deleted in Coder, that
    /// waits for a person, because there were so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal_suspended: Option<Suspension>,
    /// The values that Coder refused; they are not sent again until they change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["field"]))]
    pub refused: Vec<Refusal>,
    /// The declared ephemeral parameters, and the builds that took them: each is sent with one start.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub ephemeral: Vec<EphemeralRecord>,
}

/// A creation in coderd, recorded before the request is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// When it was begun, by Coder's clock. What was created earlier was made by somebody else.
    pub requested_at: Time,
}

/// A run state that both sides agree on, or that was ordered from coderd.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// Whether the workspace is meant to run.
    pub wanted: bool,
    /// The number of the build that brought, or is to bring, that state.
    pub build_number: i64,
    /// When the controller ordered that build. Absent if somebody else did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered_at: Option<Time>,
    /// The ttlMillis that the deadline of that build was made from. Absent if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_millis: Option<i64>,
}

/// The delete builds that the controller ordered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletionRecord {
    /// How many delete builds were ordered.
    pub attempts: i64,
    /// The number of the last delete build.
    pub build_number: i64,
    /// When the last delete build was ordered.
    pub ordered_at: Time,
}

/// A deletion that is held back because many others came before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Suspension {
    /// How many deletions there were within 10 minutes.
    pub deletions: i64,
    /// How many objects there were.
    pub objects: i64,
    /// Since when deletions are held back.
    pub since: Time,
}

/// A declared parameter whose value lasts for one build.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EphemeralRecord {
    /// The parameter's name.
    pub name: String,
    /// A digest of the value, to notice when it changes.
    pub digest: String,
    /// The number of the build that took the value; before that, of the latest build when it was declared.
    pub build_number: i64,
    /// Whether a build took it.
    #[serde(default)]
    pub is_sent: bool,
}

/// A value that coderd refused or that showed no effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The field, such as ttlMillis, or the request, such as create.
    pub field: String,
    /// A digest of the refused value, to notice when it changes. Made with the controller's token, so that
    /// it tells nothing of the value; with another token, the value is tried once more.
    pub digest: String,
    /// What Coder said, in short.
    pub message: String,
    /// Only where Coder took the value without any effect: a digest of its version and of what its licence
    /// enabled then. With others, the value is tried once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ineffective_with: Option<String>,
}
