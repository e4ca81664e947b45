//! Who owns a field decides it: declared fields are kept, all others mirror coderd.

use serde_json::json;

use super::{
    coder::id,
    object::{condition, is_ready, owners, reason, version},
    scene::{Scene, Workspace},
    template,
    workspace::manifest,
};

#[tokio::test(flavor = "multi_thread")]
async fn declared_fields_are_kept_and_all_others_mirror_coderd() {
    let scene = Scene::new("own").await;
    let template = scene.ready_template(&template::small_source("")).await.name;
    let name = scene.name("w");
    let object = scene.workspace_object(&name);
    let cws = format!("cws/{object}");
    let mut applied = manifest(&object, &template, &json!({ "ttlMillis": 3_600_000 }));
    applied["metadata"]["labels"] = json!({ "team": "a" });
    applied["metadata"]["annotations"] = json!({ "note": "kept" });
    scene.apply(&applied).await;
    scene.wait(&cws, "Ready").await;
    let ready = scene.until(&cws, "running is mirrored", |seen| {
        is_ready(seen) && seen["spec"]["running"] == true
    });
    let ready = ready.await;
    let twin = scene.workspace(&name).await;
    let ttl = format!("/workspaces/{}/ttl", id(&twin));
    let autostart = format!("/workspaces/{}/autostart", id(&twin));

    // The same manifest again changes nothing, and labels and annotations stay.
    scene.apply(&applied).await;
    let again = scene.object(&cws).await.unwrap();
    assert_eq!(version(&again), version(&ready));
    assert_eq!(again["metadata"]["labels"]["team"], "a");
    assert_eq!(again["metadata"]["annotations"]["note"], "kept");

    // A second manager is told who owns the field.
    let mut other = applied.clone();
    other["spec"]["ttlMillis"] = json!(7_200_000);
    let (fine, text) = scene.try_apply(&other, &["--field-manager=other"]).await;
    assert!(
        !fine && text.contains("conflict with \"kubectl\": .spec.ttlMillis"),
        "{text}"
    );

    // A declared field that is changed in coderd is put back, and an Event says so.
    scene
        .person
        .ask("PUT", &ttl, Some(json!({ "ttl_ms": 600_000 })))
        .await;
    scene
        .eventually("the declared ttl is back", async || {
            let twin = scene.workspace(&name).await;
            twin["ttl_ms"] == 3_600_000
        })
        .await;
    scene
        .event(&cws, "DriftCorrected with both values", |event| {
            event == "DriftCorrected: ttlMillis: found 600000, restored 3600000"
        })
        .await;

    // A field that nobody declares is mirrored, and coderd owns it.
    scene
        .person
        .ask(
            "PUT",
            &autostart,
            Some(json!({ "schedule": "0 9 * * 1-5" })),
        )
        .await;
    let mirrored = scene
        .until(&cws, "the schedule is mirrored", |seen| {
            seen["spec"]["autostartSchedule"] == "0 9 * * 1-5"
        })
        .await;
    assert_eq!(owners(&mirrored, "autostartSchedule"), ["coderd"]);
    scene
        .person
        .ask("PUT", &autostart, Some(json!({ "schedule": "" })))
        .await;
    scene
        .until(&cws, "no schedule is mirrored", |seen| {
            seen["spec"]["autostartSchedule"].is_null()
        })
        .await;

    // A field that is removed from the manifest is mirrored again; nothing is pushed.
    scene.until(&cws, "ready", is_ready).await;
    scene.proxy.forget();
    applied["spec"].as_object_mut().unwrap().remove("ttlMillis");
    scene.apply(&applied).await;
    let released = scene
        .until(&cws, "coderd owns the ttl", |seen| {
            owners(seen, "ttlMillis") == ["coderd"]
        })
        .await;
    assert_eq!(released["spec"]["ttlMillis"], 3_600_000);
    scene
        .person
        .ask("PUT", &ttl, Some(json!({ "ttl_ms": 900_000 })))
        .await;
    scene
        .until(&cws, "the ttl is mirrored", |seen| {
            seen["spec"]["ttlMillis"] == 900_000 && is_ready(seen)
        })
        .await;
    scene.wrote_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn observe_shows_drift_and_pushes_nothing() {
    let scene = Scene::new("observe").await;
    let template = scene.ready_template(&template::small_source("")).await.name;
    let spec = json!({ "ttlMillis": 3_600_000, "driftPolicy": "Observe" });
    let Workspace { cws, twin, .. } = scene.ready_workspace(&template, &spec).await;
    scene.proxy.forget();

    let ttl = format!("/workspaces/{}/ttl", id(&twin));
    scene
        .person
        .ask("PUT", &ttl, Some(json!({ "ttl_ms": 600_000 })))
        .await;
    let drifted = scene
        .until(&cws, "drifted", |seen| condition(seen, "Drifted") == "True")
        .await;
    assert_eq!(reason(&drifted, "Synced"), "FieldDrift");
    assert_eq!(condition(&drifted, "Ready"), "True");
    scene.sweeps(3).await;
    scene.wrote_nothing();

    scene
        .person
        .ask("PUT", &ttl, Some(json!({ "ttl_ms": 3_600_000 })))
        .await;
    scene
        .until(&cws, "no drift", |seen| {
            condition(seen, "Drifted").is_empty()
        })
        .await;
    scene
        .until(&cws, "ready and synced", |seen| {
            condition(seen, "Synced") == "True"
        })
        .await;
}
