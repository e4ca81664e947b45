//! Which version of a template is active: by hand, and by its id.

use serde_json::{Value, json};

use super::{
    coder::id,
    object::{condition, is_ready, message, reason},
    scene::{Scene, Template},
    template::{manifest, small_source, tar},
};

async fn active(scene: &Scene, name: &str) -> Value {
    scene.template(name).await["active_version_id"].clone()
}

/// Waits until `version` is active, in coderd and in spec.
async fn until_active(scene: &Scene, name: &str, ctpl: &str, version: &Value) {
    scene
        .until(ctpl, "the version is active and shown", |seen| {
            seen["status"]["activeVersionID"] == *version
                && seen["spec"]["versionID"] == *version
                && is_ready(seen)
        })
        .await;
    assert_eq!(active(scene, name).await, *version);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_waits_for_somebody_to_promote_it() {
    let scene = Scene::new("manual").await;
    let name = scene.name("t");
    let object = scene.template_object(&name);
    let ctpl = format!("ctpl/{object}");
    let mut applied = manifest(&object, &small_source("one"));
    applied["spec"]["promotion"] = json!("Manual");
    scene.apply(&applied).await;
    scene.until(&ctpl, "ready", is_ready).await;
    let one = active(&scene, &name).await;
    until_active(&scene, &name, &ctpl, &one).await;

    // By the annotation that is named.
    applied["spec"]["files"]["main.tf"] = json!(small_source("two"));
    scene.apply(&applied).await;
    let waits =
        |seen: &Value| is_ready(seen) && message(seen, "Ready").contains("is built and not active");
    let waiting = scene.until(&ctpl, "built and waiting", waits).await;
    assert_eq!(condition(&waiting, "VersionPromoted"), "False");
    scene.sweeps(2).await;
    assert_eq!(active(&scene, &name).await, one);
    let version = &waiting["status"]["version"];
    let (two, called) = (version["id"].clone(), version["name"].as_str().unwrap());
    assert!(message(&waiting, "VersionPromoted").contains(called));
    let annotation = format!("coder.com/promote-version={called}");
    scene.kubectl(&["annotate", &ctpl, &annotation]).await;
    until_active(&scene, &name, &ctpl, &two).await;

    // By its id; and back to the first, which was built before.
    applied["spec"]["files"]["main.tf"] = json!(small_source("three"));
    scene.apply(&applied).await;
    let waiting = scene.until(&ctpl, "built and waiting", waits).await;
    let three = waiting["status"]["version"]["id"].clone();
    for version in [&three, &one] {
        applied["spec"]["versionID"] = version.clone();
        // A mirrored field is taken over.
        let (fine, said) = scene.try_apply(&applied, &["--force-conflicts"]).await;
        assert!(fine, "{said}");
        until_active(&scene, &name, &ctpl, version).await;
    }
    let twin = scene.template(&name).await;
    assert_eq!(scene.person.versions(id(&twin)).await.len(), 3);

    // By itself, the source and another version say different things.
    applied["spec"].as_object_mut().unwrap().remove("promotion");
    applied["spec"]["versionID"] = two.clone();
    scene.apply(&applied).await;
    scene
        .until(&ctpl, "in conflict", |seen| {
            reason(seen, "Stalled") == "SourceConflict"
        })
        .await;
    assert_eq!(active(&scene, &name).await, one);
    applied["spec"].as_object_mut().unwrap().remove("versionID");
    scene.apply(&applied).await;
    until_active(&scene, &name, &ctpl, &three).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_has_the_version_that_its_id_names() {
    let scene = Scene::new("verid").await;
    let organization = scene.bed.organization();
    let make = async |template: Option<&str>, text: &str| {
        let archive = tar(&[("main.tf", text)]);
        scene
            .person
            .make_version(organization, template, archive)
            .await
    };
    let first = make(None, &small_source("first")).await;
    let name = scene.name("p");
    let object = scene.template_object(&name);
    let ctpl = format!("ctpl/{object}");
    let mut applied = manifest(&object, "");
    applied["spec"] = json!({ "versionID": first["id"] });
    scene.apply(&applied).await;
    scene
        .until(&ctpl, "created from the version", is_ready)
        .await;
    until_active(&scene, &name, &ctpl, &first["id"]).await;

    // Another one; somebody who promotes the first again is overruled.
    let twin = scene.template(&name).await;
    let second = make(Some(id(&twin)), &small_source("second")).await;
    applied["spec"]["versionID"] = second["id"].clone();
    scene.apply(&applied).await;
    until_active(&scene, &name, &ctpl, &second["id"]).await;
    let promote = async |version: &Value| {
        let path = format!("/templates/{}/versions", id(&twin));
        let body = json!({ "id": version });
        scene.person.ask("PATCH", &path, Some(body)).await;
    };
    promote(&first["id"]).await;
    scene
        .event(&ctpl, "DriftCorrected names both", |event| {
            event.starts_with("DriftCorrected: versionID: found")
                && event.contains(id(&first))
                && event.contains(id(&second))
        })
        .await;
    until_active(&scene, &name, &ctpl, &second["id"]).await;

    // What cannot be active is refused before anything is sent.
    let Template { twin: other, .. } = scene.ready_template(&small_source("other")).await;
    let archived = first["id"].clone();
    let archive = format!("/templateversions/{}/archive", archived.as_str().unwrap());
    scene.person.ask("POST", &archive, None).await;
    scene.proxy.forget();
    for (version, said) in [
        (
            json!("11111111-2222-3333-4444-555555555555"),
            "does not exist",
        ),
        (other["active_version_id"].clone(), "another template"),
        (archived, "archived"),
    ] {
        applied["spec"]["versionID"] = version;
        scene.apply(&applied).await;
        let stalled = |seen: &Value| {
            reason(seen, "Stalled") == "VersionUnusable" && message(seen, "Stalled").contains(said)
        };
        scene.until(&ctpl, said, stalled).await;
    }
    scene.wrote_nothing();

    // Let go of, it shows what is active, also when that changes.
    applied["spec"] = json!({ "displayName": "Hello" });
    scene.apply(&applied).await;
    until_active(&scene, &name, &ctpl, &second["id"]).await;
    let third = make(Some(id(&twin)), &small_source("third")).await;
    promote(&third["id"]).await;
    until_active(&scene, &name, &ctpl, &third["id"]).await;
}
