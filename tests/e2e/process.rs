//! The process: how it ends, what its probes say, and a token that is replaced while it runs.

use serde_json::{Value, json};
use testbed::{
    Bed,
    proxy::{Answer, Fault, Hold, Matcher, Stage},
};

use super::{
    coder::id,
    object::{condition, is_ready, reason},
    scene::{PATIENCE, Scene, Template},
    template::small_source,
};

/// A scene in which a write to coderd is under way and hears nothing.
async fn with_a_held_write(test: &str) -> (Scene, Hold) {
    let scene = Scene::new(test).await;
    let Template { mut applied, .. } = scene.ready_template(&small_source("")).await;
    let hold = scene.proxy.hold(
        Matcher::new("PATCH", "/templates/").unwrap(),
        Stage::BeforeReply,
    );
    applied["spec"]["displayName"] = json!("Hello");
    scene.apply(&applied).await;
    hold.held(PATIENCE).await.unwrap();
    (scene, hold)
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_the_process_in_order_also_while_coderd_does_not_answer() {
    let (mut scene, hold) = with_a_held_write("term").await;
    let controller = scene.controller.take().unwrap();
    controller.terminate();
    // With 0 only if each part has ended in time; else who has not is named, and it is 1.
    let status = controller.wait(PATIENCE).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", controller.log_text().unwrap());

    // What was under way is found done, and nothing is lost.
    drop(hold);
    scene.start_controller().await;
    let ctpl = format!("ctpl/{}", scene.template_object(&scene.name("t")));
    scene.until(&ctpl, "ready", is_ready).await;
    let twin = scene.template(&scene.name("t")).await;
    assert_eq!(twin["display_name"], "Hello");
    assert_eq!(
        scene.proxy.count("PATCH", "/templates/").unwrap(),
        1,
        "it is not sent again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_process_at_once() {
    let (mut scene, _hold) = with_a_held_write("term2").await;
    let controller = scene.controller.take().unwrap();
    controller.terminate();
    scene
        .eventually("the first signal is heard", async || {
            controller
                .log_text()
                .unwrap()
                .contains("a second signal ends at once")
        })
        .await;
    assert_eq!(controller.status(), None, "it waits for coderd");
    controller.terminate();
    let status = controller.wait(PATIENCE).await.unwrap();
    assert_eq!(status.code(), Some(1));
    // Nobody was waited for any longer: neither did coderd answer, nor was anybody given up.
    let log = controller.log_text().unwrap();
    assert!(log.contains("second signal: ending at once"), "{log}");
    assert!(!log.contains("did not end within"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_tell_the_truth() {
    let mut scene = Scene::idle(Bed::shared().unwrap(), "probes", &["--import=none"]).await;
    let all = || Matcher::new("*", "").unwrap();

    // coderd cannot be reached from the start: alive, not ready, and it says why.
    let rule = scene
        .proxy
        .install(all(), Fault::Answer(Answer::new(502, "Bad gateway", "")));
    scene.launch_controller().await;
    scene.requests_more(6).await;
    assert_eq!(scene.probe("/healthz").await.0, 200);
    let (status, text) = scene.probe("/readyz").await;
    assert_eq!(status, 503, "{text}");
    assert!(
        text.contains("waiting for coderd to answer a whole sweep"),
        "{text}"
    );

    // A sweep that is not complete is no sweep.
    let hold = scene.proxy.hold(
        Matcher::new("GET", "/workspaces$").unwrap(),
        Stage::BeforeReply,
    );
    scene.proxy.remove(rule);
    hold.held(PATIENCE).await.unwrap();
    assert_eq!(scene.probe("/readyz").await.0, 503);
    drop(hold);
    scene
        .eventually("ready", async || scene.probe("/readyz").await.0 == 200)
        .await;
    assert_eq!(scene.probe("/healthz").await.0, 200);
}

/// Makes a token of the controller's user: its id, and the token.
async fn make_token(scene: &Scene, name: &str) -> (String, String) {
    let path = format!("/users/{}/keys/tokens", scene.bed.controller_user());
    let body = json!({ "token_name": format!("{name}-{}", scene.namespace) });
    let token = scene.person.ask("POST", &path, Some(body)).await["key"].clone();
    let token = token.as_str().unwrap().to_owned();
    (token.split('-').next().unwrap().to_owned(), token)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_token_is_used_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let flag = format!("--coder-session-token-file={}", file.display());
    let bed = Bed::shared().unwrap();
    let mut scene = Scene::idle(bed, "token", &["--import=none", &flag]).await;
    let (first, token) = make_token(&scene, "first").await;
    std::fs::write(&file, token).unwrap();
    scene.start_controller().await;
    let Template { name, ctpl, .. } = scene.ready_template(&small_source("")).await;

    let revoke = format!("/users/{}/keys/{first}", scene.bed.controller_user());
    scene.person.ask("DELETE", &revoke, None).await;
    let lost = |seen: &Value| reason(seen, "Synced") == "Unauthorized";
    let seen = scene.until(&ctpl, "unauthorized", lost).await;
    assert_eq!(condition(&seen, "Synced"), "Unknown");

    // As Kubernetes does it: another file takes the place.
    let (_, token) = make_token(&scene, "second").await;
    let next = folder.path().join("next");
    std::fs::write(&next, token).unwrap();
    std::fs::rename(&next, &file).unwrap();
    scene
        .until(&ctpl, "synced again", |seen| {
            is_ready(seen) && condition(seen, "Synced") == "True"
        })
        .await;
    assert_eq!(
        scene.controller.as_ref().unwrap().status(),
        None,
        "it was never restarted"
    );
    let twin = scene.template(&name).await;
    assert_eq!(scene.person.versions(id(&twin)).await.len(), 1);
}
