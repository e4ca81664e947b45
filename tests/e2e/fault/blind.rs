//! coderd answers, but does not show what there is.

use serde_json::{Value, json};
use testbed::proxy::{Answer, Fault, Matcher};

use super::{existing, in_sync, requests};
use crate::e2e::{
    coder::id,
    object::{condition, reason},
    scene::Scene,
    template::{manifest as template_manifest, small_source},
    workspace::manifest,
};

/// A template and a workspace that are in step; their objects, and their twins' paths.
async fn a_pair(scene: &Scene) -> ([String; 2], Vec<String>) {
    let template = scene.ready_template(&small_source("")).await;
    let spec = json!({ "running": true, "ttlMillis": 3_600_000 });
    let workspace = scene.ready_workspace(&template.name, &spec).await;
    let objects = [template.ctpl, workspace.cws];
    for object in &objects {
        scene.until(object, "in sync", in_sync).await;
    }
    let twins = vec![
        format!("/templates/{}", id(&template.twin)),
        format!("/workspaces/{}", id(&workspace.twin)),
    ];
    (objects, twins)
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
    scene.wrote_nothing();
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
    scene.wrote_nothing();

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
    let twin = scene.workspace(&name).await;
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 1);
    let sent = scene.proxy.mutations();
    assert_eq!(
        sent.len(),
        3,
        "a deletion, a change and a creation: {sent:?}"
    );
}
