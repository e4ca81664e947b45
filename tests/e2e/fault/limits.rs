//! coderd with its rate limits on, as people run it: so many requests a minute for each path.

use serde_json::{Value, json};
use testbed::{Access, Bed, Options};

use super::in_sync;
use crate::e2e::{
    metrics::Metrics, object::reason, scene::Scene, template::small_source, workspace::manifest,
};

/// More than half of what coderd admits in a minute for one path.
const WAITING: usize = 300;
/// So many looks may be under way.
const WORKERS: u64 = 16;

#[tokio::test(flavor = "multi_thread")]
async fn many_waiting_objects_do_not_use_up_what_coderd_allows() {
    // Declared first, so that it ends last; what scenes are given is its address book.
    let options = Options {
        rate_limits: true,
        ..Options::default()
    };
    let bed = Bed::start(options).await.unwrap();
    let access: &'static Access = Box::leak(Box::new((*bed).clone()));
    let flags = ["--import=none", "--sweep-interval=5s"];
    let scene = Scene::on(access, "limits", &flags).await;
    let template = scene.ready_template(&small_source("")).await;
    let waiting = |number| scene.workspace_object(&format!("w{number}"));
    let manifests: Vec<_> = (0..WAITING)
        .map(|number| manifest(&waiting(number), "nowhere", &json!({})))
        .collect();
    scene.proxy.forget();
    scene
        .apply(&json!({ "apiVersion": "v1", "kind": "List", "items": manifests }))
        .await;
    let waits = |seen: &Value| reason(seen, "Reconciling") == "WaitingForTemplate";
    scene
        .eventually("all wait for their template", async || {
            let all = scene.list("coder.com/v1alpha1", "coderworkspaces").await;
            all.len() == WAITING && all.iter().all(waits)
        })
        .await;

    // A look asks for the workspace once, however often it writes to the object.
    let named = scene.proxy.count("GET", "/workspace/w").unwrap();
    let metrics = Metrics::of(&scene).await;
    let looks = metrics.sum("reconciles_total", "kind=\"CoderWorkspace\"");
    assert!(named <= looks + WORKERS, "{named} in {looks} looks");

    // What all need to know is asked once a sweep, or by each who did not wait for the others.
    let sweeps = scene.proxy.count("GET", "/workspaces$").unwrap() + 1;
    let organizations = scene.proxy.count("GET", "/organizations").unwrap();
    assert!(organizations <= sweeps, "{organizations} in {sweeps}");
    let users = scene.proxy.count("GET", "/users/[^/]+$").unwrap();
    assert!(users <= (1 + WORKERS) * sweeps, "{users} in {sweeps}");

    // Somebody else's order goes its way.
    let spec = json!({ "running": true, "ttlMillis": 3_600_000 });
    let workspace = scene.ready_workspace(&template.name, &spec).await;
    scene.until(&workspace.cws, "in sync", in_sync).await;
    let metrics = Metrics::of(&scene).await;
    let refused = metrics.sum("coderd_requests_total", "code=\"429\"");
    assert_eq!(refused, 0, "requests were refused");
}
