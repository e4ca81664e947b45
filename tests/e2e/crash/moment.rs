//! Killed around each request that changes coderd, and while it adopts.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testbed::proxy::Stage;

use super::{Death, all_ready, builds, version_of};
use crate::e2e::{
    coder::id,
    scene::Scene,
    template::{manifest as template_manifest, small_source, tar},
    workspace::manifest,
};

/// The template has exactly the versions of these sources, and the last one is active.
async fn has_versions(scene: &Scene, template: &str, sources: &[String]) {
    let twin = scene.template(template).await;
    let versions = scene.person.versions(id(&twin)).await;
    let name = |version: &Value| version["name"].as_str().unwrap().to_owned();
    let mut names: Vec<_> = versions.iter().map(name).collect();
    let mut wanted: Vec<_> = sources.iter().map(|source| version_of(source)).collect();
    let active = versions
        .iter()
        .find(|version| version["id"] == twin["active_version_id"]);
    assert_eq!(active.map(name), wanted.last().cloned());
    names.sort();
    wanted.sort();
    assert_eq!(names, wanted, "{template}");
    // A second one might also be left over without a template.
    for wanted in wanted {
        let made = scene.proxy.mutations().into_iter().filter(|one| {
            one.request.path.ends_with("/templateversions")
                && one.request.body.contains(&wanted)
                && one.coderd_status == Some(201)
        });
        assert_eq!(made.count(), 1, "{wanted}");
    }
}

/// The story of four templates and two workspaces, in which the controller dies four times: while they
/// are created, while they are changed, while they are changed again, and while some are deleted.
#[expect(
    clippy::many_single_char_names,
    clippy::too_many_lines,
    reason = "one story of many requests, told in their order"
)]
async fn dies_at(stage: Stage, test: &str) {
    let mut scene = Scene::new(test).await;
    let org = scene.bed.organization().to_owned();
    let base = scene.name("base");
    let tar = tar(&[("main.tf", &small_source(""))]);
    scene.person.make_template(&org, &base, tar).await;
    let source = |template: &str, note: &str| small_source(&format!("{template} {note}"));
    let described = |scene: &Scene, name: &str, note: &str| {
        template_manifest(&scene.template_object(name), &source(name, note))
    };
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| scene.name(name));
    let [v, w] = ["v", "w"].map(|name| scene.name(name));
    let (v_object, w_object) = (scene.workspace_object(&v), scene.workspace_object(&w));
    let quoted = |text: &str| format!("{text:?}");

    let death = Death::prepare(
        &scene,
        stage,
        &[
            ("POST", "/files$".to_owned(), format!("{a} one")),
            (
                "POST",
                "/templateversions$".to_owned(),
                version_of(&source(&b, "one")),
            ),
            ("POST", "/templates$".to_owned(), quoted(&c)),
            ("POST", "/workspaces$".to_owned(), quoted(&v)),
        ],
    );
    for name in [&a, &b, &c, &d] {
        scene.apply(&described(&scene, name, "one")).await;
    }
    scene
        .apply(&manifest(&v_object, &base, &json!({ "running": true })))
        .await;
    let spec = json!({ "running": false, "ttlMillis": 3_600_000 });
    scene.apply(&manifest(&w_object, &base, &spec)).await;
    death.strike(&mut scene).await;
    all_ready(&scene).await;

    let template_c = scene.template(&c).await;
    let template_d = scene.template(&d).await;
    let twin_v = scene.workspace(&v).await;
    let twin_w = scene.workspace(&w).await;
    let builds_of_v = format!("/workspaces/{}/builds$", id(&twin_v));
    let death = Death::prepare(
        &scene,
        stage,
        &[
            ("POST", "/files$".to_owned(), format!("{a} two")),
            (
                "POST",
                "/templateversions$".to_owned(),
                version_of(&source(&b, "two")),
            ),
            (
                "PATCH",
                format!("/templates/{}/versions$", id(&template_c)),
                String::new(),
            ),
            (
                "PATCH",
                format!("/templates/{}$", id(&template_d)),
                "Hello".to_owned(),
            ),
            ("POST", builds_of_v.clone(), "stop".to_owned()),
            (
                "PUT",
                format!("/workspaces/{}/ttl$", id(&twin_w)),
                String::new(),
            ),
        ],
    );
    for name in [&a, &b, &c] {
        scene.apply(&described(&scene, name, "two")).await;
    }
    let mut greeting = described(&scene, &d, "one");
    greeting["spec"]["displayName"] = json!("Hello");
    scene.apply(&greeting).await;
    scene
        .apply(&manifest(&v_object, &base, &json!({ "running": false })))
        .await;
    let spec = json!({ "running": false, "ttlMillis": 7_200_000 });
    scene.apply(&manifest(&w_object, &base, &spec)).await;
    death.strike(&mut scene).await;
    all_ready(&scene).await;

    let death = Death::prepare(
        &scene,
        stage,
        &[
            ("POST", builds_of_v.clone(), "start".to_owned()),
            (
                "PUT",
                format!("/workspaces/{}/autostart$", id(&twin_w)),
                String::new(),
            ),
        ],
    );
    scene
        .apply(&manifest(&v_object, &base, &json!({ "running": true })))
        .await;
    let schedule = "CRON_TZ=Europe/Berlin 30 8 * * 1-5";
    let spec = json!({ "running": false, "ttlMillis": 7_200_000, "autostartSchedule": schedule });
    scene.apply(&manifest(&w_object, &base, &spec)).await;
    death.strike(&mut scene).await;
    all_ready(&scene).await;

    for name in [&a, &b, &c] {
        has_versions(&scene, name, &[source(name, "one"), source(name, "two")]).await;
    }
    has_versions(&scene, &d, &[source(&d, "one")]).await;
    assert_eq!(scene.template(&d).await["display_name"], "Hello");
    assert_eq!(builds(&scene, &v).await, ["start", "stop", "start"]);
    assert_eq!(builds(&scene, &w).await, ["start", "stop"]);
    let seen = scene.workspace(&w).await;
    assert_eq!(id(&seen), id(&twin_w), "it is the same workspace");
    assert_eq!(seen["ttl_ms"], 7_200_000);
    assert_eq!(seen["autostart_schedule"], schedule);
    for object in scene.objects().await {
        let origin = &object["status"]["binding"]["origin"];
        assert_eq!(
            origin, "kubernetes",
            "whoever created it must be known to delete it"
        );
    }

    let template_a = scene.template(&a).await;
    let death = Death::prepare(
        &scene,
        stage,
        &[
            ("POST", builds_of_v, "delete".to_owned()),
            (
                "DELETE",
                format!("/templates/{}$", id(&template_a)),
                String::new(),
            ),
        ],
    );
    let (cws, ctpl) = (
        format!("cws/{v_object}"),
        format!("ctpl/{}", scene.template_object(&a)),
    );
    scene
        .kubectl(&["delete", "--wait=false", &cws, &ctpl])
        .await;
    death.strike(&mut scene).await;
    scene.until_gone(&cws).await;
    scene.until_gone(&ctpl).await;
    let path = format!("/workspaces/{}?include_deleted=true", id(&twin_v));
    let last = scene.person.get(&path).await;
    assert_eq!(
        last["latest_build"]["build_number"], 4,
        "it was deleted once: {last}"
    );
    assert_eq!(last["latest_build"]["transition"], "delete");
    assert!(scene.find_template(&a).await.is_none());
    all_ready(&scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_each_request_nothing_is_lost_and_all_is_there_once() {
    dies_at(Stage::BeforeForwarding, "early").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_each_request_nothing_is_lost_and_all_is_there_once() {
    dies_at(Stage::BeforeReply, "late").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_adopts_it_binds_to_what_is_there() {
    let mut scene = Scene::new("adopt").await;
    let org = scene.bed.organization().to_owned();
    let (template, workspace) = (scene.name("t"), scene.name("w"));
    let main = small_source("adopted");
    let tar = tar(&[("main.tf", &main)]);
    let twin_t = scene.person.make_template(&org, &template, tar).await;
    let twin_w = scene
        .person
        .make_workspace(scene.bed.owner(), &workspace, id(&twin_t))
        .await;
    let death = Death::prepare(
        &scene,
        Stage::BeforeReply,
        &[
            (
                "GET",
                format!("/organizations/[^/]*/templates/{template}$"),
                String::new(),
            ),
            (
                "GET",
                format!("/users/[^/]*/workspace/{workspace}$"),
                String::new(),
            ),
        ],
    );
    scene
        .apply(&template_manifest(&scene.template_object(&template), &main))
        .await;
    scene
        .apply(&manifest(
            &scene.workspace_object(&workspace),
            &template,
            &json!({}),
        ))
        .await;
    death.strike(&mut scene).await;
    all_ready(&scene).await;
    let objects = scene.objects().await;
    let bound: BTreeSet<_> = objects
        .iter()
        .map(|one| one["status"]["binding"]["id"].as_str().unwrap())
        .collect();
    assert_eq!(bound, BTreeSet::from([id(&twin_t), id(&twin_w)]));
    assert!(
        objects
            .iter()
            .all(|one| one["status"]["binding"]["origin"] == "coderd")
    );
    assert_eq!(scene.proxy.mutations(), [], "there was nothing to change");
}
