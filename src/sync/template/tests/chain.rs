//! The order of the checks.

use super::*;
use crate::api::names::MANAGER_SHIM;
use crate::sync::stage::golden::{self, Trigger};

/// What makes each check decide about an imported object at rest.
const TRIGGERS: [Trigger<CoderTemplate>; 17] = [
    ("first_status", |scene| {
        scene.stored.status["conditions"] = json!([]);
    }),
    ("record_refusals", |scene| {
        let refusal =
            scene.look(|context| context.deployment.digest_key.refusal("icon", None, "no"));
        scene.refused = vec![refusal];
    }),
    ("delete", |scene| {
        scene.stored.has_finalizer = true;
        scene.stored.delete();
    }),
    ("stale_claim", |scene| {
        let policy = json!({"deletionPolicy": "Delete"});
        let policy = policy.as_object().unwrap();
        scene.stored.apply(MANAGER_SHIM, policy, false).unwrap();
        scene.kube_now = Some(at("11:00:00"));
    }),
    ("paused", |scene| {
        scene.stored.annotate(names::ANNOTATION_PAUSED, "true");
    }),
    ("unknown", |scene| {
        scene.external = External::Unknown(failure());
    }),
    ("adopt", |scene| {
        let status = scene.stored.status.as_object_mut().unwrap();
        status.remove("binding");
        scene.own.organization = Some(Spelling::Canonical);
    }),
    ("lost", |scene| scene.external = External::Gone),
    ("read_only", |scene| scene.read_only = Some(failure())),
    ("renamed", |scene| {
        if let External::Present(external) = &mut scene.external {
            external.name = "new".to_owned();
        }
    }),
    ("origin_label", |scene| scene.stored.labels.clear()),
    ("finalizer", |scene| scene.stored.has_finalizer = true),
    ("not_supported", |scene| {
        scene
            .stored
            .edit(USER, "deprecationMessage", Some(json!("old")));
    }),
    ("fields", |scene| {
        scene.stored.edit(USER, "icon", Some(json!("/go.png")));
    }),
    ("version", |scene| {
        scene.stored.edit(USER, "files", Some(files("a")));
        scene.own.active = Some(content("b"));
    }),
    ("mirror", |scene| {
        if let External::Present(external) = &mut scene.external {
            external.description = "for Go".to_owned();
        }
    }),
    ("other_name", |scene| {
        // Nobody removes it: it was made here.
        scene.stored.status["binding"]["origin"] = json!("kubernetes");
        scene.stored.label(Origin::Kubernetes);
        scene.stored.has_finalizer = true;
        if let External::Present(external) = &mut scene.external {
            external.name = "new".to_owned();
        }
    }),
];

/// These checks take no step.
const SAY: [&str; 2] = ["not_supported", "other_name"];

/// What is leaving has no first status, and what somebody declares or made is not removed.
const APART: [(&str, &str); 6] = [
    ("first_status", "delete"),
    ("renamed", "not_supported"),
    ("renamed", "fields"),
    ("renamed", "version"),
    ("renamed", "other_name"),
    ("finalizer", "other_name"),
];

#[test]
fn the_checks_are_asked_in_this_order() {
    golden::holds(&Scene::imported(), &TRIGGERS, &SAY, &APART);
}
