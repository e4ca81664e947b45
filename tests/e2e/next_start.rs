//! What travels with the next start of a workspace.

use serde_json::{Value, json};

use super::{
    coder::id,
    object::{is_ready, message, owners, reason},
    scene::{Scene, Workspace},
    template::{small_source, source, tar},
    workspace,
};

/// Another version of `template`, which stays as active as it was.
async fn another_version(scene: &Scene, template: &Value, note: &str) -> String {
    let files = tar(&[("main.tf", &small_source(note))]);
    let organization = scene.bed.organization_id();
    let version = scene
        .person
        .make_version(organization, Some(id(template)), files)
        .await;
    id(&version).to_owned()
}

/// The version of each build of a workspace, the oldest first.
async fn versions(scene: &Scene, workspace: &Value) -> Vec<String> {
    let builds = scene.person.builds(id(workspace)).await;
    let versions = builds.iter().rev();
    versions
        .map(|build| build["template_version_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_version_travels_with_the_next_start() {
    let scene = Scene::new("pin").await;
    let template = scene.ready_template(&small_source("one")).await;
    let first = template.twin["active_version_id"].as_str().unwrap();
    let Workspace {
        name,
        cws,
        mut applied,
        twin,
    } = scene
        .ready_workspace(&template.name, &json!({ "running": true }))
        .await;
    let mirrored = scene
        .until(&cws, "the version is mirrored", |seen| {
            seen["spec"]["templateVersionID"] == first
        })
        .await;
    assert_eq!(owners(&mirrored, "templateVersionID"), ["coderd"]);

    // It waits while the workspace runs: nothing is forced, and it is no drift.
    let second = another_version(&scene, &template.twin, "two").await;
    scene.proxy.forget();
    applied["spec"]["templateVersionID"] = json!(second);
    let (fine, text) = scene.try_apply(&applied, &["--force-conflicts"]).await;
    assert!(fine, "{text}");
    let waiting = scene
        .until(&cws, "waiting", |seen| {
            reason(seen, "Reconciling") == "WaitingForBuild"
        })
        .await;
    assert!(message(&waiting, "Ready").contains("templateVersionID"));
    assert_eq!(waiting["status"]["templateVersionID"], first);
    assert_eq!(reason(&waiting, "Drifted"), "");
    scene.sweeps(2).await;
    scene.wrote_nothing();

    for running in [false, true] {
        applied["spec"]["running"] = json!(running);
        scene.apply(&applied).await;
        scene.until(&cws, "ready", is_ready).await;
    }
    let expected = [first, first, &second];
    assert_eq!(versions(&scene, &twin).await, expected, "a stop sends none");
    let seen = scene.object(&cws).await.unwrap();
    assert_eq!(seen["status"]["templateVersionID"], second.as_str());

    // Let go, it shows what runs, also after somebody moved it.
    let spec = applied["spec"].as_object_mut().unwrap();
    spec.remove("templateVersionID");
    spec.remove("running");
    scene.apply(&applied).await;
    let third = another_version(&scene, &template.twin, "three").await;
    let body = json!({ "transition": "start", "template_version_id": third });
    let path = format!("/workspaces/{}/builds", id(&twin));
    scene.person.ask("POST", &path, Some(body)).await;
    let moved = scene
        .until(&cws, "mirrored again", |seen| {
            seen["spec"]["templateVersionID"] == third.as_str() && is_ready(seen)
        })
        .await;
    assert_eq!(owners(&moved, "templateVersionID"), ["coderd"]);

    // A workspace is created from it, and deleted without it.
    let name = format!("{name}2");
    let object = scene.workspace_object(&name);
    let spec = json!({ "running": true, "templateVersionID": second });
    let created = workspace::manifest(&object, &template.name, &spec);
    scene.apply(&created).await;
    let cws = format!("cws/{object}");
    scene.until(&cws, "ready", is_ready).await;
    let twin = scene.workspace(&name).await;
    assert_eq!(versions(&scene, &twin).await, [second]);
    scene.kubectl(&["delete", &cws, "--timeout=60s"]).await;
    assert_eq!(scene.workspace_status(id(&twin)).await, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_one_apply_declares_is_one_build() {
    let scene = Scene::new("one").await;
    let template = scene.ready_template(&source("one")).await;
    let files = tar(&[("main.tf", &source("two"))]);
    let organization = scene.bed.organization_id();
    let version = scene
        .person
        .make_version(organization, Some(id(&template.twin)), files)
        .await;
    let spec = json!({
        "running": true,
        "templateVersionID": id(&version),
        "parameters": [{ "name": "size", "value": "large" }],
        "ttlMillis": 3_600_000,
    });
    let Workspace {
        cws,
        mut applied,
        twin,
        ..
    } = scene.ready_workspace(&template.name, &spec).await;
    assert_eq!(versions(&scene, &twin).await, [id(&version)]);

    applied["spec"]["running"] = json!(false);
    scene.apply(&applied).await;
    scene.until(&cws, "ready", is_ready).await;
    let first = template.twin["active_version_id"].as_str().unwrap();
    applied["spec"] = json!({
        "templateName": template.name,
        "running": true,
        "templateVersionID": first,
        "parameters": [{ "name": "size", "value": "huge" }],
        "ttlMillis": 7_200_000,
        "autostartSchedule": "CRON_TZ=UTC 30 8 * * 1-5",
    });
    scene.apply(&applied).await;
    scene.until(&cws, "ready", is_ready).await;
    let expected = [id(&version), id(&version), first];
    assert_eq!(versions(&scene, &twin).await, expected);
    let builds = scene.person.builds(id(&twin)).await;
    let path = format!("/workspacebuilds/{}/parameters", id(&builds[0]));
    let values = scene.person.get(&path).await;
    assert_eq!(values, json!([{ "name": "size", "value": "huge" }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_cannot_be_used_is_never_sent() {
    let scene = Scene::new("nopin").await;
    let template = scene.ready_template(&small_source("one")).await;
    let (_, other) = scene.foreign_template("o").await;
    let archived = another_version(&scene, &template.twin, "old").await;
    let path = format!("/templateversions/{archived}/archive");
    scene.person.ask("POST", &path, Some(json!({}))).await;
    let Workspace {
        name,
        cws,
        mut applied,
        ..
    } = scene
        .ready_workspace(&template.name, &json!({ "running": false }))
        .await;
    scene.proxy.forget();
    let nowhere = "11111111-2222-3333-4444-555555555555";
    let foreign = other["active_version_id"].as_str().unwrap();
    let said = async |object: &str, version: &str, text: &str| {
        let what = format!("{version} is refused");
        let seen = scene
            .until(object, &what, |seen| {
                reason(seen, "Stalled") == "VersionUnusable"
                    && message(seen, "Stalled").contains(version)
            })
            .await;
        let said = message(&seen, "Stalled");
        assert!(said.contains(text), "{said}");
    };
    applied["spec"]["running"] = json!(true);
    for (version, text) in [(nowhere, "of no template"), (foreign, "another template")] {
        applied["spec"]["templateVersionID"] = json!(version);
        scene.try_apply(&applied, &["--force-conflicts"]).await;
        said(&cws, version, text).await;
    }
    for (number, (version, text)) in [
        (nowhere, "of no template"),
        (foreign, "another template"),
        (&archived, "is archived"),
    ]
    .into_iter()
    .enumerate()
    {
        let object = scene.workspace_object(&format!("{name}{number}"));
        let spec = json!({ "templateVersionID": version });
        scene
            .apply(&workspace::manifest(&object, &template.name, &spec))
            .await;
        said(&format!("cws/{object}"), version, text).await;
    }
    scene.sweeps(2).await;
    scene.wrote_nothing();
}
