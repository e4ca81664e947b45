//! `CoderTemplate`: one template in coderd, with the source that its versions are built from.

#![allow(
    unreachable_pub,
    reason = "KubeSchema repeats each struct in a private scope"
)]

mod schedule;
mod source;
mod status;

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    schedule::{AutostartRequirement, AutostopRequirement, Weekday},
    source::{
        Archive, ArtifactKind, ArtifactReference, ConfigMapReference, TemplateSource,
        TemplateVariable,
    },
    status::{MirroredFiles, TemplateStatus, VersionStatus},
};
use super::status::{DeletionPolicy, DriftPolicy};

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
    validation = Rule::new("!has(self.spec) || !has(self.spec.organization) || self.metadata.name.split('.').size() < 2 || self.metadata.name.split('.').size() > 3 || self.metadata.name.split('.')[self.metadata.name.split('.').size()-2] == self.spec.organization || (oldSelf.hasValue() && has(oldSelf.value().spec) && has(oldSelf.value().spec.organization) && oldSelf.value().spec.organization == self.spec.organization)")
        .message("spec.organization must be the organization in metadata.name")
        .field_path(".spec.organization")
        .optional_old_self(true)
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
    /// that is text of at most 128 KiB. A larger source belongs in spec.source; as a tar archive it may
    /// have 3.5 MiB, since Coder could not stop or delete a workspace of a larger one.
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
    /// one; with a source of its own, only where promotion is Manual. Left out, the field shows the
    /// active version. "" is the same as absent.
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
    /// Automatic (the default), as soon as its import has succeeded; Manual, when spec.versionID or the
    /// annotation coder.com/promote-version names it, or somebody promotes it in Coder.
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

/// Whether a version becomes active as soon as it was imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(description = "")]
pub enum Promotion {
    /// It becomes active.
    #[default]
    Automatic,
    /// Somebody names it, or promotes it in Coder.
    Manual,
}
