//! `CoderTemplate`: one template in coderd, with the source that its versions are built from.

#![allow(
    unreachable_pub,
    reason = "KubeSchema repeats each struct in a private scope"
)]

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    condition::ConditionType,
    status::{Binding, DeletionPolicy, DriftPolicy, Sync},
    workspace::ValueSource,
};

/// What a template is meant to be. A field that is set here by you is declared and kept in coderd; a
/// field that you leave out mirrors coderd (field manager `coderd`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "coder.com",
    version = "v1alpha1",
    kind = "CoderTemplate",
    plural = "codertemplates",
    singular = "codertemplate",
    shortname = "ctpl",
    category = "coder",
    namespaced,
    status = "TemplateStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "A Coder template. metadata.name is <organization>.<template>, in lower case."
)]
#[kube(
    printcolumn(
        name = "Organization",
        type_ = "string",
        json_path = ".status.organizationName",
        description = "Organization in Coder"
    ),
    printcolumn(
        name = "Active version",
        type_ = "string",
        json_path = ".status.activeVersionName",
        description = "Version that new workspaces use"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether this generation is in effect"
    ),
    printcolumn(
        name = "Synced",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Synced\")].status",
        description = "Whether the last look found both sides equal"
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
    validation = Rule::new("oldSelf.hasValue() || self.metadata.name.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?[.])?[a-z0-9]+(-[a-z0-9]+)*[.][a-z0-9]+(-[a-z0-9]+)*$')")
        .message("metadata.name must be <organization>.<template> or <control-plane>.<organization>.<template>, in lower case")
        .optional_old_self(true),
    validation = Rule::new("oldSelf.hasValue() || self.metadata.name.split('.').size() < 2 || self.metadata.name.split('.').size() > 3 || self.metadata.name.matches('^([^.]{0,63}[.])?[^.]{0,32}[.][^.]{0,32}$')")
        .message("each part of metadata.name has at most 32 characters (the control plane 63)")
        .optional_old_self(true),
    validation = Rule::new("!has(self.spec) || !has(self.spec.organization) || self.metadata.name.split('.').size() < 2 || self.metadata.name.split('.')[self.metadata.name.split('.').size()-2] == self.spec.organization")
        .message("spec.organization must be the organization in metadata.name")
        .field_path(".spec.organization")
)]
#[serde(rename_all = "camelCase")]
pub struct TemplateSpec {
    /// The organization in Coder. When set, it must equal the organization in metadata.name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub organization: Option<String>,

    /// The name that Coder shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub display_name: Option<String>,

    /// What the template is for, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 127))]
    pub description: Option<String>,

    /// The path or URL of an icon, such as /icon/k8s.png.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub icon: Option<String>,

    /// Why the template must not be used any more. Not empty: new workspaces are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub deprecation_message: Option<String>,

    /// Autostop of new workspaces, in milliseconds; 0 is none.
    #[serde(
        rename = "defaultTTLMillis",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(range(min = 0))]
    pub default_ttl_millis: Option<i64>,

    /// How much activity extends a workspace's deadline, in milliseconds; 0 is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub activity_bump_millis: Option<i64>,

    /// How long before an autostop its user is told, in milliseconds; 0 is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub time_til_autostop_notify_millis: Option<i64>,

    /// Days on which workspaces have to stop (needs a licence).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autostop_requirement: Option<AutostopRequirement>,

    /// Days on which workspaces may start by themselves (needs a licence).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autostart_requirement: Option<AutostartRequirement>,

    /// Whether users may set an autostart of their own (needs a licence).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_user_autostart: Option<bool>,

    /// Whether users may set an autostop of their own (needs a licence).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_user_autostop: Option<bool>,

    /// Whether users may cancel builds of their workspaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_user_cancel_workspace_jobs: Option<bool>,

    /// After how long a workspace whose build failed is stopped, in milliseconds: 0 is never, else
    /// at least one minute (needs a licence).
    #[serde(
        rename = "failureTTLMillis",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[x_kube(validation = Rule::new("self == 0 || self >= 60000").message("must be 0 (never) or at least 60000 (one minute)"))]
    pub failure_ttl_millis: Option<i64>,

    /// After how long without use a workspace becomes dormant, in milliseconds: 0 is never, else at
    /// least one minute (needs a licence).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self == 0 || self >= 60000").message("must be 0 (never) or at least 60000 (one minute)"))]
    pub time_til_dormant_millis: Option<i64>,

    /// After how long a dormant workspace is deleted, in milliseconds: 0 is never, else at least one
    /// minute (needs a licence).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self == 0 || self >= 60000").message("must be 0 (never) or at least 60000 (one minute)"))]
    pub time_til_dormant_auto_delete_millis: Option<i64>,

    /// Whether workspaces have to start on the active version (needs a licence).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_active_version: Option<bool>,

    /// The source, as path to text; owned and replaced as one. Left out, it mirrors the active
    /// version as far as that is text of 128 KiB at most. A larger source belongs in spec.source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend(
        "maxProperties" = 2000,
        "additionalProperties" = {"type": "string", "maxLength": 1_048_576}
    ))]
    #[x_kube(
        merge_strategy = MapMerge::Atomic,
        validation = Rule::new("self.map(k, k.size() + self[k].size()).sum() <= 1000000").message("files are too large for one object (more than 1,000,000 characters in all): use spec.source (configMapRef, artifact or archive)"),
        validation = Rule::new("self.all(k, k.size() <= 512 && !k.contains('\\\\') && k.split('/').all(s, s != '' && s != '.' && s != '..'))").message("each path must be relative, at most 512 characters, with / between its parts and without empty, '.' or '..' parts")
    )]
    pub files: Option<BTreeMap<String, String>>,

    /// Where the source comes from, if it is not inline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<TemplateSource>,

    /// An existing version, by id, to create the template from or to promote. "" is the same as
    /// absent.
    #[serde(rename = "versionID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 36))]
    #[x_kube(validation = Rule::new("self == '' || self.matches('^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')").message("must be a UUID in lower case, such as 0b2b2d4e-5a0f-4b6e-9d2c-6c1f4a3e8f10, or \"\""))]
    pub version_id: Option<String>,

    /// Values for the Terraform variables of every version that is built from source, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub variables: Vec<TemplateVariable>,

    /// Tags that choose the provisioner of every version that is built from source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend(
        "maxProperties" = 64,
        "additionalProperties" = {"type": "string", "maxLength": 256}
    ))]
    #[x_kube(merge_strategy = MapMerge::Atomic)]
    pub provisioner_tags: Option<BTreeMap<String, String>>,

    /// Whether a version becomes active as soon as it was imported. Absent: Automatic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Promotion>,

    /// Legacy; ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<bool>,

    /// What happens when a declared setting is changed in Coder: Enforce (default) puts it back,
    /// Observe only shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_policy: Option<DriftPolicy>,

    /// What deleting this object does in Coder. Absent: Delete when the template was created from
    /// here, Retain when it was imported or adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

/// Days and weeks on which workspaces have to stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[serde(rename_all = "camelCase")]
pub struct AutostopRequirement {
    /// The days.
    #[schemars(length(max = 7))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub days_of_week: Vec<Weekday>,
    /// Every how many weeks. Absent: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 16))]
    pub weeks: Option<i64>,
}

/// Days on which workspaces may start by themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[serde(rename_all = "camelCase")]
pub struct AutostartRequirement {
    /// The days.
    #[schemars(length(max = 7))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub days_of_week: Vec<Weekday>,
}

/// A day of the week, as Coder spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
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

/// Where the source of a template comes from: exactly one of its members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[x_kube(validation = Rule::new("[has(self.configMapRef), has(self.artifact), has(self.archive)].exists_one(x, x)").message("set exactly one of configMapRef, artifact and archive")
)]
#[serde(rename_all = "camelCase")]
pub struct TemplateSource {
    /// A ConfigMap in the object's namespace, whose keys are the paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<ConfigMapReference>,
    /// An artifact that Flux provides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<ArtifactReference>,
    /// A tar or zip archive at a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archive>,
}

/// A ConfigMap in the object's namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigMapReference {
    /// The ConfigMap's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// An object of Flux whose artifact is the source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArtifactReference {
    /// The kind of the object.
    pub kind: ArtifactKind,
    /// The object's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// A folder inside the artifact. Absent: its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub path: Option<String>,
}

/// The kinds of Flux objects that provide an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names are Flux's")]
pub enum ArtifactKind {
    GitRepository,
    #[serde(rename = "OCIRepository")]
    OciRepository,
    Bucket,
    ExternalArtifact,
}

/// A tar or zip archive at a URL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Archive {
    /// Where it is fetched from.
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    /// The SHA-256 of its bytes, in lower-case hex.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
}

/// A value for one Terraform variable of the template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[x_kube(validation = Rule::new("has(self.value) != has(self.valueFrom)").message("set exactly one of value and valueFrom")
)]
#[serde(rename_all = "camelCase")]
pub struct TemplateVariable {
    /// The variable's name.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// The value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub value: Option<String>,
    /// Where to read the value from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueSource>,
}

/// Whether a version becomes active as soon as it was imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Promotion {
    /// It becomes active.
    #[default]
    Automatic,
    /// Somebody promotes it in Coder.
    Manual,
}

/// What coderd says of the template, and how far the two sides agree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateStatus {
    /// The generation that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The template's id in Coder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The organization's name, as Coder spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_name: Option<String>,
    /// The version that new workspaces use.
    #[serde(
        rename = "activeVersionID",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub active_version_id: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_version_name: Option<String>,
    /// Whether the template is deprecated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<bool>,
    /// When the template was last changed in Coder, builds of versions aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Time>,
    /// Legacy; never set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_shutdown: Option<Time>,
    /// The version that was built, or is being built, from the declared source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionStatus>,
    /// What became of mirroring the active version into spec.files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirrored_files: Option<MirroredFiles>,
    /// The control plane that the template belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<String>,
    /// Which template of which deployment this object stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// The controller's own records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<Sync>,
    /// The last value of the annotation coder.com/reconcile-requested-at that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Ready and Synced always, VersionPromoted with a declared source; Drifted, Reconciling and
    /// Stalled only while True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
}

/// The version that belongs to the declared source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionStatus {
    /// Its id in Coder; absent while the request that makes it has no proved result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name: the start of the source's hash and the number of the attempt.
    pub name: String,
    /// SHA-256 of the source it is built from, in hex.
    pub source_hash: String,
    /// The import job's status in Coder's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_status: Option<String>,
    /// The import job's error and its last log lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When the build was begun; the wait for it is measured from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// When it was first seen active; a later version in its place is drift.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted_at: Option<Time>,
}

/// What became of mirroring the active version into `spec.files`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MirroredFiles {
    /// The version that was looked at.
    #[serde(rename = "versionID")]
    pub version_id: String,
    /// Why its files were left out; absent when they are in spec.files.
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
