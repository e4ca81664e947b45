//! The fields that both sides hold: set together, mirrored, handed back, refused one by one.

use serde_json::json;

use super::{
    coder::id,
    object::{condition, is_ready, message, reason},
    scene::Scene,
    template::small_source,
};

/// The requests that set fields of a template.
fn patches(scene: &Scene) -> u64 {
    scene.proxy.count("PATCH", "/templates/[^/]+$").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_differ_are_set_with_one_request_and_stay_when_they_are_handed_back() {
    let scene = Scene::new("fields").await;
    let template = scene.ready_template(&small_source("fields")).await;
    let ctpl = &template.ctpl;

    let mut applied = template.applied.clone();
    for (field, value) in [
        ("displayName", json!("Hello")),
        ("icon", json!("/icon/go.svg")),
        ("defaultTTLMillis", json!(7_200_000)),
        ("timeTilAutostopNotifyMillis", json!(600_000)),
        ("allowUserCancelWorkspaceJobs", json!(true)),
    ] {
        applied["spec"][field] = value;
    }
    let before = patches(&scene);
    // What Coder had was mirrored, so that it takes a word to take it over.
    let (is_taken, said) = scene.try_apply(&applied, &["--force-conflicts"]).await;
    assert!(is_taken, "{said}");
    let set = |seen: &serde_json::Value| is_ready(seen) && seen["spec"]["displayName"] == "Hello";
    scene.until(ctpl, "set", set).await;
    let twin = scene.template(&template.name).await;
    for (field, value) in [
        ("display_name", json!("Hello")),
        ("icon", json!("/icon/go.svg")),
        ("default_ttl_ms", json!(7_200_000)),
        ("time_til_autostop_notify_ms", json!(600_000)),
        ("allow_user_cancel_workspace_jobs", json!(true)),
    ] {
        assert_eq!(twin[field], value, "{field}");
    }
    assert_eq!(patches(&scene) - before, 1);

    // What nobody declares follows Coder.
    let path = format!("/templates/{}", id(&template.twin));
    let change = json!({ "activity_bump_ms": 5_400_000 });
    scene.person.ask("PATCH", &path, Some(change)).await;
    let mirrored = |seen: &serde_json::Value| seen["spec"]["activityBumpMillis"] == 5_400_000;
    scene.until(ctpl, "mirrored", mirrored).await;

    // 0 is a value to declare: it switches off.
    applied["spec"]["activityBumpMillis"] = json!(0);
    let (is_taken, said) = scene.try_apply(&applied, &["--force-conflicts"]).await;
    assert!(is_taken, "{said}");
    let off = async || scene.template(&template.name).await["activity_bump_ms"] == 0;
    scene.eventually("switched off", off).await;

    // Handed back, they stay as they are, and follow Coder.
    scene.apply(&template.applied).await;
    let change = json!({ "default_ttl_ms": 3_600_000 });
    scene.person.ask("PATCH", &path, Some(change)).await;
    let followed = |seen: &serde_json::Value| seen["spec"]["defaultTTLMillis"] == 3_600_000;
    scene.until(ctpl, "handed back", followed).await;
    assert_eq!(
        scene.template(&template.name).await["display_name"],
        "Hello"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_fields_only_the_one_that_coder_names_is_refused() {
    let scene = Scene::new("fields-refused").await;
    let template = scene.ready_template(&small_source("fields")).await;
    let mut applied = template.applied.clone();
    // Coder takes no name that ends with a blank.
    applied["spec"]["displayName"] = json!("Hello ");
    applied["spec"]["description"] = json!("for Go");
    let before = patches(&scene);
    scene.apply(&applied).await;
    let refused = |seen: &serde_json::Value| {
        condition(seen, "Stalled") == "True" && reason(seen, "Stalled") == "Refused"
    };
    let stalled = scene.until(&template.ctpl, "refused", refused).await;
    assert!(
        message(&stalled, "Stalled").starts_with("displayName: "),
        "{stalled}"
    );
    let is_set = async || scene.template(&template.name).await["description"] == "for Go";
    scene.eventually("the other field is set", is_set).await;
    scene.sweeps(2).await;
    assert_eq!(scene.template(&template.name).await["display_name"], "");
    // One with both, and one without what was refused.
    assert_eq!(patches(&scene) - before, 2);
}
