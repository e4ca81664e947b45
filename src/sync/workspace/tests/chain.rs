//! The order of the checks.

use super::*;
use crate::sync::testing::order::{self, Trigger};

/// What makes each check decide about an imported object at rest.
const TRIGGERS: [Trigger<CoderWorkspace>; 22] = [
    ("first_status", |scenario| {
        scenario.stored.status["conditions"] = json!([]);
    }),
    ("record_refusals", |scenario| {
        let refusal =
            scenario.look(|context| context.deployment.digest_key.refusal("icon", None, "no"));
        scenario.refused = vec![refusal];
    }),
    ("delete", |scenario| {
        scenario.stored.has_finalizer = true;
        scenario.stored.delete();
    }),
    ("stale_claim", |scenario| {
        let policy = json!({"deletionPolicy": "Delete"});
        let policy = policy.as_object().unwrap();
        scenario.stored.apply(MANAGER_SHIM, policy, false).unwrap();
        scenario.kube_now = Some(at("11:00:00"));
    }),
    ("paused", |scenario| {
        scenario.stored.annotate(names::ANNOTATION_PAUSED, "true");
    }),
    ("unknown", |scenario| {
        scenario.external = External::Unknown(failure());
    }),
    ("adopt", |scenario| {
        let status = scenario.stored.status.as_object_mut().unwrap();
        status.remove("binding");
        scenario.own.site = Some(site());
    }),
    ("lost", |scenario| scenario.external = External::Gone),
    ("read_only", |scenario| scenario.read_only = Some(failure())),
    ("renamed", |scenario| {
        if let External::Present(external) = &mut scenario.external {
            external.name = "new".to_owned();
        }
    }),
    ("origin_label", |scenario| scenario.stored.labels.clear()),
    ("finalizer", |scenario| scenario.stored.has_finalizer = true),
    ("not_supported", |scenario| {
        scenario
            .stored
            .edit(USER, "automaticUpdates", Some(json!("always")));
    }),
    ("version", |scenario| {
        let pin = id("other").to_string();
        scenario
            .stored
            .edit(USER, "templateVersionID", Some(json!(pin)));
        scenario.own.pinned = Some(PinnedVersion {
            template_id: None,
            ..pin::version()
        });
    }),
    ("parameters", |scenario| {
        declare(scenario, "ram", "8");
    }),
    ("ephemeral", |scenario| {
        scenario.stored.status["sync"]["ephemeral"] = json!([{
            "name": "cpu", "digest": "", "buildNumber": 1, "isSent": true,
        }]);
    }),
    ("fields", |scenario| {
        scenario.stored.edit(USER, "ttlMillis", Some(json!(60_000)));
    }),
    ("run_state", |scenario| {
        scenario.stored.edit(USER, "running", Some(json!(false)));
    }),
    ("mirror", |scenario| {
        if let External::Present(external) = &mut scenario.external {
            external.ttl_millis = Some(3_600_000);
        }
    }),
    ("other_name", |scenario| {
        // Nobody removes it: it was made here.
        scenario.stored.status["binding"]["origin"] = json!("kubernetes");
        scenario.stored.label(Origin::Kubernetes);
        scenario.stored.has_finalizer = true;
        if let External::Present(external) = &mut scenario.external {
            external.name = "new".to_owned();
        }
    }),
    ("next_start", |scenario| {
        declare(scenario, "cpu", "8");
    }),
    ("autostart", |scenario| {
        let schedule = "CRON_TZ=UTC 0 9 * * *";
        scenario
            .stored
            .edit(USER, "autostartSchedule", Some(json!(schedule)));
        scenario.stored.edit(USER, "running", Some(json!(false)));
        scenario.stored.status["sync"] = json!({"run": {"wanted": false, "buildNumber": 1}});
        if let External::Present(external) = &mut scenario.external {
            external.autostart_schedule = Some(schedule.to_owned());
            external.build = build(1, Transition::Stop, Job::Succeeded);
            external.is_unfit_to_autostart = true;
        }
    }),
];

/// A parameter is declared; the template has one called cpu, which is 4.
fn declare(scenario: &mut Scenario, name: &str, value: &str) {
    let parameters = json!([{"name": name, "value": value}]);
    scenario.stored.edit(USER, "parameters", Some(parameters));
    if let External::Present(external) = &mut scenario.external {
        external.parameters = values(&[("cpu", "4")]);
        external.known_parameters = Some(vec![parameter("cpu", false)]);
    }
}

/// These checks take no step.
const SAY: [&str; 6] = [
    "not_supported",
    "version",
    "parameters",
    "other_name",
    "next_start",
    "autostart",
];

/// What is leaving has no first status, what somebody declares or made is not removed, and what is asleep
/// already is neither put to sleep nor waits for its next start.
const APART: [(&str, &str); 12] = [
    ("first_status", "delete"),
    ("renamed", "not_supported"),
    ("renamed", "version"),
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
    order::holds(&Scenario::imported(), &TRIGGERS, &SAY, &APART);
}
