//! At rest nothing is written, on either side; and a dry run stays dry.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    object::{condition, is_ready, version},
    scene::Scene,
    template::{manifest as template_manifest, source},
    workspace::manifest,
};

/// Every object of ours and every Event, with its version.
pub async fn versions(scene: &Scene) -> BTreeMap<String, String> {
    let mut all = scene.objects().await;
    all.extend(scene.list("events.k8s.io/v1", "events").await);
    let named = |object: &Value| {
        let kind = object["kind"].as_str().unwrap_or("Event");
        format!("{kind} {}", object["metadata"]["name"].as_str().unwrap())
    };
    all.iter()
        .map(|object| (named(object), version(object).to_owned()))
        .collect()
}

/// Waits until a sweep changes nothing, then holds five more to it.
pub async fn is_at_rest(scene: &Scene) {
    scene
        .eventually("a time without writes", async || {
            let before = versions(scene).await;
            scene.sweeps(6).await;
            versions(scene).await == before
        })
        .await;
    let before = versions(scene).await;
    scene.proxy.forget();
    scene.sweeps(5).await;
    assert_eq!(
        versions(scene).await,
        before,
        "something was written to Kubernetes"
    );
    assert_eq!(
        scene.proxy.mutations(),
        [],
        "something was written to coderd"
    );
}

/// What the controller asked of coderd, without the sweeps, which go on.
fn asked(scene: &Scene) -> BTreeMap<(String, String), u64> {
    const SWEEP: [&str; 6] = [
        "/api/v2/buildinfo",
        "/api/v2/entitlements",
        "/api/v2/organizations",
        "/api/v2/users/me",
        "/api/v2/templates",
        "/api/v2/workspaces",
    ];
    let mut counts = scene.proxy.counts();
    counts.retain(|(method, route), _| method != "GET" || !SWEEP.contains(&route.as_str()));
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn at_rest_nothing_is_written_and_a_dry_run_asks_nothing_of_coderd() {
    let scene = Scene::new("rest").await;
    let template = scene.name("t");
    let (t, w) = (
        scene.template_object(&template),
        scene.workspace_object(&scene.name("w")),
    );
    let (ctpl, cws) = (format!("ctpl/{t}"), format!("cws/{w}"));
    let mut described = template_manifest(&t, &source(""));
    described["spec"]["displayName"] = json!("At rest");
    let spec = json!({
        "running": true,
        "ttlMillis": 3_600_000,
        "autostartSchedule": "CRON_TZ=Europe/Berlin 30 8 * * 1-5",
        "parameters": [{ "name": "size", "value": "large" }],
    });
    let declared = manifest(&w, &template, &spec);
    scene.apply(&described).await;
    scene.apply(&declared).await;
    let mirrored = scene.workspace_object(&scene.name("m"));
    scene
        .apply(&manifest(&mirrored, &template, &json!({})))
        .await;
    for object in [&ctpl, &cws, &format!("cws/{mirrored}")] {
        let settled = |seen: &Value| is_ready(seen) && condition(seen, "Synced") == "True";
        scene.until(object, "ready and synced", settled).await;
    }
    is_at_rest(&scene).await;

    // The server's dry run goes through admission and stops there.
    let before = (asked(&scene), versions(&scene).await);
    let mut edited = declared.clone();
    edited["spec"]["ttlMillis"] = json!(7_200_000);
    edited["spec"]["running"] = json!(false);
    let mut rebuilt = described.clone();
    rebuilt["spec"]["files"]["main.tf"] = json!(source("another"));
    let new = manifest(
        &scene.workspace_object(&scene.name("n")),
        &template,
        &json!({}),
    );
    for tried in [&edited, &rebuilt, &new] {
        let (fine, text) = scene.try_apply(tried, &["--dry-run=server"]).await;
        assert!(fine && text.contains("server dry run"), "{text}");
    }
    scene.kubectl(&["delete", &cws, "--dry-run=server"]).await;
    scene.kubectl(&["delete", &ctpl, "--dry-run=server"]).await;
    scene.sweeps(3).await;
    assert_eq!((asked(&scene), versions(&scene).await), before);
}
