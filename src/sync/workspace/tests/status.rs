//! The status: conditions, and records that survive every path.

use super::*;
use crate::sync::{
    chain::{self, Planned},
    conditions::ConditionSet,
    guard::{self, Patience},
    report,
};

fn scenes() -> Vec<Scene> {
    let spec = json!({"templateName": "go", "running": true, "ttlMillis": 60_000});
    let bare = json!({"templateName": "go"});
    let observe = json!({"templateName": "go", "ttlMillis": 60_000, "driftPolicy": "Observe"});
    let paused = |scene: Scene| {
        scene.change(|scene| scene.stored.annotate(names::ANNOTATION_PAUSED, "true"))
    };
    let mut scenes = vec![
        Scene::new(&spec),
        Scene::new(&spec).change(|scene| scene.stored.status = stage::unwritten()),
        Scene::new(&spec).attempted("10:00:00"),
        Scene::new(&spec).attempted("10:00:00").unknown(),
        Scene::new(&bare).change(|scene| scene.stored.label(Origin::Coderd)),
        Scene::new(&spec).external(|_| {}),
        Scene::new(&json!({})),
        Scene::imported(),
        Scene::imported().gone(),
        Scene::declared(&bare).gone(),
        Scene::declared(&spec).unknown(),
        paused(Scene::declared(&spec)),
        Scene::declared(&observe),
        Scene::declared(&spec),
        Scene::declared(&spec).change(|scene| scene.stored.delete()),
        Scene::declared(&spec)
            .unknown()
            .change(|scene| scene.stored.delete()),
        Scene::declared(&bare).external(|external| external.name = "new".to_owned()),
        Scene::declared(&bare).change(|scene| scene.read_only = Some(failure())),
    ];
    for transition in [
        Transition::Start,
        Transition::Stop,
        Transition::Delete,
        Transition::Other,
    ] {
        for job in [Job::Active, Job::Succeeded, Job::Failed, Job::Canceled] {
            let at_build = |external: &mut Workspace| external.build = foreign(2, transition, job);
            scenes.push(Scene::imported().external(at_build));
            scenes.push(Scene::declared(&bare).external(at_build));
            scenes.push(
                Scene::declared(&bare)
                    .external(at_build)
                    .change(|it| it.own.stable_for = Duration::ZERO),
            );
        }
    }
    scenes
}

/// The status of `scene` once no step is left, with that conditions.
fn resting(scene: &Scene, conditions: &ConditionSet) -> WorkspaceStatus {
    scene.look(|context| {
        let report = report::report(context, context.records(), conditions);
        CoderWorkspace::complete_status(context, report)
    })
}

#[test]
fn ready_synced_and_what_they_speak_of_are_always_there() {
    for scene in scenes() {
        let status = scene.status();
        for kind in [ConditionType::Ready, ConditionType::Synced] {
            assert!(status.condition(kind).is_some(), "{kind:?} of {scene:?}");
        }
        for condition in &status.conditions {
            assert_eq!(
                condition.observed_generation,
                Some(scene.stored.generation),
                "{scene:?}"
            );
            assert!(!condition.reason.is_empty(), "{scene:?}");
        }
        let mut kinds: Vec<_> = status.conditions.iter().map(|it| &it.type_).collect();
        kinds.sort();
        kinds.dedup();
        assert_eq!(kinds.len(), status.conditions.len(), "{scene:?}");
    }
}

#[test]
fn reconciling_and_stalled_are_never_there_together_nor_besides_ready() {
    for scene in scenes() {
        let status = scene.status();
        let holds = |kind| status.condition(kind).map(|it| it.status == "True");
        let (reconciling, stalled) = (
            holds(ConditionType::Reconciling),
            holds(ConditionType::Stalled),
        );
        assert!(reconciling.is_none() || stalled.is_none(), "{scene:?}");
        assert!(
            reconciling != Some(false) && stalled != Some(false),
            "{scene:?}"
        );
        if stalled.is_some() {
            assert_ne!(holds(ConditionType::Ready), Some(true), "{scene:?}");
        }
    }
}

#[test]
fn no_path_forgets_a_binding_a_run_or_an_attempt() {
    for scene in scenes() {
        let before: WorkspaceStatus =
            serde_json::from_value(scene.stored.status.clone()).unwrap_or_default();
        // At rest, and where an effect failed.
        for conditions in [scene.step().conditions, ConditionSet::unknown(&failure())] {
            let after = resting(&scene, &conditions);
            assert_eq!(after.binding, before.binding, "{scene:?}");
            let (old, new) = (
                before.sync.clone().unwrap_or_default(),
                after.sync.unwrap_or_default(),
            );
            assert_eq!(new.run, old.run, "{scene:?}");
            assert_eq!(new.attempt, old.attempt, "{scene:?}");
            assert_eq!(new.deletion, old.deletion, "{scene:?}");
        }
    }
}

#[test]
fn a_status_at_rest_is_the_same_at_the_next_look() {
    for scene in scenes() {
        let first = resting(&scene, &scene.step().conditions);
        let mut next = scene.clone();
        next.stored.set_status(&first);
        next.now = at("11:00:00");
        let read: WorkspaceStatus = serde_json::from_value(next.stored.status.clone()).unwrap();
        assert_eq!(read, first, "not kept by the server: {scene:?}");
        if matches!(scene.action(), Action::Rest(_)) && matches!(next.action(), Action::Rest(_)) {
            let second = resting(&next, &next.step().conditions);
            assert_eq!(second.conditions, first.conditions, "{scene:?}");
        }
    }
}

#[test]
fn ready_is_kept_only_for_the_same_generation() {
    let well = Scene::declared(&json!({"templateName": "go"}));
    let well = well
        .clone()
        .change(|scene| scene.stored.set_status(&well.status()))
        .unknown();
    let ready = |scene: &Scene| {
        scene
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
    let scene = Scene::declared(&json!({"templateName": "go"}));
    let first = scene.rest();
    let later = scene.change(|scene| {
        scene.stored.set_status(&first);
        scene.now = at("12:00:00");
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
    let scene = Scene::declared(&json!({"templateName": "go"})).change(|scene| {
        scene.stored.generation = 2;
        scene
            .stored
            .annotate(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    });
    let paused = scene
        .clone()
        .change(|scene| scene.stored.annotate(names::ANNOTATION_PAUSED, "true"));
    for hindered in [scene.clone().unknown(), paused] {
        let status = hindered.rest();
        assert_eq!(status.observed_generation, Some(1));
        assert_eq!(status.last_handled_reconcile_at, None);
    }
    let status = scene.rest();
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
    let scene = Scene::imported().external(used("10:01:00", "18:00:00"));
    let first = scene.rest();
    let scene = scene.change(|scene| scene.stored.set_status(&first));
    assert_eq!(
        scene.clone().external(used("10:59:59", "18:04:59")).rest(),
        first
    );
    assert_ne!(
        scene.clone().external(used("11:00:00", "18:00:00")).rest(),
        first
    );
    assert_ne!(scene.external(used("10:01:00", "18:05:00")).rest(), first);
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
        let scene =
            Scene::imported().external(|external| external.build = foreign(1, transition, job));
        let status = scene.status();
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
    let quiet = |scene: &Scene, patience, unseen_for| {
        scene.look(|context| {
            let conditions = chain::next(context).conditions;
            guard::keeps_quiet(context, &conditions, patience, || unseen_for)
        })
    };
    let in_step = Scene::declared(&spec).rested().unknown();
    let edited = Scene::declared(&spec).rested().unknown().change(|scene| {
        let value = Some(json!(120_000));
        scene.stored.edit(USER, "ttlMillis", value);
    });
    let asked = Scene::declared(&spec).rested().unknown();
    let asked = asked.annotated(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    let seen = Scene::declared(&spec).rested();
    for (what, scene, lasting, expected) in [
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
        let found = patience.map(|patience| quiet(scene, patience, unseen_for));
        assert_eq!(found, expected, "{what}");
        assert!(!quiet(scene, Patience::Lasting(lasting), minute), "{what}");
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
        assert_eq!(report::repeats(&before, &status(after)), repeats, "{after}");
    }
}
