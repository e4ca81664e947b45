//! The Events of an object.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EVENTS;
use crate::mcp::{
    access::{Access, Page},
    call::Call,
    catalog::Tool,
    failure::Failure,
    number::{bounded, whole},
};

/// Asks for Events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The namespace to look into.
    namespace: String,
    /// The name of the object that they are about; all where it is left out.
    #[serde(default)]
    name: Option<String>,
    /// The kind of that object, such as CoderWorkspace.
    #[serde(default)]
    kind: Option<String>,
    /// How many Events to return: 200 where it is left out, at most 1000.
    #[serde(default, deserialize_with = "whole")]
    limit: Option<i64>,
    /// Where to go on: what an earlier answer to the same question gave as continue.
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Seen {
    #[serde(rename = "type")]
    kind: String,
    reason: String,
    message: String,
    count: Option<i64>,
    series: Option<Series>,
    last_timestamp: Option<String>,
    event_time: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Series {
    count: i64,
    last_observed_time: Option<String>,
}

/// Something that happened.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    #[serde(rename = "type")]
    kind: String,
    reason: String,
    message: String,
    /// How often it happened.
    count: i64,
    /// RFC 3339.
    last_timestamp: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Output {
    items: Vec<Event>,
    /// Where the list goes on; empty at its end.
    #[serde(rename = "continue")]
    next: String,
}

pub(in crate::mcp) fn tools() -> [Tool; 1] {
    [Tool::reading(
        "get_events",
        "Get Kubernetes events for an object.",
        get,
    )]
}

async fn get(call: Arc<Call>, input: Input) -> Result<Output, Failure> {
    let Input {
        namespace,
        name,
        kind,
        limit,
        next,
    } = input;
    let limit = bounded("limit", limit, 200, 1000)?;
    let (kind, name) = (kind.unwrap_or_default(), name.unwrap_or_default());
    let next = next.unwrap_or_default();
    let page = about(&call.access, &namespace, &kind, &name, limit, &next).await?;
    let next = page.next().to_owned();
    Ok(Output {
        items: page.items.into_iter().map(Event::from).collect(),
        next,
    })
}

/// The last Events about one object, the latest first.
pub(super) async fn latest(
    access: &Access,
    namespace: &str,
    kind: &str,
    name: &str,
    most: usize,
) -> Result<Vec<Event>, Failure> {
    let page = about(access, namespace, kind, name, 500, "").await?;
    let mut events: Vec<_> = page.items.into_iter().map(Event::from).collect();
    events.sort_by(|one, other| other.last_timestamp.cmp(&one.last_timestamp));
    events.truncate(most);
    Ok(events)
}

/// The Events about one object; empty words leave it open.
async fn about(
    access: &Access,
    namespace: &str,
    kind: &str,
    name: &str,
    limit: i64,
    next: &str,
) -> Result<Page<Seen>, Failure> {
    let fields = [("involvedObject.name", name), ("involvedObject.kind", kind)];
    let mut selector = Vec::new();
    for (field, value) in fields {
        if value.contains([',', '=', '!', '\\']) {
            return Err(Failure::Arguments(format!("{value:?} is no name or kind")));
        }
        if !value.is_empty() {
            selector.push(format!("{field}={value}"));
        }
    }
    let (selector, limit) = (selector.join(","), limit.to_string());
    let parameters = [
        ("fieldSelector", selector.as_str()),
        ("limit", &limit),
        ("continue", next),
    ];
    access.list(&EVENTS, Some(namespace), &parameters).await
}

impl From<Seen> for Event {
    /// Both generations of Events: the newer one counts and dates in its series.
    fn from(seen: Seen) -> Self {
        let series = seen.series.unwrap_or_default();
        let times = [
            series.last_observed_time,
            seen.last_timestamp,
            seen.event_time,
        ];
        let count = seen
            .count
            .filter(|&count| count > 0)
            .unwrap_or(series.count);
        Self {
            kind: seen.kind,
            reason: seen.reason,
            message: seen.message,
            count: count.max(1),
            last_timestamp: times.into_iter().flatten().next().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_generations_of_events_are_counted_and_dated() {
        let event = |seen| Event::from(serde_json::from_value::<Seen>(seen).unwrap());
        let old = event(json!({
            "type": "Normal", "reason": "R", "message": "m", "count": 3,
            "lastTimestamp": "2026-01-02T03:04:05Z", "eventTime": null,
        }));
        assert_eq!(
            (old.count, old.last_timestamp.as_str()),
            (3, "2026-01-02T03:04:05Z")
        );
        let new = event(json!({
            "reason": "R", "lastTimestamp": null, "eventTime": "2026-01-02T03:04:05.000000Z",
            "series": {"count": 7, "lastObservedTime": "2026-01-03T00:00:00.000000Z"},
        }));
        assert_eq!(
            (new.count, new.last_timestamp.as_str()),
            (7, "2026-01-03T00:00:00.000000Z")
        );
        let once = event(json!({"eventTime": "2026-01-02T03:04:05.000000Z"}));
        assert_eq!(
            (once.count, once.last_timestamp.as_str()),
            (1, "2026-01-02T03:04:05.000000Z")
        );
    }
}
