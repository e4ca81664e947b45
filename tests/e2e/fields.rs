//! The fields that both sides hold: set together, mirrored, handed back, refused one by one.

use serde_json::{Value, json};
use testbed::proxy::{Answer, Fault, Matcher};

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
    let set = |seen: &Value| is_ready(seen) && seen["spec"]["displayName"] == "Hello";
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
    let mirrored = |seen: &Value| seen["spec"]["activityBumpMillis"] == 5_400_000;
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
    let followed = |seen: &Value| seen["spec"]["defaultTTLMillis"] == 3_600_000;
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
    let refused =
        |seen: &Value| condition(seen, "Stalled") == "True" && reason(seen, "Stalled") == "Refused";
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

/// What a licence gates, declared in another way than Coder has it.
fn licensed() -> [(&'static str, Value); 9] {
    [
        ("deprecationMessage", json!("use another")),
        (
            "autostopRequirement",
            json!({ "daysOfWeek": ["friday", "monday"], "weeks": 2 }),
        ),
        ("autostartRequirement", json!({ "daysOfWeek": [] })),
        ("allowUserAutostart", json!(false)),
        ("allowUserAutostop", json!(false)),
        ("failureTTLMillis", json!(3_600_000)),
        ("timeTilDormantMillis", json!(7_200_000)),
        ("timeTilDormantAutoDeleteMillis", json!(86_400_000)),
        ("requireActiveVersion", json!(true)),
    ]
}

/// What a licensed coderd would write into its database; without a licence, two of them show no more.
async fn as_if_licensed(scene: &Scene, template: &Value) {
    let set = format!(
        "UPDATE templates SET failure_ttl = 3600000000000, time_til_dormant = 7200000000000, \
         time_til_dormant_autodelete = 86400000000000, allow_user_autostart = false, \
         allow_user_autostop = false, autostop_requirement_days_of_week = 17, \
         autostop_requirement_weeks = 2, autostart_block_days_of_week = 127 WHERE id = '{}'",
        id(template)
    );
    let mut command = tokio::process::Command::new("psql");
    let done = command
        .args([scene.bed.postgres_url(), "-qc", &set])
        .status();
    assert!(done.await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_licence_is_sent_once_and_again_when_the_licence_comes() {
    let scene = Scene::new("fields-licence").await;
    let template = scene.ready_template(&small_source("fields")).await;
    let ctpl = &template.ctpl;
    let mut applied = template.applied.clone();
    applied["spec"]["icon"] = json!("/icon/go.svg");
    for (field, value) in licensed() {
        applied["spec"][field] = value;
    }
    let before = patches(&scene);
    let (is_taken, said) = scene.try_apply(&applied, &["--force-conflicts"]).await;
    assert!(is_taken, "{said}");
    let ineffective = |seen: &Value| reason(seen, "Stalled") == "NotEffective";
    let stalled = scene.until(ctpl, "not effective", ineffective).await;
    let said = message(&stalled, "Stalled");
    for (field, _) in licensed() {
        assert!(said.contains(&format!("{field}: ")), "{field}: {said}");
    }
    // The other field is set, and all with one request.
    let icon = async || scene.template(&template.name).await["icon"].clone();
    assert_eq!(icon().await, "/icon/go.svg");
    scene.sweeps(2).await;
    assert_eq!(patches(&scene) - before, 1);

    // Another licence: Coder is asked once more.
    let features = json!({ "features": { "advanced_template_scheduling": { "enabled": true } } });
    let asked = Matcher::new("GET", "/entitlements$").unwrap();
    let answer = Fault::Answer(Answer::json(&features));
    scene.proxy.install(asked, answer);
    let again = async || patches(&scene) - before == 2;
    scene.eventually("sent again", again).await;
    scene.sweeps(2).await;
    assert!(again().await);

    // What Coder shows is settled.
    as_if_licensed(&scene, &template.twin).await;
    let left = |seen: &Value| {
        let said = message(seen, "Stalled");
        let names = licensed().map(|(field, _)| field);
        let named = names
            .iter()
            .filter(|field| said.contains(&format!("{field}: ")));
        named.copied().collect::<Vec<_>>() == ["deprecationMessage", "requireActiveVersion"]
    };
    scene.until(ctpl, "settled but for two", left).await;

    // Handed back, they stay, and are shown as they are in Coder.
    scene.apply(&template.applied).await;
    let seen = scene.until(ctpl, "handed back", is_ready).await;
    let in_order = json!({ "daysOfWeek": ["monday", "friday"], "weeks": 2 });
    assert_eq!(seen["spec"]["autostopRequirement"], in_order);
    let shown = |field: &str| &seen["spec"][field];
    assert_eq!(shown("autostartRequirement"), &json!({ "daysOfWeek": [] }));
    assert_eq!(shown("timeTilDormantMillis"), 7_200_000);
    assert_eq!(shown("allowUserAutostop"), false);
    assert_eq!(shown("deprecationMessage"), &Value::Null);
    assert_eq!(patches(&scene) - before, 2);
}
