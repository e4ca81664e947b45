//! Autostop and autostart that are stored and not in effect.

use super::*;
use crate::sync::fields::rule;

const HOUR: i64 = 3_600_000;

/// A workspace that runs since 10:00:00, with this autostop and deadline.
fn runs(ttl_millis: Option<i64>, deadline: Option<&str>) -> impl FnOnce(&mut Workspace) {
    let deadline = deadline.map(at);
    move |external| {
        external.ttl_millis = ttl_millis;
        external.deadline = deadline;
        external.build.ended_at = Some(at("10:00:00"));
    }
}

/// `scenario` where the workspace runs like that, and `spec` mirrors it.
fn mirrored(scenario: Scenario, ttl_millis: Option<i64>, deadline: Option<&str>) -> Scenario {
    let value = ttl_millis.and_then(rule::canonical_ttl).map(Value::from);
    scenario
        .external(runs(ttl_millis, deadline))
        .change(|scenario| scenario.stored.edit(MANAGER_CODERD, "ttlMillis", value))
}

/// The object as it is after a look.
fn looked_at(scenario: Scenario) -> Scenario {
    let status = scenario.rest();
    scenario.change(|scenario| scenario.stored.set_status(&status))
}

fn ready(scenario: &Scenario) -> Condition {
    scenario
        .rest()
        .condition(ConditionType::Ready)
        .unwrap()
        .clone()
}

/// What is said of autostop or autostart of an object that is Ready.
fn notice(scenario: &Scenario) -> Option<String> {
    let ready = ready(scenario);
    assert_eq!(ready.status, "True", "{ready:?}");
    let (_, notice) = ready.message.split_once("; ")?;
    Some(notice.to_owned())
}

#[test]
fn a_ttl_that_the_deadline_was_not_made_from_is_effective_with_the_next_start() {
    let started = looked_at(mirrored(Scenario::imported(), Some(HOUR), Some("11:00:20")));
    assert_eq!(started.stored.status["sync"]["run"]["ttlMillis"], HOUR);
    assert_eq!(notice(&started), None);
    let said = "ttlMillis 7200000 is effective with the next start; until then it is stopped at \
                2026-11-21T11:00:20Z";
    let changed = mirrored(started.clone(), Some(2 * HOUR), Some("11:00:20"));
    assert_eq!(notice(&changed).as_deref(), Some(said));
    // Nor does that pass with time, with use that costs no write, or by a restart of the controller.
    let later = mirrored(looked_at(changed), Some(2 * HOUR), Some("11:04:00"));
    assert_eq!(notice(&later).as_deref(), Some(said));
    assert_eq!(later.rest(), looked_at(later.clone()).rest());
    // Put back, it is in effect again; and so it is after a start.
    assert_eq!(
        notice(&mirrored(later.clone(), Some(HOUR), Some("11:00:20"))),
        None
    );
    let restarted = later.external(|external| {
        runs(Some(2 * HOUR), Some("12:00:05"))(external);
        external.build = foreign(3, Transition::Start, Job::Succeeded);
        external.build.ended_at = Some(at("10:00:00"));
    });
    let status = restarted.rest();
    assert_eq!(status.sync.unwrap().run.unwrap().ttl_millis, Some(2 * HOUR));
    let message = &status.conditions[0].message;
    assert_eq!(message, "running since build 3");
}

#[test]
fn a_ttl_without_a_deadline_is_effective_with_the_next_start() {
    let scenario = Scenario::declared(&json!({"templateName": "go", "ttlMillis": HOUR}));
    let scenario = scenario.external(runs(Some(HOUR), None));
    let said = "ttlMillis 3600000 is effective with the next start; until then it is not stopped by itself";
    assert_eq!(notice(&scenario).as_deref(), Some(said));
    assert_eq!(scenario.action(), Action::Rest(None));
    // A start is shown without its deadline for a moment.
    let fresh = scenario.change(|scenario| scenario.own.stable_for = Duration::from_secs(2));
    assert_eq!(notice(&fresh), None);
    assert_eq!(fresh.action(), Action::Rest(Some(Duration::from_secs(3))));
}

#[test]
fn a_deadline_that_was_moved_is_no_change_of_ttl() {
    let started = looked_at(mirrored(Scenario::imported(), Some(HOUR), Some("11:00:00")));
    let used = looked_at(mirrored(started, Some(HOUR), Some("15:00:00")));
    assert_eq!(notice(&used), None);
    // Nothing is known of a start that was not seen before its deadline moved.
    let late = looked_at(mirrored(Scenario::imported(), Some(HOUR), Some("15:00:00")));
    assert_eq!(late.stored.status["sync"]["run"].get("ttlMillis"), None);
    let changed = mirrored(late, Some(2 * HOUR), Some("15:00:00"));
    assert_eq!(notice(&changed), None);
}

#[test]
fn nothing_is_said_of_autostop_that_is_off_nor_of_a_workspace_that_is_stopped() {
    let started = looked_at(mirrored(Scenario::imported(), Some(HOUR), Some("11:00:00")));
    assert_eq!(notice(&mirrored(started.clone(), None, None)), None);
    // Less than a minute is none.
    assert_eq!(notice(&mirrored(started, Some(59_999), None)), None);
    let stopped = mirrored(Scenario::imported(), Some(HOUR), None)
        .external(|external| {
            runs(Some(HOUR), None)(external);
            external.build = foreign(2, Transition::Stop, Job::Succeeded);
        })
        .change(|scenario| {
            scenario.stored.status["sync"]["run"] = json!({"wanted": false, "buildNumber": 2});
            let running = Some(json!(false));
            scenario.stored.edit(MANAGER_CODERD, "running", running);
        });
    assert_eq!(notice(&stopped), None);
}

const SCHEDULE: &str = "CRON_TZ=UTC 30 9 * * 1-5";

/// A stopped workspace that is to start at 09:30:00, looked at 10:00:00.
fn sleeps(external: &mut Workspace) {
    external.build = foreign(2, Transition::Stop, Job::Succeeded);
    external.autostart_schedule = Some(SCHEDULE.to_owned());
    external.next_start_at = Some(at("09:30:00"));
}

/// An object of that workspace, which declares `spec` besides.
fn asleep(spec: &Value, change: impl FnOnce(&mut Workspace)) -> Scenario {
    let mut declared = json!({"templateName": "go", "running": false});
    declared
        .as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    Scenario::declared(&declared)
        .change(|scenario| {
            scenario.stored.status["sync"]["run"] = json!({"wanted": false, "buildNumber": 2});
            if spec.get("autostartSchedule").is_none() {
                scenario
                    .stored
                    .edit(MANAGER_CODERD, "autostartSchedule", Some(json!(SCHEDULE)));
            }
        })
        .external(|external| {
            sleeps(external);
            change(external);
        })
}

#[test]
fn a_declared_autostart_that_does_not_come_is_blocked() {
    let declared = json!({"autostartSchedule": SCHEDULE});
    let blocked = |scenario: &Scenario| {
        let ready = ready(scenario);
        let stalled = scenario.rest().condition(ConditionType::Stalled).cloned();
        (ready.status == "False" && stalled.is_some()).then_some((ready.reason, ready.message))
    };
    let missed = asleep(&declared, |_| {});
    let (reason, message) = blocked(&missed).unwrap();
    assert_eq!(reason, "AutostartBlocked");
    assert!(message.starts_with("autostart was due at 2026-11-21T09:30:00Z and did not come"));
    let unfit = |external: &mut Workspace| {
        external.is_unfit_to_autostart = true;
        external.next_start_at = Some(at("12:00:00"));
    };
    let (reason, message) = blocked(&asleep(&declared, unfit)).unwrap();
    assert_eq!(reason, "AutostartBlocked");
    assert!(message.contains("a value that the active version of template go does not take"));
    // What is not enforced holds nothing up, and is told all the same.
    for spec in [
        json!({}),
        json!({"autostartSchedule": SCHEDULE, "driftPolicy": "Observe"}),
    ] {
        for change in [unfit, |_: &mut Workspace| {}] {
            let told = asleep(&spec, change);
            assert!(notice(&told).unwrap().starts_with("autostart "), "{spec}");
        }
    }
}

#[test]
fn an_autostart_that_may_still_come_is_not_missed() {
    let declared = json!({"autostartSchedule": SCHEDULE});
    for (what, change) in [
        (
            "off",
            (|external| external.next_start_at = None) as fn(&mut Workspace),
        ),
        ("not due", |external| {
            external.next_start_at = Some(at("12:00:00"));
        }),
        ("due", |external| {
            external.next_start_at = Some(at("09:55:01"));
        }),
        ("dormant", |external| {
            external.dormant_at = Some(at("09:00:00"));
        }),
    ] {
        assert_eq!(notice(&asleep(&declared, change)), None, "{what}");
    }
    let runs = Scenario::declared(&declared).external(|external| {
        sleeps(external);
        external.build = build(1, Transition::Start, Job::Succeeded);
    });
    assert_eq!(notice(&runs), None);
}

#[test]
fn whether_an_autostart_came_is_looked_at_once_five_minutes_after_it_was_due() {
    let wait = |due: &str| {
        let due = at(due);
        asleep(&json!({}), move |external| {
            external.next_start_at = Some(due);
        })
        .action()
    };
    assert_eq!(
        wait("12:00:00"),
        Action::Rest(Some(Duration::from_secs(2 * 3600 + 300)))
    );
    assert_eq!(
        wait("09:59:00"),
        Action::Rest(Some(Duration::from_secs(240)))
    );
    assert_eq!(wait("09:55:00"), Action::Rest(None));
    assert_eq!(wait("09:00:00"), Action::Rest(None));
}
