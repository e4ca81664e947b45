//! Parameters that last for one build, that keep their first value, and that coderd refuses.

use serde_json::{Value, json};

use super::{
    coder::id,
    object::{is_ready, message, reason},
    scene::{Scene, Workspace},
};

const SOURCE: &str = r#"
terraform {
  required_providers {
    coder = { source = "coder/coder" }
  }
}
data "coder_workspace" "me" {}
data "coder_parameter" "size" {
  name    = "size"
  type    = "string"
  default = "small"
  mutable = true
  option {
    name  = "small"
    value = "small"
  }
  option {
    name  = "large"
    value = "large"
  }
}
data "coder_parameter" "disk" {
  name    = "disk"
  type    = "string"
  default = "any"
  mutable = false
}
data "coder_parameter" "reset" {
  name      = "reset"
  type      = "string"
  default   = "no"
  mutable   = true
  ephemeral = true
}
resource "terraform_data" "machine" {}
"#;

fn parameters(size: &str, disk: &str, reset: &str) -> Value {
    json!([
        { "name": "size", "value": size },
        { "name": "disk", "value": disk },
        { "name": "reset", "value": reset },
    ])
}

/// The value of `reset` in each build of a workspace, the oldest first.
async fn resets(scene: &Scene, workspace: &Value) -> Vec<String> {
    let mut resets = Vec::new();
    for build in scene.person.builds(id(workspace)).await.iter().rev() {
        let path = format!("/workspacebuilds/{}/parameters", id(build));
        let values = scene.person.get(&path).await;
        let mut values = values.as_array().unwrap().iter();
        let reset = values.find(|one| one["name"] == "reset").unwrap();
        resets.push(reset["value"].as_str().unwrap().to_owned());
    }
    resets
}

/// Stops the workspace and starts it, as `spec` says otherwise.
async fn restart(scene: &Scene, cws: &str, applied: &mut Value) {
    for running in [false, true] {
        applied["spec"]["running"] = json!(running);
        scene.apply(applied).await;
        scene.until(cws, "ready", is_ready).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_parameter_is_sent_with_one_start() {
    let scene = Scene::new("ephem").await;
    let template = scene.ready_template(SOURCE).await.name;
    let spec = json!({ "running": true, "parameters": parameters("large", "big", "yes") });
    let Workspace {
        cws,
        mut applied,
        twin,
        ..
    } = scene.ready_workspace(&template, &spec).await;
    restart(&scene, &cws, &mut applied).await;
    assert_eq!(resets(&scene, &twin).await, ["yes", "no", "no"]);

    // Another value waits for the next start, and nobody waits for it.
    applied["spec"]["parameters"] = parameters("large", "big", "again");
    scene.apply(&applied).await;
    let seen = scene
        .until(&cws, "noted", |seen| {
            let noted = &seen["status"]["sync"]["ephemeral"][0];
            is_ready(seen) && noted["buildNumber"] == 3
        })
        .await;
    assert_eq!(seen["status"]["latestBuildNumber"], 3);
    restart(&scene, &cws, &mut applied).await;
    restart(&scene, &cws, &mut applied).await;
    let expected = ["yes", "no", "no", "no", "again", "no", "no"];
    assert_eq!(resets(&scene, &twin).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_coderd_does_not_take_is_said_and_sent_at_most_once() {
    let scene = Scene::new("refuse").await;
    let template = scene.ready_template(SOURCE).await;
    let spec = json!({ "running": true, "parameters": parameters("large", "big", "no") });
    let Workspace {
        cws, mut applied, ..
    } = scene.ready_workspace(&template.name, &spec).await;

    // One that keeps its value is said at once and never sent.
    applied["spec"]["parameters"] = parameters("large", "small", "no");
    scene.apply(&applied).await;
    let is_immutable = |seen: &Value| reason(seen, "Stalled") == "ImmutableParameter";
    let seen = scene.until(&cws, "immutable", is_immutable).await;
    assert!(message(&seen, "Stalled").contains("disk"));
    applied["spec"]["running"] = json!(false);
    scene.apply(&applied).await;
    scene
        .until(&cws, "stopped", |seen| {
            seen["status"]["latestBuildStatus"] == "stopped" && is_immutable(seen)
        })
        .await;
    scene.proxy.forget();
    applied["spec"]["running"] = json!(true);
    scene.apply(&applied).await;
    let generation = scene.object(&cws).await.unwrap()["metadata"]["generation"].clone();
    scene
        .until(&cws, "looked at", |seen| {
            seen["status"]["observedGeneration"] == generation && is_immutable(seen)
        })
        .await;
    scene.sweeps(2).await;
    scene.wrote_nothing();

    // What is no option is refused in coderd's words, in both of its ways to look at parameters.
    let path = format!("/templates/{}", id(&template.twin));
    for (is_classic, size, words) in [
        (false, "huge", "must be a valid option"),
        (true, "vast", "must match one of options"),
    ] {
        let classic = json!({ "use_classic_parameter_flow": is_classic });
        scene.person.ask("PATCH", &path, Some(classic)).await;
        scene.proxy.forget();
        applied["spec"]["parameters"] = parameters(size, "big", "no");
        scene.apply(&applied).await;
        let refused = scene
            .until(&cws, "refused", |seen| {
                reason(seen, "Stalled") == "Refused" && message(seen, "Stalled").contains(words)
            })
            .await;
        assert!(message(&refused, "Stalled").contains("size"));
        scene.sweeps(2).await;
        assert_eq!(scene.proxy.count("POST", "/builds$").unwrap(), 1);
    }
    applied["spec"]["parameters"] = parameters("small", "big", "no");
    scene.apply(&applied).await;
    scene.until(&cws, "ready", is_ready).await;
}
