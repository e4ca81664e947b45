//! `CoderControlPlane`: one Coder, run in the cluster or reached from it.
//!
//! Every field of the Go project's kind of this name is there under its name, so that a cluster that was run by it
//! is taken over as it is.

#![allow(
    unreachable_pub,
    reason = "KubeSchema repeats each struct in a private scope"
)]

mod access;
mod exposure;
mod pod;
mod status;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, EnvFromSource, EnvVar, LocalObjectReference, PodSecurityContext,
    ResourceRequirements, SecurityContext, Toleration, TopologySpreadConstraint, Volume,
    VolumeMount,
};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

pub use self::{
    access::{Database, OperatorAccess, RequiredSecretKey, SecretKeySelector},
    exposure::{Exposure, Gateway, GatewayParent, Ingress, IngressTls, Service},
    pod::{Certificates, Probe, ServiceAccount, TemplateTests, Tls, WorkspaceRbac},
    status::{ControlPlaneStatus, LicenseTier},
};

/// How Coder is run, and how the controller gets access to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "coder.com",
    version = "v1alpha1",
    kind = "CoderControlPlane",
    plural = "codercontrolplanes",
    singular = "codercontrolplane",
    shortname = "ccp",
    category = "coder",
    namespaced,
    status = "ControlPlaneStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "A Coder. Its workspaces and templates are objects of its namespace."
)]
#[kube(
    printcolumn(
        name = "URL",
        type_ = "string",
        json_path = ".status.url",
        description = "Where it is reached in the cluster"
    ),
    printcolumn(
        name = "Phase",
        type_ = "string",
        json_path = ".status.phase",
        description = "Whether it runs"
    ),
    printcolumn(
        name = "Access",
        type_ = "boolean",
        json_path = ".status.operatorAccessReady",
        description = "Whether the controller has a token for it"
    ),
    printcolumn(
        name = "Replicas",
        type_ = "integer",
        json_path = ".status.readyReplicas",
        description = "Replicas that are ready",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[x_kube(
    validation = Rule::new("!has(self.database) || !has(self.extraEnv) || !self.extraEnv.exists(e, e.name == 'CODER_PG_CONNECTION_URL')").message("set either database.connectionSecretRef or CODER_PG_CONNECTION_URL in extraEnv, not both")
)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneSpec {
    /// The image of Coder. Absent: the one that Coder publishes, with the tag latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,

    /// How many replicas run; more than one needs a licence. Absent: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub replicas: Option<i32>,

    /// The Service in front of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,

    /// Arguments that are added to those of the server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub extra_args: Vec<String>,

    /// Environment variables that are added to those of the server, as in a pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub extra_env: Vec<EnvVar>,

    /// Sources of environment variables, as in a pod.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(e, !has(e.configMapRef) || !has(e.secretRef))").message("each entry must have either configMapRef or secretRef, not both")
    )]
    pub env_from: Vec<EnvFromSource>,

    /// Secrets with access to the registry of the image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub image_pull_secrets: Vec<LocalObjectReference>,

    /// The database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,

    /// How the controller gets a token for this Coder.
    #[serde(default)]
    pub operator_access: OperatorAccess,

    /// What tests of templates may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_tests: Option<TemplateTests>,

    /// The licence. Without a key: license.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_secret_ref: Option<SecretKeySelector>,

    /// The `ServiceAccount` of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<ServiceAccount>,

    /// The rights of the `ServiceAccount`, with which workspaces are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rbac: Option<WorkspaceRbac>,

    /// What the container needs and may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,

    /// The security context of the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_context: Option<SecurityContext>,

    /// The security context of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_security_context: Option<PodSecurityContext>,

    /// TLS that Coder itself serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,

    /// Whether and when a pod gets traffic. Absent: it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness_probe: Option<Probe>,

    /// Whether and when a container is started again. Absent: it is not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness_probe: Option<Probe>,

    /// Whether `CODER_ACCESS_URL` is the URL in the cluster where nothing else is set. Absent: true.
    #[serde(
        default,
        rename = "envUseClusterAccessURL",
        skip_serializing_if = "Option::is_none"
    )]
    pub env_use_cluster_access_url: Option<bool>,

    /// How Coder is reached from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expose: Option<Exposure>,

    /// Volumes that are added to the pods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub volumes: Vec<Volume>,

    /// Volume mounts that are added to the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub volume_mounts: Vec<VolumeMount>,

    /// Certificates that Coder trusts besides those of its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certs: Option<Certificates>,

    /// The nodes that may run the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = MapMerge::Atomic)]
    pub node_selector: Option<BTreeMap<String, String>>,

    /// Taints that the pods tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub tolerations: Vec<Toleration>,

    /// Where the pods are preferred, or required, to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,

    /// How the pods are spread.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
}
