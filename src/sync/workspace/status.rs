//! What a workspace's object says of itself.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{external::Workspace, kind::Context, schedule};
use crate::{
    api::workspace::{CoderWorkspace, WorkspaceStatus},
    sync::{
        conditions::ConditionSet,
        external::External,
        rounding::{to_the_hour, to_the_second},
        status::Report,
    },
};

/// What the object says where nothing objects.
pub fn settled(context: &Context, workspace: &Workspace) -> ConditionSet {
    let state = match workspace.build.run_state() {
        Some(true) => "running",
        Some(false) => "stopped",
        None => "present",
    };
    let notice = schedule::notice(context, workspace);
    let notice = notice.map(|text| format!("; {text}")).unwrap_or_default();
    let number = workspace.build.number;
    ConditionSet::settled(format!("{state} since build {number}{notice}"))
}

/// The complete status: what coderd says of the workspace, and the report.
pub fn status(context: &Context, report: Report<CoderWorkspace>) -> WorkspaceStatus {
    let facts = match context.external {
        External::Present(workspace) => facts(context, workspace),
        External::Absent => WorkspaceStatus::default(),
        External::Gone | External::Unknown(_) => context.object.status.clone().unwrap_or_default(),
    };
    let Report {
        observed_generation,
        control_plane,
        binding,
        mut sync,
        last_handled_reconcile_at,
        conditions,
        own: (),
    } = report;
    if let (Some(sync), Some(workspace)) = (&mut sync, context.present()) {
        let run = sync.run.take();
        sync.run = run.map(|run| schedule::recorded(run, workspace));
    }
    WorkspaceStatus {
        observed_generation,
        control_plane,
        binding,
        sync,
        last_handled_reconcile_at,
        conditions,
        ..facts
    }
}

/// What coderd says of the workspace, rounded where exactness would cost a write each time.
fn facts(context: &Context, workspace: &Workspace) -> WorkspaceStatus {
    let build = &workspace.build;
    WorkspaceStatus {
        id: Some(workspace.id.to_string()),
        owner_name: Some(workspace.owner.clone()),
        organization_name: Some(workspace.organization.clone()),
        template_name: Some(workspace.template.clone()),
        template_version_id: Some(workspace.version_id.to_string()),
        latest_build_id: Some(build.id.to_string()),
        latest_build_number: Some(build.number),
        latest_build_status: Some(build.status.clone()),
        auto_shutdown: schedule::auto_shutdown(context, workspace),
        last_used_at: workspace.last_used_at.map(|at| Time(to_the_hour(at))),
        health: Some(workspace.health.clone()),
        agents: workspace.agents.clone(),
        dormant_at: workspace.dormant_at.map(|at| Time(to_the_second(at))),
        deleting_at: workspace.deleting_at.map(|at| Time(to_the_second(at))),
        outdated: Some(workspace.outdated),
        ..WorkspaceStatus::default()
    }
}
