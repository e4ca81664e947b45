//! Parameters whose values are in Secrets.

use serde_json::{Value, json};

use super::{
    coder::id,
    object::{is_ready, message, reason},
    scene::Scene,
    workspace,
};

const SOURCE: &str = r#"
terraform {
  required_providers {
    coder = { source = "coder/coder" }
  }
}
data "coder_workspace" "me" {}
data "coder_parameter" "token" {
  name    = "token"
  type    = "string"
  default = "none"
  mutable = true
}
data "coder_parameter" "size" {
  name    = "size"
  type    = "string"
  default = "small"
  mutable = true
  option {
    name  = "small"
    value = "small"
  }
}
resource "terraform_data" "machine" {}
"#;

/// A part of every value that is in a Secret here; nobody would write it by accident.
const CANARY: &str = "canary-098f6bcd4621d373cade4e832627b4f6";

/// Makes the Secret `s` of these values, or changes it.
async fn put(scene: &Scene, token: &str, size: &str) {
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": "s" },
        "stringData": { "token": format!("{token} \"{CANARY}\""), "size": size },
    });
    scene.apply(&secret).await;
}

fn parameters() -> Value {
    let reference = |key: &str| json!({ "secretKeyRef": { "name": "s", "key": key } });
    json!([
        { "name": "token", "valueFrom": reference("token") },
        { "name": "size", "valueFrom": reference("size") },
    ])
}

/// The value of `token` in the latest build, as it stands in coderd.
async fn token(scene: &Scene, workspace: &Value) -> String {
    let builds = scene.person.builds(id(workspace)).await;
    let path = format!("/workspacebuilds/{}/parameters", id(&builds[0]));
    let values = scene.person.get(&path).await;
    let mut values = values.as_array().unwrap().iter();
    let token = values.find(|one| one["name"] == "token").unwrap();
    token["value"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_from_a_secret_travels_with_the_next_start_and_is_shown_nowhere() {
    let scene = Scene::new("valfrom").await;
    let template = scene.ready_template(SOURCE).await.name;
    let name = scene.name("w");
    let object = scene.workspace_object(&name);
    let cws = format!("cws/{object}");
    let spec = json!({ "running": true, "parameters": parameters() });
    let mut applied = workspace::manifest(&object, &template, &spec);

    // What is not there is awaited, and nothing is made without it.
    scene.proxy.forget();
    scene.apply(&applied).await;
    let waiting = scene
        .until(&cws, "waiting for the Secret", |seen| {
            reason(seen, "Reconciling") == "WaitingForReference"
        })
        .await;
    assert!(message(&waiting, "Ready").contains("there is no Secret s"));
    scene.wrote_nothing();
    put(&scene, "one", "small").await;
    scene.until(&cws, "ready", is_ready).await;
    let twin = scene.workspace(&name).await;
    let expected = |word: &str| format!("{word} \"{CANARY}\"");
    assert_eq!(token(&scene, &twin).await, expected("one"));

    // A change of the Secret alone is noticed, by who looks at the object for no other reason, and waits for the
    // next start.
    scene.sweeps(3).await;
    put(&scene, "two", "small").await;
    let waiting = scene
        .until(&cws, "waiting for a build", |seen| {
            reason(seen, "Reconciling") == "WaitingForBuild"
        })
        .await;
    assert!(message(&waiting, "Ready").contains("parameters token"));
    scene.sweeps(2).await;
    assert_eq!(scene.person.builds(id(&twin)).await.len(), 1);
    for running in [false, true] {
        applied["spec"]["running"] = json!(running);
        scene.apply(&applied).await;
        scene.until(&cws, "ready", is_ready).await;
    }
    assert_eq!(token(&scene, &twin).await, expected("two"));

    // coderd repeats what it refuses; nobody else does.
    applied["spec"]["running"] = json!(false);
    scene.apply(&applied).await;
    scene.until(&cws, "ready", is_ready).await;
    put(&scene, "two", CANARY).await;
    applied["spec"]["running"] = json!(true);
    scene.apply(&applied).await;
    let refused = scene
        .until(&cws, "refused", |seen| reason(seen, "Stalled") == "Refused")
        .await;
    let said = message(&refused, "Stalled");
    assert!(
        said.contains("must be a valid option") && said.contains("[redacted]"),
        "{said}"
    );
    put(&scene, "three", "small").await;
    scene.until(&cws, "ready", is_ready).await;

    // Who lets the reference go gets no value in its place.
    applied["spec"]
        .as_object_mut()
        .unwrap()
        .remove("parameters");
    scene.apply(&applied).await;
    let generation = scene.object(&cws).await.unwrap()["metadata"]["generation"].clone();
    let released = scene
        .until(&cws, "released", |seen| {
            seen["status"]["observedGeneration"] == generation && is_ready(seen)
        })
        .await;
    assert_eq!(released["spec"]["parameters"], Value::Null);
    assert_eq!(token(&scene, &twin).await, expected("three"));

    let objects = json!(scene.objects().await).to_string();
    let events = json!(scene.list("events.k8s.io/v1", "events").await).to_string();
    for (place, text) in [
        ("log", scene.log()),
        ("objects", objects),
        ("Events", events),
    ] {
        let line = text.lines().find(|line| line.contains(CANARY));
        assert_eq!(line, None, "a secret is in the {place}");
    }
}
