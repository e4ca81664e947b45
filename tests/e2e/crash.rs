//! The controller dies (`kill -9`) around each request that changes coderd, and at random: afterwards
//! everything is there, once.

use std::collections::{BTreeMap, BTreeSet};

use coder_k8s::sync::source::{Source, version_name};
use serde_json::{Value, json};
use testbed::proxy::{Hold, Matcher, Seen, Stage};

use super::{
    coder::id,
    scene::{PATIENCE, Scene, condition, is_ready},
    template::{manifest as template_manifest, small_source, tar},
    workspace::manifest,
};

/// The controller is about to die while these requests are held.
struct Death(Vec<(String, Hold)>);

impl Death {
    /// Holds the requests of `moments`, each a method, a pattern for the path, and a text that the body
    /// contains.
    fn prepare(scene: &Scene, stage: Stage, moments: &[(&str, String, String)]) -> Self {
        let holds = moments.iter().map(|(method, path, body)| {
            let (what, body) = (format!("{method} {path} {body}"), body.clone());
            let matcher = Matcher::new(method, path).unwrap();
            let matcher = matcher.when(move |seen: &Seen| seen.body.contains(&body));
            (what, scene.proxy.hold(matcher, stage))
        });
        Self(holds.collect())
    }

    /// Waits until all of them are held, kills the controller, lets the requests fail and starts it
    /// again.
    async fn strike(self, scene: &mut Scene) {
        for (what, hold) in &self.0 {
            if let Err(error) = hold.held(PATIENCE).await {
                panic!("{what}: {error}\n{}", scene.log_tail());
            }
        }
        scene.kill_controller().await;
        for (_, hold) in &self.0 {
            hold.drop_connections();
        }
        drop(self);
        scene.start_controller().await;
    }
}

/// The name of the first version of a source with one file.
fn version_of(main: &str) -> String {
    let files = BTreeMap::from([("main.tf".to_owned(), main.to_owned())]);
    version_name(
        &Source::from_inline(&files).unwrap().hash(&BTreeMap::new()),
        1,
    )
}

/// Waits until everything that is there is in effect.
async fn all_ready(scene: &Scene) {
    for object in scene.objects().await {
        let kind = if object["kind"] == "CoderWorkspace" {
            "cws"
        } else {
            "ctpl"
        };
        let object = format!("{kind}/{}", object["metadata"]["name"].as_str().unwrap());
        let settled = |seen: &Value| is_ready(seen) && condition(seen, "Synced") == "True";
        scene.until(&object, "ready and synced", settled).await;
    }
}

/// The template has exactly the versions of these sources, and the last one is active.
async fn has_versions(scene: &Scene, template: &str, sources: &[String]) {
    let twin = scene
        .person
        .template(scene.bed.organization(), template)
        .await
        .unwrap();
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

/// The transitions of all builds of a workspace, oldest first, each numbered without a gap.
async fn builds(scene: &Scene, name: &str) -> Vec<String> {
    let twin = scene
        .person
        .workspace(scene.bed.owner(), name)
        .await
        .unwrap();
    let mut builds = scene.person.builds(id(&twin)).await;
    builds.reverse();
    for (build, number) in builds.iter().zip(1..) {
        assert_eq!(build["build_number"], number);
    }
    builds
        .iter()
        .map(|build| build["transition"].as_str().unwrap().to_owned())
        .collect()
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

    let template_c = scene.person.template(&org, &c).await.unwrap();
    let template_d = scene.person.template(&org, &d).await.unwrap();
    let twin_v = scene.person.workspace(scene.bed.owner(), &v).await.unwrap();
    let twin_w = scene.person.workspace(scene.bed.owner(), &w).await.unwrap();
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
    assert_eq!(
        scene.person.template(&org, &d).await.unwrap()["display_name"],
        "Hello"
    );
    assert_eq!(builds(&scene, &v).await, ["start", "stop", "start"]);
    assert_eq!(builds(&scene, &w).await, ["start", "stop"]);
    let seen = scene.person.workspace(scene.bed.owner(), &w).await.unwrap();
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

    let template_a = scene.person.template(&org, &a).await.unwrap();
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
    assert!(scene.person.template(&org, &a).await.is_none());
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

/// Where the ten deaths come, in requests seen since the start before.
const SEED: u64 = 20_261_121;

#[tokio::test(flavor = "multi_thread")]
async fn killed_ten_times_at_random_nothing_is_lost_and_all_is_there_once() {
    println!("seed {SEED}");
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut scene = Scene::new("random").await;
    let org = scene.bed.organization().to_owned();
    let base = scene.name("base");
    let tar = tar(&[("main.tf", &small_source(""))]);
    scene.person.make_template(&org, &base, tar).await;
    let (template, w, x) = (scene.name("t"), scene.name("w"), scene.name("x"));
    let x_object = format!("cws/{}", scene.workspace_object(&x));
    let source = |number: i64| small_source(&format!("{template} {number}"));
    for number in 0..10 {
        scene
            .apply(&template_manifest(
                &scene.template_object(&template),
                &source(number),
            ))
            .await;
        let spec = json!({ "running": number % 2 == 0, "ttlMillis": (number + 1) * 60_000 });
        scene
            .apply(&manifest(&scene.workspace_object(&w), &base, &spec))
            .await;
        match number {
            2 => {
                let new = manifest(&scene.workspace_object(&x), &base, &json!({}));
                scene.apply(&new).await;
            }
            7 => {
                scene.kubectl(&["delete", "--wait=false", &x_object]).await;
            }
            _ => {}
        }
        let requests = random.u64(1..40);
        println!("death {number} after {requests} requests");
        scene.requests_more(requests).await;
        scene.kill_controller().await;
        scene.launch_controller().await;
    }
    scene.until_gone(&x_object).await;
    all_ready(&scene).await;

    assert!(
        scene
            .person
            .workspace(scene.bed.owner(), &x)
            .await
            .is_none()
    );
    let twin = scene.person.workspace(scene.bed.owner(), &w).await.unwrap();
    assert_eq!(twin["ttl_ms"], 600_000);
    let builds = builds(&scene, &w).await;
    assert_eq!(builds.last().unwrap(), "stop");
    assert!(
        builds.len() <= 10 && builds.windows(2).all(|two| two[0] != two[1]),
        "{builds:?}"
    );
    let twin = scene.person.template(&org, &template).await.unwrap();
    let versions = scene.person.versions(id(&twin)).await;
    let active = versions
        .iter()
        .find(|version| version["id"] == twin["active_version_id"]);
    assert_eq!(active.unwrap()["name"], version_of(&source(9)));
    let names: BTreeSet<_> = versions
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), versions.len());
    let known: BTreeSet<_> = (0..10).map(|number| version_of(&source(number))).collect();
    assert!(names.iter().all(|name| known.contains(*name)), "{names:?}");
}
