//! What Coder says of a template.

#![allow(
    unreachable_pub,
    reason = "KubeSchema repeats each struct in a private scope"
)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{
    condition::ConditionType,
    status::{Binding, Sync},
};

/// What Coder says of the template, and how far Kubernetes and Coder agree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateStatus {
    /// The metadata.generation that this status speaks of; -1 if nobody has looked at the object yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The template's id in Coder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The organization's name, as Coder spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_name: Option<String>,
    /// The id of the active version, which new workspaces start with.
    #[serde(
        rename = "activeVersionID",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub active_version_id: Option<String>,
    /// The name of the active version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_version_name: Option<String>,
    /// Whether the template is deprecated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<bool>,
    /// When the settings of the template were last changed in Coder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Time>,
    /// Never set; here for the sake of old clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_shutdown: Option<Time>,
    /// The version that was built, or is being built, from the declared source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionStatus>,
    /// Whether the source of the active version is shown in spec.files, and if not, why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirrored_files: Option<MirroredFiles>,
    /// The name of the Coder control plane that the template belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<String>,
    /// Which template of which Coder deployment this object stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// The controller's own records. Do not edit them: they keep it from doing anything twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<Sync>,
    /// The last value of the annotation coder.com/reconcile-requested-at that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// How the template is doing. Ready: what spec says is in effect. Synced: Kubernetes and Coder
    /// agree. VersionPromoted (with a declared source): the version built from it is the active one.
    /// Only while True: Drifted (declared settings differ in Coder), Reconciling (work goes on),
    /// Stalled (nothing will happen until something changes).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
}

/// The version that belongs to the declared source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionStatus {
    /// The version's id in Coder; absent until Coder is known to have made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The version's name: the start of the source's hash and the number of the attempt.
    pub name: String,
    /// The SHA-256 of the source that the version is built from.
    pub source_hash: String,
    /// The files of the version that may be run, as they might in the version that was active before it:
    /// spec.files cannot say so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub executable_files: Vec<String>,
    /// The variables whose values Coder keeps from an earlier version, although their defaults are others
    /// in the files: 16 of them, and how many more there are. Absent as long as that is not known, also for
    /// want of a right in Coder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub kept_variables: Option<Vec<String>>,
    /// The status of the import in Coder's words, such as running, succeeded or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_status: Option<String>,
    /// Why the import failed, with the last lines of its log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When the import was begun; the time it may take counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When the import ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// When the version was first seen to be the active one. Another one that takes its place later
    /// is a change made in Coder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted_at: Option<Time>,
}

/// What became of mirroring the active version into `spec.files`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MirroredFiles {
    /// The id of the version that was looked at.
    #[serde(rename = "versionID")]
    pub version_id: String,
    /// Why its source is not in spec.files; absent when it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub omitted: Option<String>,
}

impl TemplateStatus {
    /// The condition of type `kind`, if it is there.
    pub fn condition(&self, kind: ConditionType) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.type_ == kind.as_str())
    }
}
