//! What the pods of a Coder may do, serve and trust.

#![allow(
    unreachable_pub,
    reason = "KubeSchema repeats each struct in a private scope"
)]

use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::RequiredSecretKey;

/// The `ServiceAccount` of the pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccount {
    /// Whether it is there already, so that none is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disable_create: Option<bool>,
    /// Its name. Absent: that of the control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Annotations that it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = MapMerge::Granular)]
    pub annotations: Option<BTreeMap<String, String>>,
    /// Labels that it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = MapMerge::Granular)]
    pub labels: Option<BTreeMap<String, String>>,
}

/// The rights with which workspaces are made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceRbac {
    /// Whether the `ServiceAccount` may make pods and volume claims. Absent: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_perms: Option<bool>,
    /// Whether it may make Deployments. Absent: true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_deployments: Option<bool>,
    /// Rules that are added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub extra_rules: Vec<PolicyRule>,
    /// Other namespaces in which it may do so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub workspace_namespaces: Vec<String>,
}

/// TLS that Coder itself serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    /// The Secrets with its certificates; without any, Coder serves plain HTTP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub secret_names: Vec<String>,
}

/// Certificates that are trusted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
pub struct Certificates {
    /// The keys of Secrets that hold them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub secrets: Vec<RequiredSecretKey>,
}

/// How a container is asked how it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// Whether it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// So many seconds after its start. Absent: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_delay_seconds: Option<i32>,
    /// Every so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_seconds: Option<i32>,
    /// How many seconds an answer may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<i32>,
    /// So many good answers in a row make it well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_threshold: Option<i32>,
    /// So many bad ones in a row make it ill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<i32>,
}

/// What tests of templates may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateTests {
    /// The id of the user whose workspaces they make.
    #[serde(
        default,
        rename = "ownerUserID",
        skip_serializing_if = "Option::is_none"
    )]
    pub owner_user_id: Option<String>,
    /// Whether they may leave their workspaces behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_retain: Option<bool>,
}
