//! So many builds at once, and the others in line.

use std::collections::HashMap;

use serde_json::{Value, json};
use testbed::{Access, Bed, Options};

use super::{
    coder::id,
    object::{is_ready, message, reason},
    scene::Scene,
    workspace,
};

/// How many builds of the controller may be active.
const MOST: usize = 2;
/// How many workspaces there are.
const COUNT: usize = 9;

/// A template whose start takes a while.
const SLOW: &str = r#"
data "coder_workspace" "me" {}
resource "terraform_data" "machine" {
  count = data.coder_workspace.me.start_count
  provisioner "local-exec" {
    command = "sleep 2"
  }
}
terraform {
  required_providers {
    coder = { source = "coder/coder" }
  }
}
"#;

/// How many builds of the controller are active.
async fn active(scene: &Scene) -> usize {
    let list = scene.person.get("/workspaces").await;
    let rows = list["workspaces"].as_array().unwrap();
    let is_active = |row: &&Value| {
        let build = &row["latest_build"];
        let status = build["job"]["status"].as_str().unwrap();
        build["initiator_name"] == scene.bed.controller_user()
            && ["pending", "running", "canceling"].contains(&status)
    };
    rows.iter().filter(is_active).count()
}

/// Looks at coderd and at all objects until `holds`; never are too many builds active. What was said by
/// those that waited for a place.
async fn watched(scene: &Scene, what: &str, holds: impl Fn(&[Value]) -> bool) -> Vec<String> {
    let said = std::sync::Mutex::new(Vec::new());
    scene
        .eventually(what, async || {
            let active = active(scene).await;
            assert!(active <= MOST, "{active} builds are active");
            let objects = scene.list("coder.com/v1alpha1", "coderworkspaces").await;
            let queued = objects
                .iter()
                .filter(|seen| reason(seen, "Reconciling") == "BuildQueued");
            let texts = queued.map(|seen| message(seen, "Reconciling").to_owned());
            said.lock().unwrap().extend(texts);
            holds(&objects)
        })
        .await;
    said.into_inner().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_builds_that_are_too_many_wait_in_line() {
    // The builds of all controllers of one user count together, so that this one is alone.
    let bed = Bed::start(Options::default()).await.unwrap();
    let access: &'static Access = Box::leak(Box::new((*bed).clone()));
    // Who waits holds no worker: there is one for all of them.
    let flags = ["--import=none", "--max-active-builds=2", "--workers=1"];
    let mut scene = Scene::on(access, "line", &flags).await;
    let template = scene.ready_template(SLOW).await.name;
    let name = |number: usize| format!("w{number}");
    let manifests: Vec<_> = (0..COUNT)
        .map(|number| {
            let object = scene.workspace_object(&name(number));
            workspace::manifest(&object, &template, &json!({ "running": true }))
        })
        .collect();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": manifests });
    scene.apply(&list).await;
    let ready = |objects: &[Value]| objects.iter().filter(|seen| is_ready(seen)).count();
    let said = watched(&scene, "the first are ready", |all| ready(all) >= 1).await;
    assert!(
        said.iter().any(|text| text.contains("at most 2 builds")),
        "{said:?}"
    );

    // A deletion gets its turn before the starts that came earlier are done.
    let objects = scene.list("coder.com/v1alpha1", "coderworkspaces").await;
    let first = objects.iter().find(|seen| is_ready(seen)).unwrap();
    let gone = first["status"]["id"].as_str().unwrap().to_owned();
    let object = first["metadata"]["name"].as_str().unwrap();
    scene.delete(&format!("cws/{object}")).await;

    // Another process goes on where this one was. It cannot see a request that is under way meanwhile: so none
    // is, for all places are taken.
    scene
        .eventually("all places are taken", async || {
            active(&scene).await == MOST
        })
        .await;
    scene.kill_controller().await;
    scene.start_controller().await;
    watched(&scene, "all the others are ready", |all| {
        ready(all) == COUNT - 1 && all.len() == COUNT - 1
    })
    .await;
    assert_eq!(scene.workspace_status(&gone).await, 410);

    let mut begun = HashMap::new();
    for number in 0..COUNT {
        let Some(twin) = scene.find_workspace(&name(number)).await else {
            continue;
        };
        let builds = scene.person.builds(id(&twin)).await;
        assert_eq!(builds.len(), 1, "nothing was built twice");
        let at = builds[0]["created_at"].as_str().unwrap().to_owned();
        begun.insert(at, number);
    }
    let path = format!("/workspaces/{gone}?include_deleted=true");
    let deleted = scene.person.get(&path).await;
    let deletion = deleted["latest_build"]["created_at"].as_str().unwrap();
    let later = begun.keys().filter(|at| at.as_str() > deletion).count();
    assert!(
        later > 0,
        "the deletion waited for all: {begun:?} {deletion}"
    );
}
