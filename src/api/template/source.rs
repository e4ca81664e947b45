//! Where the source of a template comes from, and the values of its variables.

#![allow(
    unreachable_pub,
    reason = "KubeSchema repeats each struct in a private scope"
)]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::workspace::ValueSource;

/// Where the source of a template comes from: exactly one of its members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[x_kube(validation = Rule::new("[has(self.configMapRef), has(self.artifact), has(self.archive)].exists_one(x, x)").message("set exactly one of configMapRef, artifact and archive")
)]
#[serde(rename_all = "camelCase")]
pub struct TemplateSource {
    /// A ConfigMap in the same namespace: each key is the path of a file, each value its content; or its
    /// only key is a tar archive in binaryData, named .tar, .tar.gz or .tgz.
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
