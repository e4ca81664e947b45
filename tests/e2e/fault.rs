//! While one side cannot be trusted, nothing is made or unmade on the other; and once it can be again,
//! everything goes on without help.

mod blind;
mod downloads;
mod limits;
mod outage;
mod restart;

use std::collections::BTreeMap;

use serde_json::Value;
use testbed::proxy::Matcher;

use super::{
    object::{condition, is_ready},
    scene::Scene,
};

/// What exists, on both sides: objects by uid, twins by id.
async fn existing(scene: &Scene, twins: &[String]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for object in scene.objects().await {
        let text = |pointer: &str| {
            object
                .pointer(pointer)
                .map_or(String::new(), Value::to_string)
        };
        let leaving = text("/metadata/deletionTimestamp");
        all.insert(text("/metadata/name"), text("/metadata/uid") + &leaving);
    }
    for twin in twins {
        let (status, seen) = scene.person.send("GET", twin, None).await;
        all.insert(
            twin.clone(),
            format!("{status} {}", seen["latest_build"]["build_number"]),
        );
    }
    all
}

fn in_sync(seen: &Value) -> bool {
    is_ready(seen) && condition(seen, "Synced") == "True"
}

fn requests(method: &str, path: &str) -> Matcher {
    Matcher::new(method, path).unwrap()
}
