//! The order of the checks.

use super::*;
use crate::sync::stage::golden::{self, Trigger};

/// What makes each check decide about an imported object at rest.
const TRIGGERS: [Trigger<CoderWorkspace>; 15] = [
    ("first_status", |scene| {
        scene.stored.status["conditions"] = json!([]);
    }),
    ("record_refusals", |scene| {
        let refusal = scene.look(|context| context.session.digest_key.refusal("icon", None, "no"));
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
    ("unknown", |scene| scene.twin = Twin::Unknown(cause())),
    ("adopt", |scene| {
        let status = scene.stored.status.as_object_mut().unwrap();
        status.remove("binding");
        scene.own.site = Some(site());
    }),
    ("lost", |scene| scene.twin = Twin::Gone),
    ("read_only", |scene| scene.read_only = Some(cause())),
    ("renamed", |scene| {
        if let Twin::Present(twin) = &mut scene.twin {
            twin.name = "new".to_owned();
        }
    }),
    ("origin_label", |scene| scene.stored.labels.clear()),
    ("finalizer", |scene| scene.stored.has_finalizer = true),
    ("fields", |scene| {
        scene.stored.edit(USER, "ttlMillis", Some(json!(60_000)));
    }),
    ("advance", |scene| {
        scene.stored.edit(USER, "running", Some(json!(false)));
    }),
    ("mirror", |scene| {
        if let Twin::Present(twin) = &mut scene.twin {
            twin.autostart_schedule = Some("CRON_TZ=UTC 0 9 * * *".to_owned());
        }
    }),
];

/// What is leaving has no first status, and what somebody declares is not removed.
const APART: [(&str, &str); 3] = [
    ("first_status", "delete"),
    ("renamed", "fields"),
    ("renamed", "advance"),
];

#[test]
fn the_checks_are_asked_in_this_order() {
    golden::holds(&Scene::imported(), &TRIGGERS, &APART);
}
