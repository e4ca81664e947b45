//! What the API server says of a deletion, by the policies of `deploy/base/deletion.yaml` alone. No
//! controller runs here.

use serde_json::{Value, json};
use testbed::Bed;

use super::{object::is_free, scene::Scene};

/// The finalizer that is on while deleting an object deletes its twin.
const FINALIZER: &str = "coder.com/coderd-cleanup";
/// One of somebody else.
const OTHER: &str = "example.com/other";

/// A stage on which the policies are in force. They are bound to its namespace only, since others
/// share the API server.
async fn guarded(test: &str) -> Scene {
    let scene = Scene::idle(Bed::shared().unwrap(), test, &[]).await;
    let path = crate::root().join("deploy/base/deletion.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    for mut document in serde_saphyr::from_multiple::<Value>(&text).unwrap() {
        if document["kind"] == "ValidatingAdmissionPolicyBinding" {
            let name = document["metadata"]["name"].as_str().unwrap();
            document["metadata"]["name"] = json!(format!("{name}-{}", scene.namespace));
            let here = json!({ "kubernetes.io/metadata.name": scene.namespace });
            document["spec"]["matchResources"] =
                json!({ "namespaceSelector": { "matchLabels": here } });
            // The controller of this scene.
            document["spec"]["paramRef"]["namespace"] = json!(scene.namespace);
        }
        scene.apply(&document).await;
    }
    let kept = made(
        &scene,
        "cws",
        "probe-kept",
        json!({ "deletionPolicy": "Retain" }),
    )
    .await;
    let hasty = made(
        &scene,
        "cws",
        "probe-hasty",
        json!({ "deletionPolicy": "Delete" }),
    )
    .await;
    bind(&scene, &hasty).await;
    scene
        .eventually("both policies are in force", async || {
            let kept = try_delete(&scene, &kept, &["--dry-run=server"]).await;
            let hasty = try_delete(&scene, &hasty, &["--dry-run=server"]).await;
            kept.warning.is_some() && hasty.refusal.is_some()
        })
        .await;
    scene
}

/// What somebody who deletes is told.
#[derive(Debug)]
struct Told {
    warning: Option<String>,
    refusal: Option<String>,
}

impl Told {
    fn is_nothing(&self) -> bool {
        self.warning.is_none() && self.refusal.is_none()
    }
}

/// Deletes an object and does not wait.
async fn try_delete(scene: &Scene, object: &str, flags: &[&str]) -> Told {
    let arguments = [&["delete", object, "--wait=false"], flags].concat();
    let (fine, text) = scene.try_kubectl(&arguments, "").await;
    let warning = text.lines().find(|line| line.starts_with("Warning: "));
    Told {
        warning: warning.map(str::to_owned),
        refusal: (!fine).then_some(text),
    }
}

/// An object with this `spec`, as somebody declared it.
async fn made(scene: &Scene, kind: &str, part: &str, spec: Value) -> String {
    let (kind_name, name) = match kind {
        "cws" => ("CoderWorkspace", scene.workspace_object(part)),
        _ => ("CoderTemplate", scene.template_object(part)),
    };
    let manifest = json!({
        "apiVersion": "coder.com/v1alpha1",
        "kind": kind_name,
        "metadata": { "name": name },
        "spec": spec,
    });
    scene.apply(&manifest).await;
    format!("{kind}/{name}")
}

/// Gives the object the binding that the controller gives it.
async fn bind(scene: &Scene, object: &str) {
    let binding = json!({
        "deploymentID": "11111111-2222-3333-4444-555555555555",
        "id": "66666666-7777-8888-9999-000000000000",
        "origin": "coderd",
        "boundAt": "2026-01-01T00:00:00Z",
    });
    let status = json!({ "status": { "binding": binding } }).to_string();
    let flags = ["--subresource=status", "--type=merge", "-p", &status];
    scene
        .kubectl(&[&["patch", object][..], &flags].concat())
        .await;
}

async fn label_origin(scene: &Scene, object: &str, origin: &str) {
    let label = format!("coder.com/origin={origin}");
    scene.kubectl(&["label", object, &label]).await;
}

async fn set_finalizers(scene: &Scene, object: &str, finalizers: &[&str]) {
    let patch = json!({ "metadata": { "finalizers": finalizers } }).to_string();
    scene
        .kubectl(&["patch", object, "--type=merge", "-p", &patch])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_leaves_the_twin_in_coder_is_warned_about_and_goes_through() {
    let scene = guarded("advice").await;
    for kind in ["cws", "ctpl"] {
        let retain = made(
            &scene,
            kind,
            "retain",
            json!({ "deletionPolicy": "Retain" }),
        )
        .await;
        bind(&scene, &retain).await;
        label_origin(&scene, &retain, "kubernetes").await;
        let imported = made(&scene, kind, "imported", json!({})).await;
        bind(&scene, &imported).await;
        label_origin(&scene, &imported, "coderd").await;
        for (object, expected) in [
            (
                &retain,
                "has spec.deletionPolicy: Retain: it stays in Coder",
            ),
            (&imported, "was not made from Kubernetes: it stays in Coder"),
        ] {
            let told = try_delete(&scene, object, &[]).await;
            let warning = told.warning.as_deref().unwrap_or_default();
            let name = object.split_once('/').unwrap().1;
            assert!(
                warning.contains(&format!("{name} {expected}")) && told.refusal.is_none(),
                "{object}: {told:?}"
            );
            assert!(scene.object(object).await.is_none(), "{object} is held up");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_does_what_was_declared_is_not_commented() {
    let scene = guarded("silent").await;
    for kind in ["cws", "ctpl"] {
        // Made from Kubernetes, and nothing is declared: Delete is the default.
        let ours = made(&scene, kind, "ours", json!({})).await;
        label_origin(&scene, &ours, "kubernetes").await;
        // An imported one for which Delete was declared later.
        let declared = made(
            &scene,
            kind,
            "declared",
            json!({ "deletionPolicy": "Delete" }),
        )
        .await;
        label_origin(&scene, &declared, "coderd").await;
        for object in [&ours, &declared] {
            bind(&scene, object).await;
            set_finalizers(&scene, object, &[FINALIZER, OTHER]).await;
        }
        // What has no twin has nothing to lose.
        let unbound = made(
            &scene,
            kind,
            "unbound",
            json!({ "deletionPolicy": "Delete" }),
        )
        .await;
        for object in [&ours, &declared, &unbound] {
            let told = try_delete(&scene, object, &[]).await;
            assert!(told.is_nothing(), "{object}: {told:?}");
        }
        assert!(scene.object(&unbound).await.is_none());

        // Once the controller has let go, a second delete is not too soon, whatever holds it up.
        set_finalizers(&scene, &declared, &[OTHER]).await;
        let told = try_delete(&scene, &declared, &[]).await;
        assert!(told.is_nothing(), "{told:?}");
        for object in [&ours, &declared] {
            set_finalizers(&scene, object, &[]).await;
            scene.until_gone(object).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_comes_before_its_policy_is_in_effect_is_refused() {
    let scene = guarded("hasty").await;
    for kind in ["cws", "ctpl"] {
        let object = made(&scene, kind, "hasty", json!({ "deletionPolicy": "Delete" })).await;
        bind(&scene, &object).await;
        set_finalizers(&scene, &object, &[OTHER]).await;
        let told = try_delete(&scene, &object, &[]).await;
        let refusal = told.refusal.unwrap_or_default();
        assert!(
            refusal.contains("which is not in effect yet: try again in a moment"),
            "{refusal}"
        );
        assert!(
            refusal.contains("set spec.deletionPolicy: Retain"),
            "the exit is not named: {refusal}"
        );
        let seen = scene.object(&object).await.unwrap();
        assert!(seen["metadata"]["deletionTimestamp"].is_null(), "{seen}");

        // The controller itself has to be able to let go of what is lost.
        let controller = format!("--as=system:serviceaccount:{}:coder-k8s", scene.namespace);
        let group = format!("--as-group=system:serviceaccounts:{}", scene.namespace);
        let all = "--as-group=system:masters";
        let flags = [controller.as_str(), group.as_str(), all, "--dry-run=server"];
        let told = try_delete(&scene, &object, &flags).await;
        assert!(told.is_nothing(), "{told:?}");

        // The exit that the text names.
        set_finalizers(&scene, &object, &[]).await;
        scene
            .patch(&object, json!({ "deletionPolicy": "Retain" }))
            .await;
        let told = try_delete(&scene, &object, &[]).await;
        assert!(told.warning.is_some() && told.refusal.is_none(), "{told:?}");
        assert!(scene.object(&object).await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_controllers_of_kubernetes_meet_no_policy() {
    let scene = guarded("system").await;
    let mut objects = Vec::new();
    for kind in ["cws", "ctpl"] {
        for policy in ["Delete", "Retain"] {
            let part = policy.to_lowercase();
            let object = made(&scene, kind, &part, json!({ "deletionPolicy": policy })).await;
            bind(&scene, &object).await;
            assert!(is_free(&scene.object(&object).await.unwrap()));
            let told = try_delete(&scene, &object, &["--dry-run=server"]).await;
            assert!(!told.is_nothing(), "people are told: {object}");
            for controller in ["generic-garbage-collector", "namespace-controller"] {
                let account = format!("--as=system:serviceaccount:kube-system:{controller}");
                let told = try_delete(&scene, &object, &[&account, "--dry-run=server"]).await;
                assert!(told.is_nothing(), "{controller}, {object}: {told:?}");
            }
            // Whoever else is in kube-system is told as people are.
            let other = [
                "--as=system:serviceaccount:kube-system:backup",
                "--as-group=system:serviceaccounts:kube-system",
                "--as-group=system:masters",
                "--dry-run=server",
            ];
            let told = try_delete(&scene, &object, &other).await;
            assert!(!told.is_nothing(), "{object}");
            objects.push(object);
        }
    }

    // So a namespace can be removed, whatever its objects declare.
    let namespace = ["delete", "namespace", &scene.namespace, "--timeout=80s"];
    scene.kubectl(&namespace).await;
    for object in &objects {
        assert!(scene.object(object).await.is_none(), "{object}");
    }
}
