//! From coderd's wire types to what deciding needs.

use std::collections::BTreeSet;

use crate::{
    api::workspace::{Agent, Health},
    coderd::{self, Secrets},
    controller::job::job,
    sync::{
        build::{Build, Transition},
        workspace::{external::Workspace, value::Values},
    },
};

/// How much of a build's error is kept, in bytes.
const ERROR: usize = 1024;
/// How much of a word of coderd's is kept: we may not know it.
const WORD: usize = 64;

/// A workspace as coderd sent it, without `secrets` where somebody has his say; what needs further calls is
/// left empty.
pub(in crate::controller) fn translate(wire: &coderd::Workspace, secrets: &Secrets) -> Workspace {
    let updates_itself = wire.automatic_updates == coderd::AutomaticUpdates::Always;
    let follows_active = wire.template_require_active_version || updates_itself;
    Workspace {
        id: wire.id,
        organization: wire.organization_name.clone(),
        owner: wire.owner_name.clone(),
        name: wire.name.clone(),
        template: wire.template_name.clone(),
        template_id: wire.template_id,
        version_id: wire.latest_build.template_version_id,
        version_of_next_start: follows_active.then_some(wire.template_active_version_id),
        created_at: wire.created_at,
        creator: None,
        ttl_millis: wire.ttl_ms,
        autostart_schedule: wire.autostart_schedule.clone(),
        next_start_at: wire.next_start_at,
        is_unfit_to_autostart: false,
        build: build(&wire.latest_build, secrets),
        parameters: Values::new(),
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
        agents: agents(&wire.latest_build, secrets),
    }
}

fn build(wire: &coderd::Build, secrets: &Secrets) -> Build {
    Build {
        id: wire.id,
        number: i64::from(wire.build_number),
        transition: match wire.transition {
            coderd::Transition::Start => Transition::Start,
            coderd::Transition::Stop => Transition::Stop,
            coderd::Transition::Delete => Transition::Delete,
            coderd::Transition::Unknown(_) => Transition::Other,
        },
        job: job(&wire.job.status),
        status: secrets.line(wire.status.as_str(), WORD),
        reason: secrets.line(wire.reason.as_str(), WORD),
        initiator: wire.initiator_id,
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
fn agents(wire: &coderd::Build, secrets: &Secrets) -> Vec<Agent> {
    let mut agents: Vec<_> = wire
        .agents()
        .filter(|agent| agent.parent_id.is_none())
        .map(|agent| Agent {
            name: agent.name.clone(),
            lifecycle: secrets.line(&agent.lifecycle_state, WORD),
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

    fn sent(word: &str, error: &str) -> coderd::Build {
        let (id, at) = (Uuid::nil(), "2026-11-21T10:00:00Z");
        let agent = json!({ "name": "dev", "status": word, "lifecycle_state": word });
        let build = json!({
            "id": id, "workspace_id": id, "template_version_id": id, "build_number": 1,
            "created_at": at, "updated_at": at, "initiator_id": id, "initiator_name": "ann",
            "transition": "start", "status": word, "reason": word,
            "job": { "id": id, "created_at": at, "status": "failed", "error": error },
            "resources": [{ "agents": [agent] }],
        });
        serde_json::from_value(build).unwrap()
    }

    #[test]
    fn what_coderd_says_of_a_build_is_told_in_short_and_without_secrets() {
        let secrets = Secrets::of(["QZQZQZQZ".into()]);
        let told = |word: &str, error: &str| {
            let wire = sent(word, error);
            let agents = agents(&wire, &secrets);
            let told = build(&wire, &secrets);
            let lifecycle = agents.into_iter().map(|agent| agent.lifecycle).next();
            ([told.status, told.reason, lifecycle.unwrap()], told.error)
        };
        assert_eq!(told("new", ""), (["new"; 3].map(str::to_owned), None));
        let (words, error) = told("x QZQZQZQZ", "bad QZQZQZQZ\nand more");
        assert_eq!(words, ["x [redacted]"; 3]);
        assert_eq!(error.as_deref(), Some("bad [redacted] and more"));
        for before in 0..700 {
            let text = format!("{}QZQZQZQZ", "€".repeat(before));
            let (words, error) = told(&text, &text);
            let fits = words.iter().all(|word| word.len() <= WORD);
            let text = words.concat() + &error.unwrap();
            assert!(fits && text.len() <= 3 * WORD + ERROR, "{text}");
            assert!(!text.contains(['Q', 'Z']), "{text}");
        }
    }
}
