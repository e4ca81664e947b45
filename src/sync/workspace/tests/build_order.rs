//! Builds that wait for a place.

use super::*;
use crate::sync::rules::build_limit::{BuildOrder, Queued};

/// A start, a stop, a creation and a deletion, ordered and about to be requested.
fn orders() -> [Scenario; 4] {
    let ordered = |runs: bool| {
        Scenario::declared(&json!({"templateName": "go", "running": !runs}))
            .change(|scenario| {
                scenario.stored.status["latestBuildNumber"] = json!(1);
                scenario.stored.status["sync"]["run"] = json!({
                    "wanted": !runs, "buildNumber": 2, "orderedAt": "2026-11-21T09:30:00Z",
                });
            })
            .external(|external| {
                external.build = build(1, Transition::towards(runs), Job::Succeeded);
            })
    };
    let deleted = Scenario::declared(&json!({"templateName": "go"})).change(|scenario| {
        scenario.stored.delete();
        scenario.stored.status["sync"]["deletion"] = json!({
            "attempts": 1, "buildNumber": 2, "orderedAt": "2026-11-21T09:30:00Z",
        });
    });
    let created = Scenario::new(&json!({"templateName": "go"})).attempted("09:30:00");
    [ordered(false), ordered(true), created, deleted]
}

#[test]
fn each_build_has_the_place_of_its_record() {
    for (number, scenario) in orders().into_iter().enumerate() {
        let step = scenario.step();
        assert!(matches!(step.action, Action::Do(_)), "{:?}", step.action);
        let order = BuildOrder {
            ordered_at: at("09:30:00"),
            deletes: number == 3,
        };
        assert_eq!(step.begins_build, Some(order), "{number}");
    }
    let setting = Scenario::declared(&json!({"templateName": "go", "ttlMillis": 60_000}));
    assert_eq!(setting.changed(), ["ttlMillis"]);
    assert_eq!(setting.step().begins_build, None);
}

#[test]
fn who_has_no_place_waits_and_says_so() {
    let queued = Some(Queued {
        most: 20,
        ahead: 37,
    });
    for scenario in orders() {
        let scenario = scenario.change(|scenario| scenario.queued = queued);
        assert_eq!(scenario.waits().0, Reason::BuildQueued);
        let message = scenario.message();
        assert!(
            message.contains("20 builds") && message.contains("37 others"),
            "{message}"
        );
    }
}

#[test]
fn a_refused_build_that_is_asked_for_again_is_sent_when_its_place_comes() {
    for scenario in orders() {
        let effect = scenario.effect();
        let refused = scenario.refusing(&effect, "no");
        let refused = if matches!(effect, Effect::Create(_)) {
            refused.attempted("09:30:00")
        } else {
            refused
        };
        assert!(matches!(refused.action(), Action::Rest(_)));
        let asked = refused.annotated(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
        let queued = Some(Queued { most: 1, ahead: 0 });
        let waiting = asked.change(|scenario| scenario.queued = queued);
        assert_eq!(waiting.waits().0, Reason::BuildQueued);
        let placed = waiting.rested().change(|scenario| scenario.queued = None);
        assert_eq!(placed.effect(), effect);
    }
}

#[test]
fn the_line_is_known_from_the_records() {
    let at = "2026-11-21T09:30:00Z";
    let run = |number: i64| json!({"wanted": true, "buildNumber": number, "orderedAt": at});
    let deletion = json!({"attempts": 1, "buildNumber": 3, "orderedAt": at});
    for (status, expected) in [
        (
            json!({"sync": {"attempt": {"requestedAt": at}, "run": run(1)}}),
            Some(false),
        ),
        (
            json!({"latestBuildNumber": 1, "sync": {"run": run(2)}}),
            Some(false),
        ),
        (
            json!({"latestBuildNumber": 2, "sync": {"run": run(2)}}),
            None,
        ),
        (
            json!({"latestBuildNumber": 1, "sync": {"run": {"wanted": true, "buildNumber": 2}}}),
            None,
        ),
        (
            json!({"latestBuildNumber": 2, "sync": {"run": run(2), "deletion": deletion}}),
            Some(true),
        ),
        (
            json!({"latestBuildNumber": 3, "sync": {"run": run(2), "deletion": deletion}}),
            None,
        ),
        (json!({}), None),
    ] {
        let read: WorkspaceStatus = serde_json::from_value(status.clone()).unwrap();
        let found = crate::sync::workspace::build_order::unsent(&read);
        assert_eq!(found.map(|order| order.deletes), expected, "{status}");
    }
}

#[test]
fn who_waits_to_be_started_follows_coder_meanwhile() {
    let [start, ..] = orders();
    let scenario = start.change(|scenario| {
        scenario.queued = Some(Queued { most: 1, ahead: 0 });
        if let External::Present(external) = &mut scenario.external {
            external.ttl_millis = Some(3_600_000);
        }
    });
    let Write::ApplySpec { fields, .. } = scenario.write() else {
        panic!("{:?}", scenario.action())
    };
    assert_eq!(fields["ttlMillis"], 3_600_000);
}
