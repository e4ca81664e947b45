//! Several Coders, each found by its `CoderControlPlane`.

mod one;
mod outage;
mod two;

use serde_json::{Value, json};
use testbed::{Bed, Proxy};

use super::{
    object::{condition, reason},
    scene::Scene,
};

/// A scene whose controller imports nothing, watches `namespaces` besides its own, and looks for control planes.
pub async fn discovering(test: &str, others: &[&Scene], import: &str) -> Scene {
    let mut scene = Scene::idle(Bed::shared().unwrap(), test, &[import]).await;
    let own = scene.namespace.clone();
    let mut namespaces = vec![own.as_str()];
    for other in others {
        namespaces.push(&other.namespace);
        // The rights that its own account has there.
        let account = format!("--serviceaccount={own}:coder-k8s");
        let role = "--role=coder-k8s-sync";
        other
            .kubectl(&["create", "rolebinding", "coder-k8s-other", role, &account])
            .await;
    }
    scene.watch(&namespaces);
    scene.start_controller().await;
    scene
}

impl Scene {
    /// Applies a control plane without a status.
    async fn announce(&self, name: &str) {
        self.apply(&json!({
            "apiVersion": "coder.com/v1alpha1",
            "kind": "CoderControlPlane",
            "metadata": { "name": name },
        }))
        .await;
    }

    /// Sets the status of a control plane, as its operator does.
    async fn report(&self, name: &str, status: &Value) {
        let patch = json!({ "status": status }).to_string();
        let arguments = [
            "patch",
            "ccp",
            name,
            "--subresource=status",
            "--type=merge",
            "-p",
            &patch,
        ];
        self.kubectl(&arguments).await;
    }

    /// Keeps `token` in the Secret of a control plane.
    async fn keep_token(&self, name: &str, token: &str) {
        self.apply(&json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": secret(name) },
            "stringData": { "token": token },
        }))
        .await;
    }

    /// Makes a control plane with access to the coderd behind `proxy`.
    async fn control_plane(&self, name: &str, proxy: &Proxy, token: &str) {
        self.control_plane_at(name, &proxy.url(), token).await;
    }

    /// Makes a control plane with access to the coderd at `url`.
    pub async fn control_plane_at(&self, name: &str, url: &str, token: &str) {
        self.announce(name).await;
        self.keep_token(name, token).await;
        self.report(name, &access(name, url)).await;
    }
}

fn secret(control_plane: &str) -> String {
    format!("{control_plane}-operator-token")
}

/// The status of a control plane with access.
fn access(name: &str, url: &str) -> Value {
    json!({
        "url": url, "phase": "Ready", "operatorAccessReady": true,
        "operatorTokenSecretRef": { "name": secret(name), "key": "token" },
    })
}

/// Whether nothing is known of coderd, for this reason.
fn is_unknown(object: &Value, why: &str) -> bool {
    condition(object, "Synced") == "Unknown" && reason(object, "Synced") == why
}
