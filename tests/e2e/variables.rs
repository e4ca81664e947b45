//! Variables and tags of a template: each value makes a version, and a secret one is shown nowhere.

use serde_json::{Value, json};

use super::{
    coder::id,
    object::{condition, is_ready, message, reason},
    scene::Scene,
    template::manifest,
};

/// A part of every value that is in a Secret here; nobody would write it by accident.
const CANARY: &str = "canary-7b52009b64fd0a2a49e6d8a939753077";

/// What the import prints where it fails holds the value.
const SOURCE: &str = r#"
variable "region" {
  default = "none"
}
variable "token" {
  default = "none"
}
resource "terraform_data" "machine" {
  input = var.region
  lifecycle {
    precondition {
      condition     = !startswith(var.token, "bad")
      error_message = "no good: ${var.token}"
    }
  }
}
"#;

async fn put(scene: &Scene, token: &str) {
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": "s" },
        "stringData": { "token": format!("{token} {CANARY}") },
    });
    scene.apply(&secret).await;
}

/// The value of a variable of the active version, as it stands in coderd.
async fn value(scene: &Scene, template: &str, variable: &str) -> String {
    let version = scene.template(template).await["active_version_id"].clone();
    let path = format!("/templateversions/{}/variables", version.as_str().unwrap());
    let variables = scene.person.get(&path).await;
    let mut variables = variables.as_array().unwrap().iter();
    let found = variables.find(|one| one["name"] == variable).unwrap();
    found["value"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_and_tags_make_versions_and_a_secret_is_shown_nowhere() {
    let scene = Scene::new("vars").await;
    let name = scene.name("t");
    let object = scene.template_object(&name);
    let ctpl = format!("ctpl/{object}");
    let mut applied = manifest(&object, SOURCE);
    let reference = json!({ "secretKeyRef": { "name": "s", "key": "token" } });
    applied["spec"]["variables"] = json!([
        { "name": "region", "value": "eu" },
        { "name": "token", "valueFrom": reference },
    ]);

    // What is not there is awaited, and nothing is made without it.
    scene.proxy.forget();
    scene.apply(&applied).await;
    let waiting = scene
        .until(&ctpl, "waiting for the Secret", |seen| {
            reason(seen, "Reconciling") == "WaitingForReference"
        })
        .await;
    assert!(message(&waiting, "Ready").contains("there is no Secret s"));
    scene.wrote_nothing();
    put(&scene, "one").await;
    scene.until(&ctpl, "ready", is_ready).await;
    assert_eq!(value(&scene, &name, "region").await, "eu");
    assert_eq!(value(&scene, &name, "token").await, format!("one {CANARY}"));

    // A change of the Secret alone makes a version; one that fails tells no value.
    put(&scene, "bad").await;
    let failed = scene
        .until(&ctpl, "failed", |seen| {
            reason(seen, "Stalled") == "VersionFailed"
        })
        .await;
    let said = message(&failed, "Stalled");
    assert!(said.contains("no good: [redacted]"), "{said}");
    // The same value again makes none.
    put(&scene, "one").await;
    scene.until(&ctpl, "ready", is_ready).await;
    let twin = scene.template(&name).await;
    assert_eq!(scene.person.versions(id(&twin)).await.len(), 2);
    put(&scene, "two").await;
    scene
        .eventually("the new value is in effect", async || {
            value(&scene, &name, "token").await == format!("two {CANARY}")
        })
        .await;
    scene.until(&ctpl, "ready", is_ready).await;

    // Let go of, a value stays in coderd, and nothing is built.
    let taken = applied["spec"].as_object_mut().unwrap().remove("variables");
    scene.apply(&applied).await;
    let generation = scene.object(&ctpl).await.unwrap()["metadata"]["generation"].clone();
    scene
        .until(&ctpl, "released", |seen| {
            seen["status"]["observedGeneration"] == generation && is_ready(seen)
        })
        .await;
    assert_eq!(scene.person.versions(id(&twin)).await.len(), 3);
    assert_eq!(value(&scene, &name, "token").await, format!("two {CANARY}"));
    // Nor is it told of the next version, which keeps it.
    applied["spec"]["files"]["main.tf"] = json!(format!("# two\n{SOURCE}"));
    scene.apply(&applied).await;
    let kept = "token is \"none\" in the files";
    scene
        .until(&ctpl, "the kept value is told of", |seen| {
            is_ready(seen) && message(seen, "Ready").contains(kept)
        })
        .await;

    // Tags choose the provisioner; the value of a Secret is in the name of the version under a key alone.
    applied["spec"]["variables"] = taken.unwrap();
    applied["spec"]["provisionerTags"] = json!({ "room": "none-here" });
    scene.apply(&applied).await;
    let building = scene
        .until(&ctpl, "the version with the tag is awaited", |seen| {
            reason(seen, "Reconciling") == "Building" && seen["status"]["version"]["id"].is_string()
        })
        .await;
    assert_eq!(condition(&building, "VersionPromoted"), "False");
    let version = building["status"]["version"]["id"].as_str().unwrap();
    let path = format!("/templateversions/{version}");
    let made = scene.person.get(&path).await;
    assert_eq!(made["job"]["tags"]["room"], "none-here", "{made}");
    let cancel = format!("{path}/cancel");
    scene.person.ask("PATCH", &cancel, None).await;

    shown_nowhere(&scene).await;
}

async fn shown_nowhere(scene: &Scene) {
    let objects: Vec<Value> = scene.objects().await;
    let events = json!(scene.list("events.k8s.io/v1", "events").await).to_string();
    for (place, text) in [
        ("log", scene.log()),
        ("objects", json!(objects).to_string()),
        ("Events", events),
    ] {
        let line = text.lines().find(|line| line.contains(CANARY));
        assert_eq!(line, None, "a secret is in the {place}");
    }
}
