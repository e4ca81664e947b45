//! The status: conditions, and records that survive every path.

use super::*;
use crate::sync::{
    chain::{self, Planned},
    conditions::ConditionSet,
    rules::guard::{self, Patience},
    status as shared,
};

fn scenarios() -> Vec<Scenario> {
    let spec = json!({"templateName": "go", "running": true, "ttlMillis": 60_000});
    let bare = json!({"templateName": "go"});
    let observe = json!({"templateName": "go", "ttlMillis": 60_000, "driftPolicy": "Observe"});
    let paused = |scenario: Scenario| {
        scenario.change(|scenario| scenario.stored.annotate(names::ANNOTATION_PAUSED, "true"))
    };
    let mut scenario = vec![
        Scenario::new(&spec),
        Scenario::new(&spec).change(|scenario| scenario.stored.status = testing::unwritten()),
        Scenario::new(&spec).attempted("10:00:00"),
        Scenario::new(&spec).attempted("10:00:00").unknown(),
        Scenario::new(&bare).change(|scenario| scenario.stored.label(Origin::Coderd)),
        Scenario::new(&spec).external(|_| {}),
        Scenario::new(&json!({})),
        Scenario::imported(),
        Scenario::imported().gone(),
        Scenario::declared(&bare).gone(),
        Scenario::declared(&spec).unknown(),
        paused(Scenario::declared(&spec)),
        Scenario::declared(&observe),
        Scenario::declared(&spec),
        Scenario::declared(&spec).change(|scenario| scenario.stored.delete()),
        Scenario::declared(&spec)
            .unknown()
            .change(|scenario| scenario.stored.delete()),
        Scenario::declared(&bare).external(|external| external.name = "new".to_owned()),
        Scenario::declared(&bare).change(|scenario| scenario.read_only = Some(failure())),
    ];
    for transition in [
        Transition::Start,
        Transition::Stop,
        Transition::Delete,
        Transition::Other,
    ] {
        for job in [Job::Active, Job::Succeeded, Job::Failed, Job::Canceled] {
            let at_build = |external: &mut Workspace| external.build = foreign(2, transition, job);
            scenario.push(Scenario::imported().external(at_build));
            scenario.push(Scenario::declared(&bare).external(at_build));
            scenario.push(
                Scenario::declared(&bare)
                    .external(at_build)
                    .change(|it| it.own.stable_for = Duration::ZERO),
            );
        }
    }
    scenario
}

/// The status of `scenario` once no step is left, with that conditions.
fn resting(scenario: &Scenario, conditions: &ConditionSet) -> WorkspaceStatus {
    scenario.look(|context| {
        let report = shared::report(context, context.records(), conditions);
        CoderWorkspace::complete_status(context, report)
    })
}

#[test]
fn ready_synced_and_what_they_speak_of_are_always_there() {
    for scenario in scenarios() {
        let status = scenario.status();
        for kind in [ConditionType::Ready, ConditionType::Synced] {
            assert!(status.condition(kind).is_some(), "{kind:?} of {scenario:?}");
        }
        for condition in &status.conditions {
            assert_eq!(
                condition.observed_generation,
                Some(scenario.stored.generation),
                "{scenario:?}"
            );
            assert!(!condition.reason.is_empty(), "{scenario:?}");
        }
        let mut kinds: Vec<_> = status.conditions.iter().map(|it| &it.type_).collect();
        kinds.sort();
        kinds.dedup();
        assert_eq!(kinds.len(), status.conditions.len(), "{scenario:?}");
    }
}

#[test]
fn reconciling_and_stalled_are_never_there_together_nor_besides_ready() {
    for scenario in scenarios() {
        let status = scenario.status();
        let holds = |kind| status.condition(kind).map(|it| it.status == "True");
        let (reconciling, stalled) = (
            holds(ConditionType::Reconciling),
            holds(ConditionType::Stalled),
        );
        assert!(reconciling.is_none() || stalled.is_none(), "{scenario:?}");
        assert!(
            reconciling != Some(false) && stalled != Some(false),
            "{scenario:?}"
        );
        if stalled.is_some() {
            assert_ne!(holds(ConditionType::Ready), Some(true), "{scenario:?}");
        }
    }
}

#[test]
fn the_control_plane_is_recorded_and_kept_where_none_is_known() {
    let control_plane = |scenario: &Scenario| {
        let conditions = ConditionSet::unknown(&failure());
        resting(scenario, &conditions).control_plane
    };
    let scenario = Scenario::new(&json!({"templateName": "go"}));
    assert_eq!(control_plane(&scenario).as_deref(), Some("coder"));
    let homeless = scenario.change(|scenario| scenario.control_plane = None);
    assert_eq!(control_plane(&homeless), None);
    let recorded =
        homeless.change(|scenario| scenario.stored.status["controlPlane"] = json!("other"));
    assert_eq!(control_plane(&recorded).as_deref(), Some("other"));
}

#[test]
fn no_path_forgets_a_binding_a_run_or_an_attempt() {
    for scenario in scenarios() {
        let before: WorkspaceStatus =
            serde_json::from_value(scenario.stored.status.clone()).unwrap_or_default();
        // At rest, and where an effect failed.
        for conditions in [
            scenario.step().conditions,
            ConditionSet::unknown(&failure()),
        ] {
            let after = resting(&scenario, &conditions);
            assert_eq!(after.binding, before.binding, "{scenario:?}");
            let (old, new) = (
                before.sync.clone().unwrap_or_default(),
                after.sync.unwrap_or_default(),
            );
            assert_eq!(new.run, old.run, "{scenario:?}");
            assert_eq!(new.attempt, old.attempt, "{scenario:?}");
            assert_eq!(new.deletion, old.deletion, "{scenario:?}");
        }
    }
}

#[test]
fn a_status_at_rest_is_the_same_at_the_next_look() {
    for scenario in scenarios() {
        let first = resting(&scenario, &scenario.step().conditions);
        let mut next = scenario.clone();
        next.stored.set_status(&first);
        next.now = at("11:00:00");
        let read: WorkspaceStatus = serde_json::from_value(next.stored.status.clone()).unwrap();
        assert_eq!(read, first, "not kept by the server: {scenario:?}");
        if matches!(scenario.action(), Action::Rest(_)) && matches!(next.action(), Action::Rest(_))
        {
            let second = resting(&next, &next.step().conditions);
            assert_eq!(second.conditions, first.conditions, "{scenario:?}");
        }
    }
}

#[test]
fn ready_is_kept_only_for_the_same_generation() {
    let well = Scenario::declared(&json!({"templateName": "go"}));
    let well = well
        .clone()
        .change(|scenario| scenario.stored.set_status(&well.status()))
        .unknown();
    let ready = |scenario: &Scenario| {
        scenario
            .rest()
            .condition(ConditionType::Ready)
            .map(|it| it.status.clone())
            .unwrap()
    };
    assert_eq!(ready(&well), "True");
    let mut edited = well;
    edited.stored.edit(USER, "ttlMillis", Some(json!(60_000)));
    assert_eq!(ready(&edited), "Unknown");
}

#[test]
fn a_condition_keeps_its_time_while_its_status_stays() {
    let scenario = Scenario::declared(&json!({"templateName": "go"}));
    let first = scenario.rest();
    let later = scenario.change(|scenario| {
        scenario.stored.set_status(&first);
        scenario.now = at("12:00:00");
    });
    for condition in later.rest().conditions {
        assert_eq!(condition.last_transition_time, Time(at("10:00:00")));
    }
    let stopped =
        later.external(|external| external.build = foreign(2, Transition::Stop, Job::Active));
    let status = stopped.rest();
    let time = |kind| status.condition(kind).unwrap().last_transition_time.0;
    assert_eq!(time(ConditionType::Running), at("12:00:00"));
    assert_eq!(time(ConditionType::Ready), at("12:00:00"));
}

#[test]
fn what_was_not_acted_on_stays_new() {
    let scenario = Scenario::declared(&json!({"templateName": "go"})).change(|scenario| {
        scenario.stored.generation = 2;
        scenario
            .stored
            .annotate(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    });
    let paused = scenario
        .clone()
        .change(|scenario| scenario.stored.annotate(names::ANNOTATION_PAUSED, "true"));
    for hindered in [scenario.clone().unknown(), paused] {
        let status = hindered.rest();
        assert_eq!(status.observed_generation, Some(1));
        assert_eq!(status.last_handled_reconcile_at, None);
    }
    let status = scenario.rest();
    assert_eq!(status.observed_generation, Some(2));
    assert_eq!(status.last_handled_reconcile_at.as_deref(), Some("now"));
}

#[test]
fn volatile_facts_do_not_cause_looks() {
    let seen = |last_used: &str, deadline: &str, build: Build| {
        let workspace = Workspace {
            last_used_at: Some(at(last_used)),
            deadline: Some(at(deadline)),
            build,
            ..workspace()
        };
        workspace.for_comparison()
    };
    let runs = || build(1, Transition::Start, Job::Succeeded);
    let first = seen("10:00:10", "18:00:20", runs());
    assert_eq!(first, seen("10:59:00", "18:04:50", runs()));
    assert_ne!(first, seen("11:00:00", "18:00:20", runs()));
    // What is worth a write is always worth a look.
    for minute in 5..60 {
        assert_ne!(
            first,
            seen("10:00:10", &format!("18:{minute:02}:20"), runs())
        );
    }
    let stops = || build(2, Transition::Stop, Job::Active);
    let first = seen("10:00:10", "18:00:20", stops());
    assert_eq!(first, seen("10:00:10", "19:00:20", stops()));
}

#[test]
fn volatile_facts_do_not_cause_writes() {
    let used = |last_used: &str, deadline: &str| {
        let (last_used, deadline) = (at(last_used), at(deadline));
        move |external: &mut Workspace| {
            (external.last_used_at, external.deadline) = (Some(last_used), Some(deadline));
        }
    };
    let scenario = Scenario::imported().external(used("10:01:00", "18:00:00"));
    let first = scenario.rest();
    let scenario = scenario.change(|scenario| scenario.stored.set_status(&first));
    assert_eq!(
        scenario
            .clone()
            .external(used("10:59:59", "18:04:59"))
            .rest(),
        first
    );
    assert_ne!(
        scenario
            .clone()
            .external(used("11:00:00", "18:00:00"))
            .rest(),
        first
    );
    assert_ne!(
        scenario.external(used("10:01:00", "18:05:00")).rest(),
        first
    );
}

#[test]
fn running_is_known_only_after_a_build_that_succeeded() {
    for (transition, job, expected) in [
        (Transition::Start, Job::Succeeded, "True"),
        (Transition::Stop, Job::Succeeded, "False"),
        (Transition::Start, Job::Active, "Unknown"),
        (Transition::Stop, Job::Active, "Unknown"),
        (Transition::Start, Job::Failed, "Unknown"),
        (Transition::Stop, Job::Canceled, "Unknown"),
    ] {
        let scenario =
            Scenario::imported().external(|external| external.build = foreign(1, transition, job));
        let status = scenario.status();
        assert_eq!(
            status.condition(ConditionType::Running).unwrap().status,
            expected
        );
    }
}

#[test]
fn that_coderd_cannot_be_seen_is_told_when_it_lasts_or_when_something_was_asked_for() {
    let spec = json!({"templateName": "go"});
    let minute = Duration::from_secs(60);
    let quiet = |scenario: &Scenario, patience, unseen_for| {
        scenario.look(|context| {
            let conditions = chain::next(context).conditions;
            guard::keeps_quiet(context, &conditions, patience, || unseen_for)
        })
    };
    let in_step = Scenario::declared(&spec).rested().unknown();
    let edited = Scenario::declared(&spec)
        .rested()
        .unknown()
        .change(|scenario| {
            let value = Some(json!(120_000));
            scenario.stored.edit(USER, "ttlMillis", value);
        });
    let asked = Scenario::declared(&spec).rested().unknown();
    let asked = asked.annotated(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    let seen = Scenario::declared(&spec).rested();
    for (what, scenario, lasting, expected) in [
        ("in step", &in_step, minute, [true, true, false]),
        ("edited", &edited, minute, [true, false, false]),
        ("asked for", &asked, minute, [true, false, false]),
        ("seen", &seen, minute, [false, false, false]),
    ] {
        let patience = [
            Patience::Endless,
            Patience::Lasting(lasting),
            Patience::None,
        ];
        let unseen_for = Duration::from_secs(59);
        let found = patience.map(|patience| quiet(scenario, patience, unseen_for));
        assert_eq!(found, expected, "{what}");
        assert!(
            !quiet(scenario, Patience::Lasting(lasting), minute),
            "{what}"
        );
    }
}

#[test]
fn a_record_that_differs_in_times_alone_repeats_what_is_there() {
    let status = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let before = status(
        r#"{"sync": {"attempt": {"requestedAt": "a"}}, "conditions": [{"reason": "Creating", "lastTransitionTime": "a"}]}"#,
    );
    for (repeats, after) in [
        (
            true,
            r#"{"sync": {"attempt": {"requestedAt": "b"}}, "conditions": [{"reason": "Creating", "lastTransitionTime": "b"}]}"#,
        ),
        (
            false,
            r#"{"sync": {"attempt": {"requestedAt": "a"}}, "conditions": [{"reason": "Refused", "lastTransitionTime": "a"}]}"#,
        ),
        (
            false,
            r#"{"sync": {}, "conditions": [{"reason": "Creating", "lastTransitionTime": "a"}]}"#,
        ),
        (
            false,
            r#"{"sync": {"attempt": {"requestedAt": "a"}}, "conditions": [{"reason": "Creating", "lastTransitionTime": "a"}], "lastHandledReconcileAt": "b"}"#,
        ),
    ] {
        assert_eq!(shared::repeats(&before, &status(after)), repeats, "{after}");
    }
}
