//! `CoderWorkspace`: one workspace in coderd.

#![allow(
    unreachable_pub,
    reason = "KubeSchema repeats each struct in a private scope"
)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    condition::ConditionType,
    status::{Binding, DeletionPolicy, DriftPolicy, Sync},
};

/// The longest autostop that `spec` takes, in milliseconds: 30 days. coderd takes more as the default
/// of a template.
pub const LONGEST_TTL_MILLIS: i64 = 2_592_000_000;

/// What the workspace is meant to be. A field that you set is declared: it is put into effect and kept
/// in Coder. A field that you leave out shows what Coder has; its field manager is then `coderd`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "coder.com",
    version = "v1alpha1",
    kind = "CoderWorkspace",
    plural = "coderworkspaces",
    singular = "coderworkspace",
    shortname = "cws",
    category = "coder",
    namespaced,
    status = "WorkspaceStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "A workspace in Coder. metadata.name says which: <organization>.<owner>.<workspace>, in lower case."
)]
#[kube(
    printcolumn(
        name = "Organization",
        type_ = "string",
        json_path = ".status.organizationName",
        description = "Organization in Coder"
    ),
    printcolumn(
        name = "Owner",
        type_ = "string",
        json_path = ".status.ownerName",
        description = "User that owns the workspace"
    ),
    printcolumn(
        name = "Template",
        type_ = "string",
        json_path = ".status.templateName",
        description = "Template it was made from"
    ),
    printcolumn(
        name = "Desired",
        type_ = "boolean",
        json_path = ".spec.running",
        description = "Whether it is meant to run"
    ),
    printcolumn(
        name = "Running",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Running\")].status",
        description = "Whether it runs; Unknown while it changes"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether what spec says is in effect"
    ),
    printcolumn(
        name = "Synced",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Synced\")].status",
        description = "Whether Kubernetes and Coder agreed at the last look"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        description = "Why it is ready or not",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[kube(
    validation = Rule::new("oldSelf.hasValue() || self.metadata.name.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?[.])?[a-z0-9]+(-[a-z0-9]+)*[.][a-z0-9]+(-[a-z0-9]+)*[.][a-z0-9]+(-[a-z0-9]+)*$')")
        .message("metadata.name must be <organization>.<owner>.<workspace> or <control-plane>.<organization>.<owner>.<workspace>, in lower case")
        .optional_old_self(true),
    validation = Rule::new("oldSelf.hasValue() || self.metadata.name.split('.').size() < 3 || self.metadata.name.split('.').size() > 4 || self.metadata.name.matches('^([^.]{0,63}[.])?[^.]{0,32}[.][^.]{0,32}[.][^.]{0,32}$')")
        .message("each part of metadata.name has at most 32 characters (the control plane 63)")
        .optional_old_self(true),
    validation = Rule::new("!has(self.spec) || !has(self.spec.organization) || self.metadata.name.split('.').size() < 3 || self.metadata.name.split('.').size() > 4 || self.metadata.name.split('.')[self.metadata.name.split('.').size()-3] == self.spec.organization || (oldSelf.hasValue() && has(oldSelf.value().spec) && has(oldSelf.value().spec.organization) && oldSelf.value().spec.organization == self.spec.organization)")
        .message("spec.organization must be the organization in metadata.name")
        .field_path(".spec.organization")
        .optional_old_self(true),
    validation = Rule::new("!has(self.spec) || !has(oldSelf.spec) || !has(self.spec.templateName) || !has(oldSelf.spec.templateName) || self.spec.templateName == oldSelf.spec.templateName || (has(self.status) && has(self.status.templateName) && self.spec.templateName == self.status.templateName)")
        .message("spec.templateName is used only to create the workspace and cannot be changed")
        .field_path(".spec.templateName")
)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceSpec {
    /// The organization in Coder. May be left out; it must equal the organization in metadata.name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub organization: Option<String>,

    /// The name of the template to create the workspace from. Needed to create one from Kubernetes; it
    /// cannot be changed afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub template_name: Option<String>,

    /// The version of the template that the next build uses, by its id. "" is the same as absent.
    #[serde(
        rename = "templateVersionID",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new("self == '' || self.matches('^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')").message("must be a UUID in lower case, such as 0b2b2d4e-5a0f-4b6e-9d2c-6c1f4a3e8f10, or \"\""))]
    pub template_version_id: Option<String>,

    /// Whether the workspace is meant to run. The latest change on either side wins, and this field
    /// shows it: autostop and people in Coder set it too. Absent: Coder decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<bool>,

    /// Autostop: how long after a start Coder stops the workspace, in milliseconds. 0 is none, else
    /// from one minute to 30 days; Coder keeps whole minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self == 0 || (self >= 60000 && self <= 2592000000)").message("must be 0 (no autostop) or from 60000 (one minute) to 2592000000 (30 days)"))]
    pub ttl_millis: Option<i64>,

    /// Autostart: when Coder starts the workspace, as a weekly cron expression with an optional time
    /// zone, such as `CRON_TZ=Europe/Berlin 30 8 * * 1-5`. "" is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub autostart_schedule: Option<String>,

    /// Whether a start moves the workspace to the active version of its template: always, or never
    /// (it stays on its version until somebody updates it).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automatic_updates: Option<AutomaticUpdates>,

    /// Values for the template's parameters, by name. They take effect with the next build: a running
    /// workspace is not restarted for them. A parameter that is left out keeps the value it has in
    /// Coder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub parameters: Vec<WorkspaceParameter>,

    /// What happens when a setting that you declared is changed in Coder: Enforce (the default) puts
    /// it back, Observe only shows it in the condition Drifted. It does not concern spec.running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_policy: Option<DriftPolicy>,

    /// What deleting this object does to the workspace in Coder: Delete deletes it too, Retain leaves
    /// it alone. Absent: Delete if this object created the workspace, Retain if the workspace was
    /// there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

/// Whether a start moves a workspace to the active version of its template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
#[serde(rename_all = "lowercase")]
pub enum AutomaticUpdates {
    /// Each start uses the active version.
    Always,
    /// A workspace stays on its version until somebody updates it.
    Never,
}

/// A value for one parameter of the template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[x_kube(validation = Rule::new("has(self.value) != has(self.valueFrom)").message("set exactly one of value and valueFrom")
)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceParameter {
    /// The parameter's name in the template.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// The value itself. Everybody who may read this object sees it; for a secret, use valueFrom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub value: Option<String>,
    /// Where to read the value from, instead of value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueSource>,
}

/// Where a value is read from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueSource {
    /// A key of a Secret in the same namespace.
    pub secret_key_ref: SecretKeySelector,
}

/// A key of a Secret in the object's namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecretKeySelector {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key in the Secret whose value is used.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// What Coder says of the workspace, and how far Kubernetes and Coder agree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceStatus {
    /// The metadata.generation that this status speaks of; -1 if nobody has looked at the object yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The workspace's id in Coder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The owner's user name, as Coder spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_name: Option<String>,
    /// The organization's name, as Coder spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_name: Option<String>,
    /// The template's name, as Coder spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_name: Option<String>,
    /// The version of the template that the latest build used.
    #[serde(
        rename = "templateVersionID",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub template_version_id: Option<String>,
    /// The latest build's id.
    #[serde(
        rename = "latestBuildID",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub latest_build_id: Option<String>,
    /// The latest build's number, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_build_number: Option<i64>,
    /// The latest build's status in Coder's words, such as starting, running, stopped or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_build_status: Option<String>,
    /// When Coder will stop the workspace, exact to 5 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_shutdown: Option<Time>,
    /// When the workspace was last used, exact to the hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Time>,
    /// Whether all agents are well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// The workspace's agents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub agents: Vec<Agent>,
    /// Since when the workspace is dormant: unused for so long that Coder has put it to rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dormant_at: Option<Time>,
    /// When Coder will delete the dormant workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleting_at: Option<Time>,
    /// Whether the template has a newer active version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outdated: Option<bool>,
    /// The name of the Coder control plane that the workspace belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<String>,
    /// Which workspace of which Coder deployment this object stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// The controller's own records. Do not edit them: they keep it from doing anything twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<Sync>,
    /// The last value of the annotation coder.com/reconcile-requested-at that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// How the workspace is doing. Ready: what spec says is in effect. Synced: Kubernetes and Coder
    /// agree. Running: the workspace runs. Only while True: Drifted (declared settings differ in
    /// Coder), Reconciling (work goes on), Stalled (nothing will happen until something changes).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
}

/// Whether all agents of a workspace are well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Whether all agents are well; true for a stopped workspace.
    pub healthy: bool,
    /// The ids of the agents that are not well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub failing_agents: Vec<String>,
}

/// An agent of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    /// The agent's name.
    pub name: String,
    /// Its lifecycle in Coder's words, such as created, starting, ready or off.
    pub lifecycle: String,
    /// Whether it is connected to Coder.
    pub connected: bool,
}

impl WorkspaceStatus {
    /// The condition of type `kind`, if it is there.
    pub fn condition(&self, kind: ConditionType) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.type_ == kind.as_str())
    }
}
