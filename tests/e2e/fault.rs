//! While one side cannot be trusted, nothing is made or unmade on the other; and once it can be again,
//! everything goes on without help.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testbed::{
    Access, Bed, Options,
    proxy::{Answer, Fault, Matcher, Stage},
};

use super::{
    coder::id,
    rest::is_at_rest,
    scene::{PATIENCE, Scene, condition, is_ready, reason},
    template::{self, manifest as template_manifest, small_source},
    workspace::manifest,
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

/// A template and a workspace that are in step; their objects, and their twins' paths.
async fn a_pair(scene: &Scene) -> ([String; 2], Vec<String>) {
    let template = super::workspace::a_template(scene, &small_source("")).await;
    let ctpl = format!("ctpl/{}", scene.template_object(&template));
    let object = scene.workspace_object(&scene.name("w"));
    let spec = json!({ "running": true, "ttlMillis": 3_600_000 });
    scene.apply(&manifest(&object, &template, &spec)).await;
    let cws = format!("cws/{object}");
    let mut twins = Vec::new();
    for (object, kind) in [(&ctpl, "templates"), (&cws, "workspaces")] {
        let seen = scene.until(object, "in sync", in_sync).await;
        let id = seen["status"]["binding"]["id"].as_str().unwrap();
        twins.push(format!("/{kind}/{id}"));
    }
    ([ctpl, cws], twins)
}

/// Under `faults`, both objects say `Synced=Unknown` with `cause`, `Ready` is what it was, and nothing
/// happens; without them, both are in sync again by themselves.
async fn goes_blind(
    scene: &Scene,
    objects: &[String; 2],
    twins: &[String],
    faults: Vec<(Matcher, Fault)>,
    cause: &str,
) {
    let what = format!("{faults:?}");
    let before = existing(scene, twins).await;
    scene.proxy.forget();
    let rules: Vec<_> = faults
        .into_iter()
        .map(|(matcher, fault)| scene.proxy.install(matcher, fault))
        .collect();
    for object in objects {
        let blind = |seen: &Value| condition(seen, "Synced") == "Unknown";
        let seen = scene.until(object, &what, blind).await;
        assert_eq!(reason(&seen, "Synced"), cause, "{what}");
        assert_eq!(condition(&seen, "Ready"), "True", "{what}");
    }
    scene.requests_more(5).await;
    assert_eq!(existing(scene, twins).await, before, "{what}");
    assert_eq!(scene.proxy.mutations(), [], "{what}");
    for rule in rules {
        scene.proxy.remove(rule);
    }
    for object in objects {
        scene.until(object, "in sync again", in_sync).await;
    }
    assert_eq!(existing(scene, twins).await, before, "{what}");
    assert_eq!(scene.proxy.mutations(), [], "{what}");
}

fn requests(method: &str, path: &str) -> Matcher {
    Matcher::new(method, path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_coderd_refuses_to_show_changes_nothing_and_is_shown_as_unknown() {
    let scene = Scene::new("blind").await;
    let (objects, twins) = a_pair(&scene).await;
    for (answer, cause) in [
        (Answer::unauthorized(), "Unauthorized"),
        (Answer::forbidden(), "Forbidden"),
        (Answer::not_found(), "NotProved"),
        (Answer::new(404, "Route not found.", ""), "NotProved"),
        (
            Answer::internal_error("dial tcp: connection refused"),
            "CoderdUnavailable",
        ),
        (
            Answer::internal_error("unauthorized: rbac: forbidden"),
            "Forbidden",
        ),
        (Answer::too_many_requests(1), "RateLimited"),
    ] {
        let faults = vec![(requests("*", ""), Fault::Answer(answer))];
        goes_blind(&scene, &objects, &twins, faults, cause).await;
    }
    let lists = "/api/v2/(workspaces|templates)$";
    let faults = vec![(requests("GET", lists), Fault::Truncate)];
    goes_blind(&scene, &objects, &twins, faults, "CoderdUnavailable").await;
    let faults = vec![(
        requests("GET", lists),
        Fault::ReplaceBody("<html></html>".to_owned()),
    )];
    goes_blind(&scene, &objects, &twins, faults, "CoderdUnavailable").await;
    // The sweeps are fine, but the twins themselves are not shown. They vanish from the lists too, so
    // that each object looks for itself.
    for (answer, cause) in [
        (Answer::not_found(), "NotProved"),
        (Answer::forbidden(), "Forbidden"),
    ] {
        let faults = vec![
            (
                requests("GET", "/(workspaces|templates)/"),
                Fault::Answer(answer),
            ),
            (
                requests("GET", "/templates$"),
                Fault::ReplaceBody("[]".to_owned()),
            ),
            (requests("GET", "/workspaces$"), empty_list()),
        ];
        goes_blind(&scene, &objects, &twins, faults, cause).await;
    }
}

fn empty_list() -> Fault {
    Fault::ReplaceBody(json!({ "workspaces": [], "count": 0 }).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_proves_nothing() {
    let scene = Scene::new("empty").await;
    let (objects, twins) = a_pair(&scene).await;
    let before = existing(&scene, &twins).await;
    scene.proxy.forget();
    let all = [
        scene.proxy.install(
            requests("GET", "/templates$"),
            Fault::ReplaceBody("[]".to_owned()),
        ),
        scene
            .proxy
            .install(requests("GET", "/workspaces$"), empty_list()),
    ];
    let looks = || {
        scene
            .proxy
            .count("GET", "/(workspaces|templates)/")
            .unwrap()
    };
    scene
        .eventually("each object looks for itself", async || looks() >= 2)
        .await;
    scene.sweeps(3).await;
    for rule in all {
        scene.proxy.remove(rule);
    }
    scene.sweeps(3).await;
    for object in &objects {
        assert!(in_sync(&scene.object(object).await.unwrap()));
    }
    assert_eq!(existing(&scene, &twins).await, before);
    assert_eq!(scene.proxy.mutations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_given_while_coderd_shows_nothing_are_carried_out_later_and_once() {
    let scene = Scene::new("later").await;
    let ([ctpl, cws], twins) = a_pair(&scene).await;
    let template = ctpl.split_once('.').unwrap().1.to_owned();
    scene.proxy.forget();
    let rule = scene
        .proxy
        .install(requests("*", ""), Fault::Answer(Answer::not_found()));

    // One is deleted, one is changed, one is new.
    scene.kubectl(&["delete", "--wait=false", &cws]).await;
    let mut changed = template_manifest(&scene.template_object(&template), &small_source(""));
    changed["spec"]["displayName"] = json!("Later");
    changed["metadata"]["annotations"] = json!({ "coder.com/reconcile-requested-at": "later" });
    scene.apply(&changed).await;
    let name = scene.name("n");
    let new = format!("cws/{}", scene.workspace_object(&name));
    scene
        .apply(&manifest(
            &scene.workspace_object(&name),
            &template,
            &json!({ "running": true }),
        ))
        .await;
    scene
        .until(&cws, "unknown", |seen| {
            condition(seen, "Synced") == "Unknown"
        })
        .await;
    scene.requests_more(10).await;
    let seen = scene.object(&ctpl).await.unwrap();
    assert_ne!(
        seen["status"]["observedGeneration"],
        seen["metadata"]["generation"]
    );
    assert!(
        seen["status"]["lastHandledReconcileAt"].is_null(),
        "it was not acted on yet"
    );
    let seen = scene.object(&cws).await.expect("it waits for proof");
    assert!(
        !seen["metadata"]["finalizers"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(scene.proxy.mutations(), []);

    scene.proxy.remove(rule);
    scene.until_gone(&cws).await;
    assert_eq!(scene.person.send("GET", &twins[1], None).await.0, 410);
    let seen = scene.until(&ctpl, "in sync", in_sync).await;
    assert_eq!(seen["status"]["lastHandledReconcileAt"], "later");
    let events = scene.events(&ctpl).await;
    let drift = events
        .iter()
        .find(|event| event.starts_with("DriftCorrected"));
    assert_eq!(drift, None, "an edit is no drift, however late it arrives");
    assert_eq!(scene.person.get(&twins[0]).await["display_name"], "Later");
    scene.until(&new, "in sync", in_sync).await;
    let twin = scene
        .person
        .workspace(scene.bed.owner(), &name)
        .await
        .unwrap();
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 1);
    let sent = scene.proxy.mutations();
    assert_eq!(
        sent.len(),
        3,
        "a deletion, a change and a creation: {sent:?}"
    );
}

/// A bed of its own to be broken, and a controller that imports everything in it.
async fn imported(bed: &'static Access) -> (Scene, [String; 2], Vec<String>) {
    let flags = ["--import=all", "--coder-request-timeout=3s"];
    let mut scene = Scene::idle(bed, "outage", &flags).await;
    let tar = template::tar(&[("main.tf", &small_source("theirs"))]);
    let twin_t = scene
        .person
        .make_template(bed.organization(), "theirs", tar)
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
    assert_eq!(scene.proxy.mutations(), []);
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
    scene.kube_restarts = true;
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
