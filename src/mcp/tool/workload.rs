//! What a control plane runs as: its pods, its Deployment, its Service.

mod deployment;
mod pod;
mod service;

use crate::mcp::catalog::Tool;

pub(in crate::mcp) fn tools() -> [Tool; 3] {
    [
        Tool::reading(
            "list_control_plane_pods",
            "List pods for a CoderControlPlane by namespace and name.",
            pod::list,
        ),
        Tool::reading(
            "get_control_plane_deployment_status",
            "Get Deployment status for a CoderControlPlane by namespace and name.",
            deployment::status,
        ),
        Tool::reading(
            "get_service_status",
            "Get Kubernetes Service status by namespace and name.",
            service::status,
        ),
    ]
}
