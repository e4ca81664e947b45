//! Where somebody else puts another value back each time, the controller gives way and says so.

use serde_json::json;
use testbed::proxy::{Matcher, Stage};

use super::{
    coder::id,
    object::{is_ready, message, reason},
    scene::{PATIENCE, Scene},
    template::{manifest, small_source},
};

fn corrections_sent(scene: &Scene) -> u64 {
    scene.proxy.count("PATCH", "/templates/").unwrap()
}

/// Waits until the controller has answered `cause` with a correction and has seen that it took effect.
async fn put_back(scene: &Scene, cause: impl Future<Output = ()>) {
    let patches = Matcher::new("PATCH", "/templates/").unwrap();
    let hold = scene.proxy.hold(patches, Stage::BeforeReply);
    cause.await;
    if let Err(error) = hold.held(PATIENCE).await {
        panic!("{error}\n{}", scene.log_tail());
    }
    let looks = || scene.proxy.count("GET", r"/templates/\{id\}$").unwrap();
    let before = looks();
    drop(hold);
    let what = "the controller looks at what it has done";
    scene.eventually(what, async || looks() > before).await;
    scene.sweeps(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_changed_after_each_of_five_corrections_stays_until_somebody_asks() {
    let scene = Scene::new("fight").await;
    let name = scene.name("t");
    let object = scene.template_object(&name);
    let ctpl = format!("ctpl/{object}");
    let mut declared = manifest(&object, &small_source(""));
    declared["spec"]["displayName"] = json!("Ours");
    scene.apply(&declared).await;
    scene.until(&ctpl, "ready", is_ready).await;
    let path = format!("/templates/{}", id(&scene.template(&name).await));
    let change = async |value: String| {
        let body = json!({ "display_name": value });
        scene.person.ask("PATCH", &path, Some(body)).await;
    };
    scene.proxy.forget();
    for corrections in 1..=5 {
        put_back(&scene, change(format!("Theirs {corrections}"))).await;
        assert_eq!(scene.person.get(&path).await["display_name"], "Ours");
        assert_eq!(corrections_sent(&scene), corrections);
    }
    let gives_way_to = async |value: &str, corrections: u64| {
        change(value.to_owned()).await;
        let what = format!("Fighting over {value}");
        let seen = scene
            .until(&ctpl, &what, |seen| {
                reason(seen, "Stalled") == "Fighting" && message(seen, "Stalled").contains(value)
            })
            .await;
        let said = message(&seen, "Stalled");
        assert!(
            said.starts_with(&format!(
                "displayName: declared \"Ours\", in Coder \"{value}\"; it was put back \
                 {corrections} times in a row"
            )),
            "{said}"
        );
        assert!(
            said.contains("coder.com/reconcile-requested-at"),
            "the exit is not named: {said}"
        );
        scene.sweeps(3).await;
        assert_eq!(corrections_sent(&scene), corrections, "{value}");
    };
    gives_way_to("Theirs 6", 5).await;
    // What they write now is shown, too.
    gives_way_to("Theirs 7", 5).await;

    // Asked for, it is put back once, and no more.
    let request = scene.annotate(&ctpl, "coder.com/reconcile-requested-at=now");
    put_back(&scene, request).await;
    assert_eq!(scene.person.get(&path).await["display_name"], "Ours");
    assert_eq!(corrections_sent(&scene), 6);
    let seen = scene.until(&ctpl, "ready", is_ready).await;
    assert_eq!(seen["status"]["lastHandledReconcileAt"], "now");
    gives_way_to("Theirs 8", 6).await;

    // With a value that both want there is peace.
    declared["spec"]["displayName"] = json!("Theirs 8");
    scene.apply(&declared).await;
    scene.until(&ctpl, "ready", is_ready).await;
    assert_eq!(corrections_sent(&scene), 6);
}
