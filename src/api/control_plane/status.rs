//! The status of a control plane.

#![allow(
    unreachable_pub,
    reason = "KubeSchema repeats each struct in a private scope"
)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::SecretKeySelector;

/// How Coder is doing, and how it is reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneStatus {
    /// The metadata.generation that this status speaks of; -1 if nobody has looked at the object yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How many replicas are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// Ready if a replica is ready, else Pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Where Coder is reached in the cluster.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// The Secret and key with the controller's token. Without a key: token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator_token_secret_ref: Option<SecretKeySelector>,
    /// Whether that token is there and good.
    #[serde(default)]
    pub operator_access_ready: bool,
    /// When the licence was applied last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_last_applied: Option<Time>,
    /// The SHA-256 of that licence, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_last_applied_hash: Option<String>,
    /// What the licence is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_tier: Option<LicenseTier>,
    /// When it was asked last what the licence enables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlements_last_checked: Option<Time>,
    /// Whether the licence enables external provisioners: `entitled`, `grace_period`, `not_entitled` or `unknown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_provisioner_daemons_entitlement: Option<String>,
    /// How the control plane is doing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
}

/// What a licence is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(description = "")]
#[allow(missing_docs, reason = "the names are Coder's")]
pub enum LicenseTier {
    None,
    Trial,
    Enterprise,
    Premium,
    Unknown,
}
