//! What deletes very much at once waits for a person.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::e2e::{
    object::{is_free, is_ready, message, reason},
    scene::Scene,
};

/// So many go without a question.
const ADMITTED: usize = 20;
/// So many exist.
const ALL: usize = 24;

/// Templates that someone else makes, one after the other: other tests have some imported too.
async fn foreign_templates(scene: &Scene) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for number in 0..ALL {
        names.insert(scene.foreign_template(&format!("t{number}")).await.0);
    }
    names
}

/// Those of the templates that are in coderd.
async fn remaining(scene: &Scene, names: &BTreeSet<String>) -> BTreeSet<String> {
    let rows = scene.person.get("/templates").await;
    let named = rows.as_array().unwrap().iter();
    let named = named.map(|row| row["name"].as_str().unwrap().to_owned());
    named.filter(|name| names.contains(name)).collect()
}

/// What the object says that it is confirmed with, besides the other way out.
fn confirmation(object: &Value) -> String {
    let said = message(object, "Stalled");
    let (_, rest) = said.split_once("coder.com/confirm-deletions: ").unwrap();
    rest.split(';').next().unwrap().to_owned()
}

/// How many templates the controller has deleted.
fn deleted(scene: &Scene) -> u64 {
    scene.proxy.count("DELETE", "/templates/").unwrap()
}

fn is_suspended(object: &Value) -> bool {
    reason(object, "Stalled") == "DeletionSuspended"
        && message(object, "Stalled").contains("Retain")
}

fn is_kept(object: &Value) -> bool {
    reason(object, "Stalled") == "RemovalSuspended"
}

/// Imported objects of the templates, which are renamed in coderd: twenty of the objects go, the others
/// wait. What the templates are called then.
async fn all_are_renamed(scene: &Scene, names: &BTreeSet<String>) -> BTreeSet<String> {
    // As an import makes them; the controller of this scene imports nothing, so that nothing comes back.
    let manifests: Vec<_> = names
        .iter()
        .map(|name| {
            json!({
                "apiVersion": "coder.com/v1alpha1",
                "kind": "CoderTemplate",
                "metadata": { "name": scene.template_object(name) },
                "spec": { "organization": scene.bed.organization() },
            })
        })
        .collect();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": manifests });
    let (fine, text) = scene.try_apply(&list, &["--field-manager=coderd"]).await;
    assert!(fine, "{text}");
    for name in names {
        let ctpl = format!("ctpl/{}", scene.template_object(name));
        scene.until(&ctpl, "imported", is_ready).await;
    }
    let mut renamed = BTreeSet::new();
    for name in names {
        let twin = scene.template(name).await;
        let path = format!("/templates/{}", twin["id"].as_str().unwrap());
        let new = format!("r{}", &name[1..]);
        scene
            .person
            .ask("PATCH", &path, Some(json!({ "name": new })))
            .await;
        renamed.insert(new);
    }
    scene
        .eventually("the others are kept", async || {
            let left = scene.objects().await;
            left.len() == ALL - ADMITTED && left.iter().all(is_kept)
        })
        .await;
    let code = confirmation(&scene.objects().await[0]);
    assert!(code.starts_with("20-"), "{code}");
    scene.sweeps(3).await;
    assert_eq!(scene.objects().await.len(), ALL - ADMITTED);
    let this = format!("coder.com/confirm-deletions={code}");
    scene
        .kubectl(&["annotate", "ctpl", "--all", this.as_str()])
        .await;
    scene
        .eventually("the others go too", async || {
            scene.objects().await.is_empty()
        })
        .await;
    scene.wrote_nothing();
    renamed
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_deletions_at_once_twenty_are_made_and_the_others_wait_for_a_person() {
    let mut scene = Scene::new("mass").await;
    let names = foreign_templates(&scene).await;
    let names = all_are_renamed(&scene, &names).await;
    let manifests: Vec<_> = names
        .iter()
        .map(|name| {
            json!({
                "apiVersion": "coder.com/v1alpha1",
                "kind": "CoderTemplate",
                "metadata": { "name": scene.template_object(name) },
                "spec": { "deletionPolicy": "Delete" },
            })
        })
        .collect();
    scene
        .apply(&json!({ "apiVersion": "v1", "kind": "List", "items": manifests }))
        .await;
    for name in &names {
        let ctpl = format!("ctpl/{}", scene.template_object(name));
        let held = |seen: &Value| is_ready(seen) && !is_free(seen);
        scene.until(&ctpl, "Delete is in effect", held).await;
    }

    scene
        .kubectl(&["delete", "ctpl", "--all", "--wait=false"])
        .await;
    scene
        .eventually("the others are suspended", async || {
            let left = scene.objects().await;
            left.len() == ALL - ADMITTED && left.iter().all(is_suspended)
        })
        .await;
    let left = scene.objects().await;
    let codes: BTreeSet<_> = left.iter().map(confirmation).collect();
    assert_eq!(
        codes.len(),
        1,
        "one confirmation is for all of them: {codes:?}"
    );
    let code = codes.first().unwrap();
    assert!(code.starts_with("20-"), "{code}");
    assert_eq!(remaining(&scene, &names).await.len(), ALL - ADMITTED);
    assert_eq!(deleted(&scene), 20);

    // They stay so, also after a restart, which forgets nothing: one more is held back too.
    scene.kill_controller().await;
    scene.start_controller().await;
    let (extra, _) = scene.foreign_template("extra").await;
    let manifest = json!({
        "apiVersion": "coder.com/v1alpha1",
        "kind": "CoderTemplate",
        "metadata": { "name": scene.template_object(&extra) },
        "spec": { "deletionPolicy": "Delete" },
    });
    scene.apply(&manifest).await;
    let ctpl = format!("ctpl/{}", scene.template_object(&extra));
    let held = |seen: &Value| is_ready(seen) && !is_free(seen);
    scene.until(&ctpl, "Delete is in effect", held).await;
    scene.kubectl(&["delete", &ctpl, "--wait=false"]).await;
    let seen = scene.until(&ctpl, "suspended", is_suspended).await;
    let again = format!("coder.com/confirm-deletions={}", confirmation(&seen));
    scene.annotate(&ctpl, &again).await;
    scene.until_gone(&ctpl).await;

    // And after another suspension was confirmed.
    let confirm = ["annotate", "--overwrite", "ctpl", "--all"];
    let other = "coder.com/confirm-deletions=20-2026-01-01T00:00:00Z";
    scene.kubectl(&[&confirm[..], &[other]].concat()).await;
    scene.sweeps(4).await;
    assert!(scene.objects().await.iter().all(is_suspended));
    assert_eq!(remaining(&scene, &names).await.len(), ALL - ADMITTED);
    assert_eq!(deleted(&scene), 21);

    let this = format!("coder.com/confirm-deletions={code}");
    scene
        .kubectl(&[&confirm[..], &[this.as_str()]].concat())
        .await;
    scene
        .eventually("the others go too", async || {
            scene.objects().await.is_empty()
        })
        .await;
    assert_eq!(remaining(&scene, &names).await, BTreeSet::new());
    assert_eq!(deleted(&scene), 25);
}
