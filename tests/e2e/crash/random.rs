//! Killed at random.

use std::collections::BTreeSet;

use serde_json::json;

use super::{all_ready, builds, version_of};
use crate::e2e::{
    coder::id,
    scene::Scene,
    template::{manifest as template_manifest, small_source, tar},
    workspace::manifest,
};

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

    assert!(scene.find_workspace(&x).await.is_none());
    let twin = scene.workspace(&w).await;
    assert_eq!(twin["ttl_ms"], 600_000);
    let builds = builds(&scene, &w).await;
    assert_eq!(builds.last().unwrap(), "stop");
    assert!(
        builds.len() <= 10 && builds.windows(2).all(|two| two[0] != two[1]),
        "{builds:?}"
    );
    let twin = scene.template(&template).await;
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
