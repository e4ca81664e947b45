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

/// What Coder can store: it counts in nanoseconds.
const LONGEST_MILLIS: i64 = i64::MAX / 1_000_000;
/// No request is larger. A tighter bound on one file would hide the message about all of them.
const LARGEST_REQUEST: u32 = 3_145_728;

/// What the template is meant to be. A field that you set is declared: it is put into effect and kept
/// in Coder. A field that you leave out shows what Coder has; its field manager is then `coderd`.
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
    doc = "A template in Coder. metadata.name says which: <organization>.<template>, in lower case."
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
        description = "Version that new workspaces start with"
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
    validation = Rule::new("oldSelf.hasValue() || self.metadata.name.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?[.])?[a-z0-9]+(-[a-z0-9]+)*[.][a-z0-9]+(-[a-z0-9]+)*$')")
        .message("metadata.name must be <organization>.<template> or <control-plane>.<organization>.<template>, in lower case")
        .optional_old_self(true),
    validation = Rule::new("oldSelf.hasValue() || self.metadata.name.split('.').size() < 2 || self.metadata.name.split('.').size() > 3 || self.metadata.name.matches('^([^.]{0,63}[.])?[^.]{0,32}[.][^.]{0,32}$')")
        .message("each part of metadata.name has at most 32 characters (the control plane 63)")
        .optional_old_self(true),
    validation = Rule::new("!has(self.spec) || !has(self.spec.organization) || self.metadata.name.split('.').size() < 2 || self.metadata.name.split('.').size() > 3 || self.metadata.name.split('.')[self.metadata.name.split('.').size()-2] == self.spec.organization")
        .message("spec.organization must be the organization in metadata.name")
        .field_path(".spec.organization")
)]
#[serde(rename_all = "camelCase")]
pub struct TemplateSpec {
    /// The organization in Coder. May be left out; it must equal the organization in metadata.name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub organization: Option<String>,

    /// The name that people see in Coder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub display_name: Option<String>,

    /// What the template is for, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub description: Option<String>,

    /// The path or URL of an icon, such as /icon/k8s.png.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub icon: Option<String>,

    /// Why the template must not be used any more. While it is not empty, nobody can create a
    /// workspace from the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub deprecation_message: Option<String>,

    /// How long after a start Coder stops a workspace, unless the workspace says otherwise, in
    /// milliseconds; 0 is never.
    #[serde(
        rename = "defaultTTLMillis",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(range(min = 0, max = LONGEST_MILLIS))]
    pub default_ttl_millis: Option<i64>,

    /// By how much activity puts off the autostop of a workspace, in milliseconds; 0 is not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = LONGEST_MILLIS))]
    pub activity_bump_millis: Option<i64>,

    /// How long before an autostop the owner of the workspace is told, in milliseconds; 0 is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = LONGEST_MILLIS))]
    pub time_til_autostop_notify_millis: Option<i64>,

    /// On which days, and every how many weeks, workspaces have to stop (needs a licence).
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
    #[schemars(range(max = LONGEST_MILLIS))]
    #[x_kube(validation = Rule::new("self == 0 || self >= 60000").message("must be 0 (never) or at least 60000 (one minute)"))]
    pub failure_ttl_millis: Option<i64>,

    /// After how long without use a workspace becomes dormant, in milliseconds: 0 is never, else at
    /// least one minute (needs a licence).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = LONGEST_MILLIS))]
    #[x_kube(validation = Rule::new("self == 0 || self >= 60000").message("must be 0 (never) or at least 60000 (one minute)"))]
    pub time_til_dormant_millis: Option<i64>,

    /// After how long a dormant workspace is deleted, in milliseconds: 0 is never, else at least one
    /// minute (needs a licence).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = LONGEST_MILLIS))]
    #[x_kube(validation = Rule::new("self == 0 || self >= 60000").message("must be 0 (never) or at least 60000 (one minute)"))]
    pub time_til_dormant_auto_delete_millis: Option<i64>,

    /// Whether workspaces have to start on the active version (needs a licence).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_active_version: Option<bool>,

    /// The source, inline: the path of each file and its text, 1,000,000 characters in all. The files
    /// are owned and replaced as one. Left out, the field shows the source of the active version if
    /// that is text of at most 128 KiB. A larger source belongs in spec.source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend(
        "maxProperties" = 2000,
        "additionalProperties" = {"type": "string", "maxLength": LARGEST_REQUEST}
    ))]
    #[x_kube(
        merge_strategy = MapMerge::Atomic,
        validation = Rule::new("self.map(k, k.size() + self[k].size()).sum() <= 1000000").message("files are too large for one object (more than 1,000,000 characters in all): use spec.source (configMapRef, artifact or archive)"),
        validation = Rule::new("self.all(k, k.size() <= 512 && !k.contains('\\\\') && k.split('/').all(s, s != '' && s != '.' && s != '..'))").message("each path must be relative, at most 512 characters, with / between its parts and without empty, '.' or '..' parts")
    )]
    pub files: Option<BTreeMap<String, String>>,

    /// Where the source comes from, if it is not inline in spec.files: exactly one of configMapRef,
    /// artifact and archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<TemplateSource>,

    /// The id of an existing version that the template is created from, or that is made the active
    /// one. "" is the same as absent.
    #[serde(rename = "versionID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new("self == '' || self.matches('^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')").message("must be a UUID in lower case, such as 0b2b2d4e-5a0f-4b6e-9d2c-6c1f4a3e8f10, or \"\""))]
    pub version_id: Option<String>,

    /// Values for the Terraform variables of the template, by name. They are used for every version
    /// that is built from spec.files or spec.source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub variables: Vec<TemplateVariable>,

    /// Tags that choose the provisioner for every version that is built from spec.files or
    /// spec.source. The tags are owned and replaced as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend(
        "maxProperties" = 64,
        "additionalProperties" = {"type": "string", "maxLength": 256}
    ))]
    #[x_kube(merge_strategy = MapMerge::Atomic)]
    pub provisioner_tags: Option<BTreeMap<String, String>>,

    /// Whether a version that is built from spec.files or spec.source becomes the active one:
    /// Automatic (the default), as soon as its import has succeeded; Manual, when somebody promotes it
    /// in Coder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion: Option<Promotion>,

    /// Has no effect; accepted for the sake of old manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<bool>,

    /// What happens when a setting that you declared is changed in Coder: Enforce (the default) puts
    /// it back, Observe only shows it in the condition Drifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift_policy: Option<DriftPolicy>,

    /// What deleting this object does to the template in Coder: Delete deletes it too, Retain leaves it
    /// alone. Absent: Delete if this object created the template, Retain if the template was there
    /// before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

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

/// Where the source of a template comes from: exactly one of its members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[x_kube(validation = Rule::new("[has(self.configMapRef), has(self.artifact), has(self.archive)].exists_one(x, x)").message("set exactly one of configMapRef, artifact and archive")
)]
#[serde(rename_all = "camelCase")]
pub struct TemplateSource {
    /// A ConfigMap in the same namespace: each key is the path of a file, each value its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<ConfigMapReference>,
    /// An artifact that Flux provides, such as a Git repository.
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
    /// The kind of the Flux object.
    pub kind: ArtifactKind,
    /// The Flux object's name; it is in the same namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// A folder inside the artifact. Absent: its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub path: Option<String>,
}

/// The kinds of Flux objects that provide an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
#[allow(missing_docs, reason = "the names are Flux's")]
pub enum ArtifactKind {
    GitRepository,
    #[serde(rename = "OCIRepository")]
    OciRepository,
    Bucket,
    ExternalArtifact,
}

/// A tar or zip archive at a URL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
pub struct Archive {
    /// The URL that the archive is fetched from.
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    /// The SHA-256 of the archive's bytes: 64 hexadecimal digits in lower case.
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9a-f]{64}$')").message("must be the SHA-256 of the archive: 64 hexadecimal digits in lower case"))]
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
    /// The value itself. Everybody who may read this object sees it; for a secret, use valueFrom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub value: Option<String>,
    /// Where to read the value from, instead of value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueSource>,
}

/// Whether a version becomes active as soon as it was imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
pub enum Promotion {
    /// It becomes active.
    #[default]
    Automatic,
    /// Somebody promotes it in Coder.
    Manual,
}

/// What Coder says of the template, and how far Kubernetes and Coder agree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateStatus {
    /// The metadata.generation that this status speaks of.
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
