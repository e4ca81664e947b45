//! On which days workspaces stop and start, in the one spelling of `spec`: days in the order of the week, and
//! the number of weeks always said.

use serde_json::{Value, json};

use crate::{
    api::template::{AutostartRequirement, AutostopRequirement},
    coderd::types,
};

const WEEK: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// The declared days on which workspaces have to stop; none without days.
pub fn declared_autostop(spec: &AutostopRequirement) -> Option<Value> {
    autostop_on(&json!(spec.days_of_week), spec.weeks.unwrap_or(1))
}

/// Those in coderd.
pub fn autostop(live: &types::AutostopRequirement) -> Option<Value> {
    autostop_on(&json!(live.days_of_week), live.weeks)
}

fn autostop_on(days: &Value, weeks: i64) -> Option<Value> {
    let days = in_order(days);
    (!days.is_empty()).then(|| json!({ "daysOfWeek": days, "weeks": weeks.max(1) }))
}

/// The declared days on which workspaces may start. No days are a value: none starts.
pub fn declared_autostart(spec: &AutostartRequirement) -> Option<Value> {
    Some(json!({ "daysOfWeek": in_order(&json!(spec.days_of_week)) }))
}

/// Those in coderd.
pub fn autostart(live: &types::AutostartRequirement) -> Option<Value> {
    Some(json!({ "daysOfWeek": in_order(&json!(live.days_of_week)) }))
}

/// What is asked of coderd; nothing asks for no requirement.
pub fn autostop_request(value: Option<&Value>) -> types::AutostopRequirement {
    types::AutostopRequirement {
        days_of_week: value
            .map(|value| in_order(&value["daysOfWeek"]))
            .unwrap_or_default(),
        weeks: value.and_then(|value| value["weeks"].as_i64()).unwrap_or(1),
    }
}

/// What is asked of coderd.
pub fn autostart_request(value: &Value) -> types::AutostartRequirement {
    types::AutostartRequirement {
        days_of_week: in_order(&value["daysOfWeek"]),
    }
}

/// Whether `spec` has room for it: a newer coderd may know other days, or more weeks.
pub fn is_autostop(value: &Value) -> bool {
    let weeks = value["weeks"].as_i64();
    is_autostart(value) && weeks.is_some_and(|weeks| (1..=16).contains(&weeks))
}

/// Whether `spec` has room for it.
pub fn is_autostart(value: &Value) -> bool {
    let days = in_order(&value["daysOfWeek"]);
    days.iter().all(|day| WEEK.contains(&day.as_str()))
}

/// The days, each once: known ones in the order of the week, then others.
fn in_order(days: &Value) -> Vec<String> {
    let days = days.as_array().into_iter().flatten();
    let days = days.filter_map(Value::as_str).map(str::to_owned);
    let mut days: Vec<String> = days.collect();
    let place = |day: &String| WEEK.iter().position(|it| it == day).unwrap_or(WEEK.len());
    days.sort_by_key(|day| (place(day), day.clone()));
    days.dedup();
    days
}
