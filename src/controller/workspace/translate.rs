//! From coderd's wire types to what deciding needs.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    api::workspace::{Agent, Health},
    coderd::{self, JobStatus, Secrets},
    sync::{
        build::{Build, Job, Transition},
        workspace::Workspace,
    },
};

/// How much of a build's error is kept, in bytes.
const ERROR: usize = 1024;

/// A workspace as coderd sent it, without `secrets` where somebody has his say; what needs further calls is
/// left empty.
pub(in crate::controller) fn translate(wire: &coderd::Workspace, secrets: &Secrets) -> Workspace {
    let updates_itself = wire.automatic_updates == coderd::AutomaticUpdates::Always;
    let follows_active = wire.template_require_active_version || updates_itself;
    Workspace {
        id: wire.id.to_string(),
        organization: wire.organization_name.clone(),
        owner: wire.owner_name.clone(),
        name: wire.name.clone(),
        template: wire.template_name.clone(),
        version_id: wire.latest_build.template_version_id.to_string(),
        version_of_next_start: follows_active.then(|| wire.template_active_version_id.to_string()),
        created_at: wire.created_at,
        creator: None,
        ttl_millis: wire.ttl_ms,
        autostart_schedule: wire.autostart_schedule.clone(),
        next_start_at: wire.next_start_at,
        is_unfit_to_autostart: false,
        build: build(&wire.latest_build, secrets),
        parameters: BTreeMap::new(),
        known_parameters: None,
        deadline: wire.latest_build.deadline,
        last_used_at: wire.last_used_at,
        dormant_at: wire.dormant_at,
        deleting_at: wire.deleting_at,
        outdated: wire.outdated,
        health: Health {
            healthy: wire.health.healthy,
            failing_agents: failing_agents(&wire.health),
        },
        agents: agents(&wire.latest_build),
    }
}

fn build(wire: &coderd::Build, secrets: &Secrets) -> Build {
    Build {
        id: wire.id.to_string(),
        number: i64::from(wire.build_number),
        transition: match wire.transition {
            coderd::Transition::Start => Transition::Start,
            coderd::Transition::Stop => Transition::Stop,
            coderd::Transition::Delete => Transition::Delete,
            coderd::Transition::Unknown(_) => Transition::Other,
        },
        job: match wire.job.status {
            JobStatus::Succeeded => Job::Succeeded,
            JobStatus::Failed => Job::Failed,
            JobStatus::Canceled => Job::Canceled,
            JobStatus::Pending
            | JobStatus::Running
            | JobStatus::Canceling
            | JobStatus::Unknown(_) => Job::Active,
        },
        status: wire.status.as_str().to_owned(),
        reason: wire.reason.as_str().to_owned(),
        initiator: wire.initiator_id.to_string(),
        initiator_name: wire.initiator_name.clone(),
        error: wire.job.error.as_ref().map(|it| it.line(secrets, ERROR)),
        ended_at: wire.job.completed_at,
    }
}

/// The agents that fail, in a stable order: coderd's moves.
fn failing_agents(wire: &coderd::Health) -> Vec<String> {
    let failing = wire.failing_agents.iter().map(ToString::to_string);
    let failing: BTreeSet<String> = failing.collect();
    failing.into_iter().collect()
}

/// The top-level agents, in a stable order.
fn agents(wire: &coderd::Build) -> Vec<Agent> {
    let mut agents: Vec<_> = wire
        .agents()
        .filter(|agent| agent.parent_id.is_none())
        .map(|agent| Agent {
            name: agent.name.clone(),
            lifecycle: agent.lifecycle_state.clone(),
            connected: agent.status == "connected",
        })
        .collect();
    agents.sort();
    agents
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn failing_agents_are_the_same_in_any_order() {
        let health = |agents: &[u128]| coderd::Health {
            healthy: false,
            failing_agents: agents.iter().map(|id| Uuid::from_u128(*id)).collect(),
        };
        let first = failing_agents(&health(&[1, 2, 3]));
        assert_eq!(first.len(), 3);
        assert_eq!(failing_agents(&health(&[3, 1, 2, 1])), first);
    }

    #[test]
    fn what_a_build_failed_with_is_told_in_short_and_without_secrets() {
        let (id, secrets) = (Uuid::nil(), Secrets::of(["QZQZQZQZ".into()]));
        let said = |error: &str| {
            let job = json!({
                "id": id, "created_at": "2026-11-21T10:00:00Z", "status": "failed", "error": error,
            });
            let wire = json!({
                "id": id, "workspace_id": id, "template_version_id": id, "build_number": 1,
                "created_at": "2026-11-21T10:00:00Z", "updated_at": "2026-11-21T10:00:00Z", "initiator_id": id, "initiator_name": "ann",
                "transition": "start", "status": "failed", "reason": "initiator", "job": job,
            });
            build(&serde_json::from_value(wire).unwrap(), &secrets).error
        };
        assert_eq!(said(""), None);
        assert_eq!(
            said("bad QZQZQZQZ\nand more").as_deref(),
            Some("bad [redacted] and more")
        );
        for before in 0..2000 {
            let error = said(&format!("{}QZQZQZQZ", "€".repeat(before))).unwrap();
            assert!(
                error.len() <= ERROR && !error.contains(['Q', 'Z']),
                "{error}"
            );
        }
    }
}
