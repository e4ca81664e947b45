//! No secret shows up where people or machines read: logs, objects, Events.

use serde_json::json;
use testbed::proxy::{Answer, Fault, Matcher};

use super::{
    object::{is_ready, reason},
    scene::Scene,
    template::{manifest as template_manifest, source},
    workspace::manifest,
};

/// A value that nobody would write by accident.
const CANARY: &str = "canary-5d41402abc4b2a76b9719d911017c592";

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_logs_objects_or_events() {
    let scene = Scene::new("secrecy").await;
    let literal = format!("--from-literal=size={CANARY}");
    scene
        .kubectl(&["create", "secret", "generic", "canary", &literal])
        .await;
    let template = scene.name("t");
    let t = scene.template_object(&template);
    let ctpl = format!("ctpl/{t}");
    let mut described = template_manifest(&t, &source(""));
    scene.apply(&described).await;
    scene.until(&ctpl, "ready", is_ready).await;
    let w = scene.workspace_object(&scene.name("w"));
    let reference = json!({ "secretKeyRef": { "name": "canary", "key": "size" } });
    let spec = json!({ "parameters": [{ "name": "size", "valueFrom": reference }] });
    scene.apply(&manifest(&w, &template, &spec)).await;
    let plain = scene.workspace_object(&scene.name("p"));
    scene.apply(&manifest(&plain, &template, &json!({}))).await;
    scene
        .until(&format!("cws/{plain}"), "ready", is_ready)
        .await;

    // A server, or a proxy in front of it, that repeats the token in what it says.
    let token = scene.bed.controller_token();
    let all = || Matcher::new("*", "").unwrap();
    let said = format!("no good: {token}");
    // Cut at any length, and quoted for its type, it shows no part of the token.
    let long = format!("{}{token}", "x".repeat(240));
    for fault in [
        Fault::Answer(Answer::internal_error(&said)),
        Fault::Answer(Answer::new(401, &said, &said)),
        Fault::ReplaceBody(format!("<html>{said}</html>")),
        Fault::ReplaceBody(json!(said).to_string()),
        Fault::ReplaceBody(long.clone()),
    ] {
        let rule = scene.proxy.install(all(), fault.clone());
        scene
            .until(&ctpl, &format!("unknown with {fault:?}"), |seen| {
                let reason = reason(seen, "Synced");
                reason == "CoderdUnavailable" || reason == "Unauthorized"
            })
            .await;
        scene.proxy.remove(rule);
        scene
            .until(&ctpl, "synced", |seen| reason(seen, "Synced") == "InSync")
            .await;
    }
    // A refusal of a write, which is kept in status.
    let patches = Matcher::new("PATCH", "/templates/").unwrap();
    scene
        .proxy
        .install(patches, Fault::Answer(Answer::new(400, &said, &long)));
    described["spec"]["displayName"] = json!("Hello");
    scene.apply(&described).await;
    scene
        .until(&ctpl, "refused", |seen| {
            reason(seen, "Stalled") == "Refused"
        })
        .await;

    let objects = scene.objects().await;
    let events = scene.list("events.k8s.io/v1", "events").await;
    let log = scene.log();
    assert!(log.contains(" DEBUG ") && objects.len() == 3 && !events.is_empty());
    let texts = [
        ("the log", log),
        ("the objects", json!(objects).to_string()),
        ("the Events", json!(events).to_string()),
    ];
    let account = scene.account_token();
    for (what, secret) in [
        ("the controller's token", token),
        (
            "the secret part of that token",
            token.split_once('-').unwrap().1,
        ),
        ("the owner's token", scene.bed.coder_token()),
        ("the owner's password", scene.bed.owner_password()),
        ("the ServiceAccount's token", &account),
        ("the begin of the controller's token", &token[..12]),
        ("a Secret's value", CANARY),
    ] {
        for (place, text) in &texts {
            let line = text.lines().find(|line| line.contains(secret));
            assert!(
                line.is_none(),
                "{what} is in {place}: {}",
                line.unwrap_or_default()
            );
        }
    }
}
