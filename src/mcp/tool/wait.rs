//! Waits until an object is as somebody wants it, and says how it goes meanwhile.
//!
//! It looks again and again instead of watching: so it needs no right but to read that object, and a
//! right or token that ends, ends it.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::{TEMPLATES, WORKSPACES};
use crate::mcp::{
    access::{Access, Kind},
    call::Call,
    catalog::Tool,
    failure::Failure,
    number::{bounded, whole},
};

/// How long is waited, in seconds: some clients give up after a minute.
const USUAL: i64 = 45;
const LONGEST: i64 = 50;
/// The same, with time for the last answer.
const LIMIT: Duration = Duration::from_secs(55);
/// How often the object is looked at, and the client hears that it is.
const LOOK: Duration = Duration::from_secs(1);
const WORD: Duration = Duration::from_secs(15);
/// Stands for the end of the object itself.
const DELETED: &str = "Deleted";

/// The kinds that can be waited for.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
enum Waited {
    CoderWorkspace,
    CoderTemplate,
}

/// What is waited for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    /// The namespace of the object.
    namespace: String,
    /// The kind of the object.
    kind: Waited,
    /// The name of the object.
    name: String,
    /// The condition to wait for: Ready where it is left out; Running, Synced or VersionPromoted; or
    /// Deleted for the end of the object.
    #[serde(default)]
    condition: Option<String>,
    /// The status that the condition has to have: True where it is left out, or False.
    #[serde(default)]
    status: Option<String>,
    /// How many seconds to wait: 45 where it is left out, at most 50.
    #[serde(default, deserialize_with = "whole")]
    timeout_seconds: Option<i64>,
}

/// How it went.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Output {
    /// Whether the object is as wanted.
    met: bool,
    /// Whether waiting longer is useless without a change.
    stalled: bool,
    /// The status, reason and message of the condition at the last look.
    status: String,
    reason: String,
    message: String,
    waited_seconds: i64,
    /// How to go on; absent if it is met.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
}

/// What is read of an object.
#[derive(Debug, Deserialize)]
struct Seen {
    metadata: Metadata,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    generation: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
struct Status {
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: String,
    message: String,
    observed_generation: Option<i64>,
}

/// How the object stands to what is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Standing {
    met: bool,
    stalled: bool,
    condition: Condition,
}

pub(in crate::mcp) fn tools() -> [Tool; 1] {
    [Tool::lasting(
        LIMIT,
        "wait_for",
        "Wait until a condition of a CoderWorkspace or CoderTemplate holds, with progress. Ends early \
         where waiting is useless; call it again to wait longer.",
        wait,
    )]
}

impl Waited {
    fn kind(self) -> &'static Kind {
        match self {
            Self::CoderWorkspace => &WORKSPACES,
            Self::CoderTemplate => &TEMPLATES,
        }
    }
}

async fn wait(call: Arc<Call>, input: Input) -> Result<Output, Failure> {
    let limit = bounded("timeoutSeconds", input.timeout_seconds, USUAL, LONGEST)?;
    let begin = Instant::now();
    let deadline = begin + Duration::from_secs(limit.unsigned_abs());
    let (mut told, mut last) = (None, Standing::default());
    loop {
        let standing = look(&call.access, &input).await?;
        let is_over = standing.met || standing.stalled || Instant::now() >= deadline;
        let is_due = told.is_none_or(|told: Instant| told.elapsed() >= WORD);
        if is_due || standing != last || is_over {
            told = Some(Instant::now());
            let Condition {
                status,
                reason,
                message,
                ..
            } = &standing.condition;
            let seconds = begin.elapsed().as_secs_f64();
            call.tell(
                seconds,
                format!("{} is {status:?}: {reason} {message}", input.wanted()),
            )
            .await;
        }
        if is_over {
            let waited = i64::try_from(begin.elapsed().as_secs()).unwrap_or(limit);
            return Ok(Output::new(standing, waited));
        }
        last = standing;
        sleep(LOOK).await;
    }
}

async fn look(access: &Access, input: &Input) -> Result<Standing, Failure> {
    let read = access.read(input.kind.kind(), &input.namespace, &input.name);
    let seen: Seen = match read.await {
        Ok(seen) => seen,
        Err(Failure::Refused { code: 404, .. }) if input.wanted() == DELETED => {
            return Ok(Standing {
                met: true,
                ..Standing::default()
            });
        }
        Err(failure) => return Err(failure),
    };
    Ok(seen.standing(input.wanted(), input.status.as_deref().unwrap_or("True")))
}

impl Input {
    fn wanted(&self) -> &str {
        self.condition.as_deref().unwrap_or("Ready")
    }
}

impl Seen {
    /// A condition that speaks of an older spec says nothing.
    fn standing(&self, wanted: &str, status: &str) -> Standing {
        let find = |kind: &str| {
            let all = self.status.conditions.iter();
            all.clone().find(|one| one.kind == kind).filter(|one| {
                one.observed_generation
                    .is_none_or(|seen| Some(seen) >= self.metadata.generation)
            })
        };
        let found = find(wanted);
        let met = found.is_some_and(|condition| condition.status == status);
        let stalled = find("Stalled").filter(|one| one.status == "True" && !met);
        Standing {
            met,
            stalled: stalled.is_some(),
            condition: stalled.or(found).cloned().unwrap_or_default(),
        }
    }
}

impl Output {
    fn new(standing: Standing, waited_seconds: i64) -> Self {
        let Standing {
            met,
            stalled,
            condition,
        } = standing;
        let notice = match (met, stalled) {
            (true, _) => None,
            (false, true) => Some("waiting is useless until something changes: see the message"),
            (false, false) => Some("not yet: call wait_for again to go on waiting"),
        };
        Self {
            met,
            stalled,
            status: condition.status,
            reason: condition.reason,
            message: condition.message,
            waited_seconds,
            notice: notice.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn standing(conditions: &serde_json::Value, wanted: &str, status: &str) -> (bool, bool) {
        let seen = json!({"metadata": {"generation": 2}, "status": {"conditions": conditions}});
        let seen: Seen = serde_json::from_value(seen).unwrap();
        let Standing { met, stalled, .. } = seen.standing(wanted, status);
        (met, stalled)
    }

    #[test]
    fn only_what_is_said_of_the_present_spec_counts() {
        let one = |status: &str, generation: i64| json!([{"type": "Ready", "status": status, "observedGeneration": generation}]);
        assert_eq!(standing(&one("True", 2), "Ready", "True"), (true, false));
        assert_eq!(standing(&one("True", 1), "Ready", "True"), (false, false));
        assert_eq!(standing(&one("False", 2), "Ready", "False"), (true, false));
        assert_eq!(standing(&one("True", 2), "Synced", "True"), (false, false));
        assert_eq!(standing(&json!([]), "Ready", "True"), (false, false));
    }

    #[test]
    fn what_stalls_ends_the_waiting_but_not_what_is_met() {
        let both = json!([
            {"type": "Ready", "status": "False", "observedGeneration": 2},
            {"type": "Stalled", "status": "True", "observedGeneration": 2},
        ]);
        assert_eq!(standing(&both, "Ready", "True"), (false, true));
        assert_eq!(standing(&both, "Ready", "False"), (true, false));
    }
}
