use jiff::SignedDuration;
use uuid::Uuid;

use super::*;
use crate::sync::{build::Job, testing};

mod failure;
mod model;
mod order;
mod state;

const US: Uuid = Uuid::from_u128(7);
const OWNER: Uuid = Uuid::from_u128(8);

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// A build of somebody in the dashboard that ended well.
fn build(number: i64, running: bool) -> Build {
    Build {
        id: testing::id(&format!("build-{number}")),
        number,
        transition: Transition::towards(running),
        job: Job::Succeeded,
        status: if running { "running" } else { "stopped" }.to_owned(),
        reason: "dashboard".to_owned(),
        initiator: OWNER,
        initiator_name: "ann".to_owned(),
        error: None,
        ended_at: None,
    }
}

/// A build that we began over the API.
fn our_build(number: i64, running: bool) -> Build {
    Build {
        reason: "initiator".to_owned(),
        initiator: US,
        initiator_name: "coder-k8s".to_owned(),
        ..build(number, running)
    }
}

fn with(job: Job, build: Build) -> Build {
    Build { job, ..build }
}

fn seen_at(build_number: i64, wanted: bool) -> RunRecord {
    RunRecord {
        wanted,
        build_number,
        ordered_at: None,
        ttl_millis: None,
    }
}

fn ordered_as(build_number: i64, wanted: bool) -> RunRecord {
    RunRecord {
        wanted,
        build_number,
        ordered_at: Some(Time(now())),
        ttl_millis: None,
    }
}

/// A lever that somebody declares, whose build was seen for long.
fn lever<'a>(
    wanted: impl Into<Option<bool>>,
    record: impl Into<Option<&'a RunRecord>>,
    build: &'a Build,
) -> RunInput<'a> {
    RunInput {
        wanted: wanted.into(),
        is_mirrored: false,
        record: record.into(),
        build,
        stable_for: Duration::from_secs(60),
        us: US,
        retry: false,
        requested: false,
        now: now(),
    }
}

fn decided<'a>(
    wanted: impl Into<Option<bool>>,
    record: impl Into<Option<&'a RunRecord>>,
    build: &'a Build,
) -> Decision {
    decide(&lever(wanted, record, build))
}

fn retried<'a>(
    wanted: impl Into<Option<bool>>,
    record: impl Into<Option<&'a RunRecord>>,
    build: &'a Build,
) -> Decision {
    decide(&RunInput {
        retry: true,
        ..lever(wanted, record, build)
    })
}

fn order_of(build_number: i64, wanted: bool) -> Decision {
    Decision::Order {
        record: ordered_as(build_number, wanted),
        overruled: None,
    }
}
