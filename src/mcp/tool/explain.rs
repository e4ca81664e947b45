//! Why an object is as it is: its conditions and what they mean, its build, and what happened to it.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Object, TEMPLATES, WORKSPACES,
    event::{Event, latest},
};
use crate::mcp::{
    access::Kind,
    call::Call,
    catalog::Tool,
    failure::Failure,
    redact::shown,
    remedy::{reason, remedy},
};

/// How many Events are told.
const EVENTS: usize = 20;
/// Records of the controller, and what is told in other words.
const LEFT_OUT: [&str; 4] = ["conditions", "sync", "binding", "lastHandledReconcileAt"];

/// A condition, with what it means.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    /// What the reason means.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    meaning: Option<String>,
    /// What to do about it; absent where there is nothing to do.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    /// Whether it speaks of the present spec, and not of an older one.
    #[serde(skip_deserializing)]
    current: bool,
    #[serde(default, skip_serializing)]
    observed_generation: Option<i64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    /// The state in one sentence, and what to do where there is something to do.
    summary: String,
    ready: bool,
    conditions: Vec<Condition>,
    /// What is wanted; values of parameters are hidden.
    spec: Value,
    /// What is: the last build or version, agents, dates.
    status: Value,
    /// The last Events about the object, the latest first.
    events: Vec<Event>,
    /// What could not be found out, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
}

pub(in crate::mcp) fn tools() -> [Tool; 2] {
    [
        Tool::reading(
            "explain_workspace",
            "Explain why a CoderWorkspace is or is not ready: conditions with their meaning and remedy, \
             the last build, agents and Events.",
            workspace,
        ),
        Tool::reading(
            "explain_template",
            "Explain why a CoderTemplate is or is not ready: conditions with their meaning and remedy, \
             the last version with the end of its log if it failed, and Events.",
            template,
        ),
    ]
}

async fn workspace(call: Arc<Call>, input: Object) -> Result<Explanation, Failure> {
    explain(&call, &WORKSPACES, &input).await
}

async fn template(call: Arc<Call>, input: Object) -> Result<Explanation, Failure> {
    let mut told = explain(&call, &TEMPLATES, &input).await?;
    // Files are long; who wants them reads the object.
    if let Some(Value::Object(files)) = told.spec.get_mut("files") {
        let names = files.keys().cloned().map(Value::String);
        let names = Value::Array(names.collect());
        if let Value::Object(spec) = &mut told.spec {
            spec.insert("files".to_owned(), names);
        }
    }
    Ok(told)
}

async fn explain(call: &Call, kind: &Kind, input: &Object) -> Result<Explanation, Failure> {
    let Object { namespace, name } = input;
    let object: Value = call.access.read(kind, namespace, name).await?;
    let events = latest(&call.access, namespace, kind.name, name, EVENTS).await;
    let mut told = explained(object);
    match events {
        Ok(events) => told.events = events,
        Err(failure) => told.missing.push(format!("Events: {failure}")),
    }
    Ok(told)
}

/// What an object says of itself.
fn explained(object: Value) -> Explanation {
    let mut object = shown(object);
    let generation = object
        .pointer("/metadata/generation")
        .and_then(Value::as_i64);
    let is_going = object.pointer("/metadata/deletionTimestamp").is_some();
    let conditions = object.pointer_mut("/status/conditions").map(Value::take);
    let conditions = conditions.map(serde_json::from_value::<Vec<Condition>>);
    let mut conditions = conditions.and_then(Result::ok).unwrap_or_default();
    for condition in &mut conditions {
        let known = reason(&condition.reason);
        condition.meaning = known.map(|reason| reason.meaning().to_owned());
        condition.remedy = known.and_then(remedy).map(str::to_owned);
        condition.current = condition
            .observed_generation
            .is_none_or(|seen| Some(seen) >= generation);
    }
    let mut status = object
        .get_mut("status")
        .map(Value::take)
        .unwrap_or_default();
    if let Value::Object(fields) = &mut status {
        for field in LEFT_OUT {
            fields.remove(field);
        }
    }
    Explanation {
        summary: summary(&conditions, is_going),
        ready: conditions
            .iter()
            .any(|one| one.kind == "Ready" && one.status == "True" && one.current),
        spec: object.get_mut("spec").map(Value::take).unwrap_or_default(),
        status,
        conditions,
        events: Vec::new(),
        missing: Vec::new(),
    }
}

fn summary(conditions: &[Condition], is_going: bool) -> String {
    let find = |kind: &str| conditions.iter().find(|one| one.kind == kind);
    let stalled = find("Stalled").filter(|one| one.status == "True");
    let Some(telling) = stalled.or_else(|| find("Ready")) else {
        return "Nobody has looked at it yet: no controller runs for it, or it was just made."
            .to_owned();
    };
    let state = match (is_going, telling.kind.as_str(), telling.status.as_str()) {
        (true, ..) => "It is being deleted",
        (_, "Stalled", _) => "It is not ready, and waiting is useless",
        (_, _, "True") => "It is ready",
        (_, _, "False") => "It is not ready yet",
        _ => "It is not known whether it is ready",
    };
    let stale = if telling.current {
        ""
    } else {
        " (of an older spec)"
    };
    let remedy = telling
        .remedy
        .as_deref()
        .filter(|_| telling.status != "True" || telling.kind != "Ready");
    let remedy = remedy
        .map(|remedy| format!(" {remedy}"))
        .unwrap_or_default();
    format!(
        "{state}{stale}: {}, {}{remedy}",
        telling.reason, telling.message
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::condition::Reason;

    #[test]
    fn the_reason_that_counts_is_told_with_its_remedy() {
        let object = json!({
            "metadata": {"name": "a.b.c", "generation": 3},
            "spec": {"parameters": [{"name": "p", "value": "secret"}]},
            "status": {
                "latestBuildStatus": "failed",
                "sync": {"run": {}},
                "conditions": [
                    {"type": "Ready", "status": "False", "reason": "BuildFailed", "message": "m", "observedGeneration": 3},
                    {"type": "Stalled", "status": "True", "reason": "UnknownParameter", "message": "p", "observedGeneration": 2},
                ],
            },
        });
        let told = explained(object);
        assert!(!told.ready);
        assert!(
            told.summary
                .contains("waiting is useless (of an older spec): UnknownParameter, p")
        );
        assert!(
            told.summary.ends_with("that the message names."),
            "{}",
            told.summary
        );
        assert_eq!(told.status, json!({"latestBuildStatus": "failed"}));
        let text = serde_json::to_string(&told).unwrap();
        assert!(!text.contains("secret"));
        let [build, stalled] = told.conditions.as_slice() else {
            panic!("two")
        };
        assert!(build.current && !stalled.current);
        assert_eq!(build.meaning.as_deref(), Some("The latest build failed."));
    }

    #[test]
    fn what_nobody_has_looked_at_says_so() {
        let told = explained(json!({"metadata": {"name": "a"}, "spec": {}}));
        assert!(
            told.summary.starts_with("Nobody has looked"),
            "{}",
            told.summary
        );
        assert_eq!((told.ready, told.status), (false, Value::Null));
    }

    /// Whoever adds a reason that stalls says what to do about it.
    #[test]
    fn every_remedy_is_a_sentence() {
        for one in Reason::ALL {
            let remedy = remedy(*one);
            assert!(remedy.is_none_or(|text| text.ends_with('.')), "{one}");
            assert_eq!(reason(one.as_str()), Some(*one));
        }
    }
}
