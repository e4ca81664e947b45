//! Autostop and autostart that coderd stores without their being in effect.

use serde_json::json;

use super::{
    coder::id,
    object::{condition, is_ready, message, reason},
    scene::{Scene, Template, Workspace},
    template,
};

/// A template whose parameter `size` takes one of `sizes`.
fn source(sizes: [&str; 2]) -> String {
    let option = |size| format!("option {{\n name = \"{size}\"\n value = \"{size}\"\n }}\n");
    let options = sizes.map(option).concat();
    let default = "default = \"small\"";
    template::source("").replace(default, &format!("{default}\n{options}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_autostop_is_said_to_wait_for_the_next_start() {
    let scene = Scene::new("autostop").await;
    let template = scene.ready_template(&template::small_source("")).await.name;
    let spec = json!({ "running": true, "ttlMillis": 3_600_000 });
    let Workspace {
        name,
        cws,
        mut applied,
        twin,
    } = scene.ready_workspace(&template, &spec).await;
    let deadline = twin["latest_build"]["deadline"].clone();
    let seen = scene.object(&cws).await.unwrap();
    assert!(!message(&seen, "Ready").contains("next start"), "{seen}");

    applied["spec"]["ttlMillis"] = json!(7_200_000);
    scene.apply(&applied).await;
    let seen = scene
        .until(&cws, "the new autostop waits", |seen| {
            is_ready(seen) && message(seen, "Ready").contains("effective with the next start")
        })
        .await;
    let twin = scene.workspace(&name).await;
    assert_eq!(twin["ttl_ms"], 7_200_000);
    assert_eq!(
        twin["latest_build"]["deadline"], deadline,
        "coderd keeps it"
    );
    let shown = seen["status"]["autoShutdown"].as_str().unwrap();
    assert!(message(&seen, "Ready").contains(shown), "{seen}");

    // Switched off and on again, there is no deadline at all.
    for millis in [json!(0), json!(3_600_000)] {
        applied["spec"]["ttlMillis"] = millis;
        scene.apply(&applied).await;
        scene.wait(&cws, "Ready").await;
    }
    scene
        .until(&cws, "nothing stops it", |seen| {
            is_ready(seen) && message(seen, "Ready").contains("it is not stopped by itself")
        })
        .await;

    // A start brings it into effect.
    scene.person.build(id(&twin), "stop").await;
    scene.person.build(id(&twin), "start").await;
    scene
        .until(&cws, "the autostop is in effect", |seen| {
            is_ready(seen) && message(seen, "Ready") == "running since build 3"
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_autostart_that_cannot_work_is_shown() {
    let scene = Scene::new("autostart").await;
    let Template {
        name: template,
        ctpl,
        applied: mut changed,
        ..
    } = scene.ready_template(&source(["small", "large"])).await;
    let spec = json!({
        "running": false,
        "autostartSchedule": "CRON_TZ=Europe/Berlin 30 8 * * 1-5",
        "parameters": [{ "name": "size", "value": "large" }],
    });
    let Workspace { cws, twin, .. } = scene.ready_workspace(&template, &spec).await;
    let path = format!("/workspaces/{}", id(&twin));
    scene
        .person
        .ask(
            "PUT",
            &format!("{path}/autoupdates"),
            Some(json!({ "automatic_updates": "always" })),
        )
        .await;

    // The active version does not take the value any more that an autostart would use.
    changed["spec"]["files"]["main.tf"] = json!(source(["small", "huge"]));
    scene.apply(&changed).await;
    scene.wait(&ctpl, "Ready").await;
    let blocked = scene
        .until(&cws, "blocked", |seen| condition(seen, "Stalled") == "True")
        .await;
    assert_eq!(reason(&blocked, "Ready"), "AutostartBlocked");
    assert!(
        message(&blocked, "Ready").contains("parameter"),
        "{blocked}"
    );

    // Once all is told, it is not asked for again.
    scene.sweeps(2).await;
    let asked = || scene.proxy.count("GET", "/resolve-autostart$").unwrap();
    let before = asked();
    assert!(before > 0);
    scene.sweeps(3).await;
    assert_eq!(asked(), before);

    // The way out that the message names.
    let declared = json!([{ "name": "size", "value": "huge" }]);
    scene
        .patch(&cws, json!({ "parameters": declared, "running": true }))
        .await;
    scene.until(&cws, "it runs", is_ready).await;
    scene.patch(&cws, json!({ "running": false })).await;
    scene
        .until(&cws, "it is well", |seen| {
            is_ready(seen) && condition(seen, "Running") == "False"
        })
        .await;
}
