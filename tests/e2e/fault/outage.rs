//! Servers that are down or hang, and the controller between them. They are broken here, so that this
//! test has a bed of its own.

use serde_json::{Value, json};
use testbed::{Access, Bed, Options, proxy::Stage};

use super::{existing, in_sync, requests};
use crate::e2e::{
    coder::id,
    metrics::Metrics,
    object::{condition, reason},
    rest::is_at_rest,
    scene::{PATIENCE, Scene},
    template::{small_source, tar},
};

/// A bed of its own to be broken, and a controller that imports everything in it.
async fn imported(bed: &'static Access) -> (Scene, [String; 2], Vec<String>) {
    let flags = ["--import=all", "--coder-request-timeout=3s"];
    let mut scene = Scene::idle(bed, "outage", &flags).await;
    let files = tar(&[("main.tf", &small_source("theirs"))]);
    let twin_t = scene
        .person
        .make_template(bed.organization(), "theirs", files)
        .await;
    let twin_w = scene
        .person
        .make_workspace(bed.owner(), "theirs", id(&twin_t))
        .await;
    let twins = vec![
        format!("/templates/{}", id(&twin_t)),
        format!("/workspaces/{}", id(&twin_w)),
    ];

    // Killed while it imports: there is one object for each all the same.
    let pattern = format!("/(templates|workspaces)/({}|{})$", id(&twin_t), id(&twin_w));
    let hold = scene
        .proxy
        .hold(requests("GET", &pattern), Stage::BeforeReply);
    scene.start_controller().await;
    hold.held(PATIENCE).await.unwrap();
    scene.kill_controller().await;
    hold.drop_connections();
    drop(hold);
    scene.start_controller().await;
    let ctpl = format!("ctpl/{}", scene.template_object("theirs"));
    let cws = format!("cws/{}", scene.workspace_object("theirs"));
    for object in [&ctpl, &cws] {
        scene.until(object, "in sync", in_sync).await;
    }
    assert_eq!(scene.objects().await.len(), 2);
    (scene, [ctpl, cws], twins)
}

/// Both objects say that coderd is not available, and nothing is made or unmade.
async fn is_unavailable(scene: &Scene, objects: &[String]) {
    for object in objects {
        let blind = |seen: &Value| reason(seen, "Synced") == "CoderdUnavailable";
        let seen = scene.until(object, "unavailable", blind).await;
        assert_eq!(condition(&seen, "Synced"), "Unknown");
    }
    assert_eq!(scene.objects().await.len(), objects.len());
    scene.wrote_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_down_or_hang_cost_nothing_but_time() {
    // Declared first, so that it ends last; what scenes are given is its address book.
    let bed = Bed::start(Options::default()).await.unwrap();
    let access: &'static Access = Box::leak(Box::new((*bed).clone()));
    let (mut scene, objects, twins) = imported(access).await;
    is_at_rest(&scene).await;
    let before = existing(&scene, &twins).await;

    bed.kill_coderd().await.unwrap();
    is_unavailable(&scene, &objects).await;
    bed.start_coderd().await.unwrap();
    for object in &objects {
        scene.until(object, "in sync again", in_sync).await;
    }

    bed.stop_postgres().await.unwrap();
    is_unavailable(&scene, &objects).await;
    bed.start_postgres().await.unwrap();
    for object in &objects {
        scene.until(object, "in sync again", in_sync).await;
    }

    bed.pause_postgres().unwrap();
    is_unavailable(&scene, &objects).await;
    bed.resume_postgres().unwrap();
    for object in &objects {
        scene.until(object, "in sync again", in_sync).await;
    }
    assert_eq!(existing(&scene, &twins).await, before);

    // kube-apiserver: the controller lives through it, and learns afterwards what it missed.
    scene.may_be_refused = true;
    bed.stop_kube_apiserver().await.unwrap();
    let ttl = format!("{}/ttl", twins[1]);
    scene
        .person
        .ask("PUT", &ttl, Some(json!({ "ttl_ms": 900_000 })))
        .await;
    scene
        .eventually("watches fail", async || {
            scene.log().contains("failures=4 error=cannot open")
        })
        .await;
    let failed = Metrics::of(&scene).await.get("watch_failures_total");
    assert!(failed >= Some(4), "{failed:?}");
    bed.start_kube_apiserver().await.unwrap();
    scene
        .until(
            &objects[1],
            "what was changed meanwhile is mirrored",
            |seen| seen["spec"]["ttlMillis"] == 900_000 && in_sync(seen),
        )
        .await;
    assert_eq!(
        scene.controller.as_ref().unwrap().status(),
        None,
        "it was never restarted"
    );

    // Started without any API server it waits, alive.
    scene.kill_controller().await;
    bed.stop_kube_apiserver().await.unwrap();
    scene.launch_controller().await;
    scene
        .eventually("lists fail", async || {
            scene.log().contains("failures=2 error=cannot list")
        })
        .await;
    assert_eq!(scene.probe("/healthz").await.0, 200);
    let (status, text) = scene.probe("/readyz").await;
    assert!(
        status == 503 && text.contains("waiting for the list"),
        "{status} {text}"
    );
    bed.start_kube_apiserver().await.unwrap();
    scene
        .eventually("ready", async || scene.probe("/readyz").await.0 == 200)
        .await;

    // Edits on either side work again.
    let edited = json!({ "spec": { "ttlMillis": 1_200_000 } }).to_string();
    scene
        .kubectl(&["patch", &objects[1], "--type=merge", "-p", &edited])
        .await;
    scene
        .eventually("the edit has arrived", async || {
            scene.person.get(&twins[1]).await["ttl_ms"] == 1_200_000
        })
        .await;
    scene.until(&objects[1], "in sync", in_sync).await;
    assert_eq!(existing(&scene, &twins).await, before);
}
