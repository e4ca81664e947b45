//! The order of the checks.

use super::*;
use crate::sync::stage::golden::{self, Trigger};

/// What makes each check decide about an imported object at rest.
const TRIGGERS: [Trigger<CoderWorkspace>; 20] = [
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
        scene.own.site = Some(site());
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
            .edit(USER, "automaticUpdates", Some(json!("always")));
    }),
    ("parameters", |scene| {
        declare(scene, "ram", "8");
    }),
    ("fields", |scene| {
        scene.stored.edit(USER, "ttlMillis", Some(json!(60_000)));
    }),
    ("run_state", |scene| {
        scene.stored.edit(USER, "running", Some(json!(false)));
    }),
    ("mirror", |scene| {
        if let External::Present(external) = &mut scene.external {
            external.ttl_millis = Some(3_600_000);
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
    ("next_start", |scene| {
        declare(scene, "cpu", "8");
    }),
    ("autostart", |scene| {
        let schedule = "CRON_TZ=UTC 0 9 * * *";
        scene
            .stored
            .edit(USER, "autostartSchedule", Some(json!(schedule)));
        scene.stored.edit(USER, "running", Some(json!(false)));
        scene.stored.status["sync"] = json!({"run": {"wanted": false, "buildNumber": 1}});
        if let External::Present(external) = &mut scene.external {
            external.autostart_schedule = Some(schedule.to_owned());
            external.build = build(1, Transition::Stop, Job::Succeeded);
            external.is_unfit_to_autostart = true;
        }
    }),
];

/// A parameter is declared; the template has one called cpu, which is 4.
fn declare(scene: &mut Scene, name: &str, value: &str) {
    let parameters = json!([{"name": name, "value": value}]);
    scene.stored.edit(USER, "parameters", Some(parameters));
    if let External::Present(external) = &mut scene.external {
        external.parameters = BTreeMap::from([("cpu".to_owned(), "4".to_owned())]);
        external.known_parameters = Some(vec![parameter("cpu", false)]);
    }
}

/// These checks take no step.
const SAY: [&str; 5] = [
    "not_supported",
    "parameters",
    "other_name",
    "next_start",
    "autostart",
];

/// What is leaving has no first status, what somebody declares or made is not removed, and what is asleep
/// already is neither put to sleep nor waits for its next start.
const APART: [(&str, &str); 11] = [
    ("first_status", "delete"),
    ("renamed", "not_supported"),
    ("renamed", "parameters"),
    ("renamed", "fields"),
    ("renamed", "run_state"),
    ("renamed", "other_name"),
    ("renamed", "next_start"),
    ("renamed", "autostart"),
    ("finalizer", "other_name"),
    ("run_state", "autostart"),
    ("next_start", "autostart"),
];

#[test]
fn the_checks_are_asked_in_this_order() {
    golden::holds(&Scene::imported(), &TRIGGERS, &SAY, &APART);
}
