//! Objects that are being deleted.

use super::*;
use crate::sync::{conditions::Progress, released::Released};

fn deleted(spec: &Value) -> Scenario {
    Scenario::declared(spec).change(|scenario| {
        scenario.stored.delete();
        scenario.stored.status["observedGeneration"] = json!(2);
    })
}

fn spec() -> Value {
    json!({"templateName": "go"})
}

fn ordered(attempts: i64, build_number: i64, at: &str) -> Value {
    json!({"deletion": {
        "attempts": attempts, "buildNumber": build_number, "orderedAt": format!("2026-11-21T{at}Z"),
    }})
}

fn released(scenario: &Scenario) {
    assert_eq!(scenario.write(), Write::RemoveFinalizer, "{scenario:?}");
}

#[test]
fn delete_in_effect_orders_requests_and_proves() {
    let scenario = deleted(&spec());
    let deletion = scenario.records().sync.deletion.unwrap();
    assert_eq!((deletion.attempts, deletion.build_number), (1, 2));
    let scenario = scenario.recorded();
    let Effect::Build(new) = scenario.effect() else {
        panic!("{:?}", scenario.action())
    };
    assert_eq!(new.transition, Transition::Delete);
    assert_eq!((new.version_id, new.parameters.len()), (None, 0));
    for job in [Job::Active, Job::Succeeded] {
        let scenario = scenario
            .clone()
            .external(|external| external.build = build(2, Transition::Delete, job));
        assert_eq!(scenario.waits().0, Reason::Deleting);
        assert!(scenario.waits().1.is_some());
    }
    released(&scenario.gone());
}

#[test]
fn a_delete_build_waits_for_the_end_of_another() {
    for transition in [Transition::Start, Transition::Stop, Transition::Delete] {
        let scenario = deleted(&spec())
            .external(|external| external.build = foreign(2, transition, Job::Active));
        assert!(scenario.waits().1.is_some());
    }
}

#[test]
fn only_proof_releases_what_is_to_be_deleted() {
    let scenario = deleted(&spec());
    assert_eq!(
        scenario.clone().unknown().waits().0,
        Reason::CoderdUnavailable
    );
    released(&scenario.gone());
}

#[test]
fn retain_or_never_begun_is_released_at_once_also_while_coderd_is_down() {
    let retained = deleted(&json!({"templateName": "go", "deletionPolicy": "Retain"}));
    let never = Scenario::new(&spec()).change(|scenario| {
        scenario.stored.has_finalizer = true;
        scenario.stored.delete();
    });
    for scenario in [retained, never] {
        for external in [
            External::Absent,
            External::Gone,
            External::Unknown(failure()),
            External::Present(workspace()),
        ] {
            let scenario = scenario
                .clone()
                .change(|scenario| scenario.external = external);
            released(&scenario);
            let paused = scenario
                .change(|scenario| scenario.stored.annotate(names::ANNOTATION_PAUSED, "true"));
            released(&paused);
        }
    }
}

#[test]
fn every_object_is_released_where_its_kind_or_its_control_plane_goes() {
    let scenario = deleted(&json!({"templateName": "go", "deletionPolicy": "Delete"}))
        .change(|scenario| scenario.released = Some(Released::KindIsGoing));
    released(&scenario);
    released(&scenario.clone().unknown());
    let gone = scenario.change(|scenario| {
        scenario.released = Some(Released::ControlPlaneIsGone {
            name: "coder".to_owned(),
            others: 3,
        });
    });
    released(&gone);
    let step = gone.unknown().step();
    let said = &step.events.first().unwrap().message;
    assert!(
        said.contains("control plane coder is gone") && said.contains("3 more"),
        "{said}"
    );
}

#[test]
fn what_only_a_person_can_tell_is_not_waited_for() {
    for (reason, stalls) in [
        (Reason::AmbiguousControlPlane, true),
        (Reason::NoControlPlane, false),
        (Reason::ControlPlaneNotReady, false),
        (Reason::ControlPlaneGone, false),
    ] {
        let scenario = Scenario::new(&spec()).change(|scenario| {
            scenario.external = External::Unknown(Failure::new(reason, "which one?"));
        });
        let step = scenario.step();
        assert_eq!(step.action, Action::Rest(None), "{reason}");
        assert_eq!(
            step.conditions.progress == Progress::Stalled,
            stalls,
            "{reason}"
        );
    }
}

#[test]
fn an_object_without_our_finalizer_is_left_alone() {
    let scenario = Scenario::imported().change(|scenario| scenario.stored.delete());
    assert_eq!(scenario.action(), Action::Rest(None));
}

#[test]
fn an_unsettled_attempt_is_settled_before_the_object_goes() {
    let scenario = Scenario::new(&spec())
        .attempted("10:00:00")
        .change(|scenario| scenario.stored.delete());
    // Nothing there: the request may still arrive for as long as it may be under way.
    let (reason, delay) = scenario.waits();
    assert_eq!(
        (reason, delay),
        (Reason::Deleting, Some(Duration::from_secs(30)))
    );
    let later = scenario
        .clone()
        .change(|scenario| scenario.coderd_now = Some(at("10:00:30")));
    released(&later);
    // It made one: bound first, and then deleted.
    let ours = scenario.clone().external(|external| {
        (external.creator, external.created_at) = (Some(US), at("10:00:01"));
    });
    assert_eq!(ours.records().binding.unwrap().origin, Origin::Kubernetes);
    let bound = ours.recorded();
    assert!(bound.records().sync.deletion.is_some());
    // Somebody else's: it stays.
    released(
        &scenario
            .clone()
            .external(|external| external.creator = Some(id("ann"))),
    );
    assert_eq!(scenario.unknown().waits().0, Reason::CoderdUnavailable);
}

#[test]
fn a_failed_delete_build_is_tried_again_after_1_5_and_30_minutes_and_then_never() {
    let table = [
        (1, "10:00:59", "10:01:00"),
        (2, "10:04:59", "10:05:00"),
        (3, "10:29:59", "10:30:00"),
    ];
    for job in [Job::Failed, Job::Canceled] {
        for (attempts, before, after) in table {
            let scenario = deleted(&spec())
                .external(|external| external.build = build(2, Transition::Delete, job))
                .change(|scenario| {
                    scenario.stored.status["sync"] = ordered(attempts, 2, "10:00:00");
                })
                .change(|scenario| scenario.now = at(before));
            assert_eq!(
                scenario.waits(),
                (Reason::DeleteFailed, Some(Duration::from_secs(1)))
            );
            let scenario = scenario.change(|scenario| scenario.now = at(after));
            let expected = DeletionRecord {
                attempts: attempts + 1,
                build_number: 3,
                ordered_at: Time(at(after)),
            };
            assert_eq!(scenario.records().sync.deletion, Some(expected));
        }
        let scenario = deleted(&spec())
            .external(|external| external.build = build(2, Transition::Delete, job))
            .change(|scenario| scenario.stored.status["sync"] = ordered(4, 2, "10:00:00"))
            .change(|scenario| scenario.now = at("23:00:00"));
        assert_eq!(scenario.stalled(), Reason::DeleteFailed);
        assert!(
            scenario
                .step()
                .conditions
                .because
                .1
                .contains("spec.deletionPolicy: Retain")
        );
        let asked = scenario.change(|scenario| {
            scenario
                .stored
                .annotate(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
        });
        assert_eq!(asked.records().sync.deletion.unwrap().attempts, 1);
    }
}

#[test]
fn a_foreign_build_in_place_of_the_delete_build_does_not_take_the_order_away() {
    let scenario = deleted(&spec())
        .external(|external| external.build = foreign(2, Transition::Start, Job::Succeeded))
        .change(|scenario| scenario.stored.status["sync"] = ordered(1, 2, "10:00:00"));
    let deletion = scenario.records().sync.deletion.unwrap();
    assert_eq!((deletion.attempts, deletion.build_number), (1, 3));
}

#[test]
fn a_refused_delete_build_is_not_sent_again_and_names_the_exit() {
    let scenario = deleted(&spec()).recorded();
    let effect = scenario.effect();
    // Also at the next looks.
    let scenario = scenario.refusing(&effect, "not so").rested().rested();
    assert_eq!(scenario.stalled(), Reason::DeleteFailed);
    let message = scenario.message();
    assert!(
        message.contains("not so") && message.contains("Retain"),
        "{message}"
    );
}

#[test]
fn a_paused_object_deletes_nothing() {
    let scenario = deleted(&spec())
        .change(|scenario| scenario.stored.annotate(names::ANNOTATION_PAUSED, "true"));
    assert_eq!(scenario.action(), Action::Rest(None));
    assert_eq!(scenario.step().conditions.because.0, Reason::Paused);
}

#[test]
fn a_workspace_that_is_gone_releases_an_object_whose_attempts_failed() {
    let scenario = deleted(&spec())
        .change(|scenario| scenario.stored.status["sync"] = ordered(4, 2, "10:00:00"))
        .gone();
    released(&scenario);
}

fn suspension() -> Suspension {
    Suspension {
        deletions: 20,
        objects: 40,
        since: Time(at("10:00:00")),
    }
}

#[test]
fn many_deletions_a_suspended_one_waits_for_the_annotation_with_the_count() {
    let scenario = deleted(&spec());
    assert!(scenario.step().begins_deletion);
    let scenario = scenario
        .change(|scenario| scenario.suspension = Some(suspension()))
        .recorded()
        .change(|scenario| scenario.suspension = None);
    assert_eq!(scenario.stalled(), Reason::DeletionSuspended);
    let message = scenario.message();
    assert!(
        message.contains("20 of 40") && message.contains("Retain"),
        "{message}"
    );

    let confirmed = |count| {
        let scenario = scenario.clone();
        scenario.annotated(names::ANNOTATION_CONFIRM_DELETIONS, count)
    };
    for other in ["20", "20-2026-11-20T10:00:00Z", "19-2026-11-21T10:00:00Z"] {
        assert_eq!(confirmed(other).stalled(), Reason::DeletionSuspended);
    }
    let begun = confirmed("20-2026-11-21T10:00:00Z");
    assert!(begun.records().sync.deletion.is_some());
    assert!(!begun.step().begins_deletion, "nobody is asked any more");
    released(&scenario.gone());
}

#[test]
fn many_deletions_an_imported_object_that_would_go_with_many_waits_for_the_annotation() {
    let begins = |scenario: &Scenario| {
        let step = scenario.step();
        scenario.look(|context| mass_deletion::begins_removal(context.object, &step))
    };
    let renamed = Scenario::imported().external(|external| external.name = "new".to_owned());
    for due in [renamed.clone(), Scenario::imported().gone()] {
        assert!(begins(&due));
        let held = due
            .change(|scenario| scenario.suspension = Some(suspension()))
            .recorded()
            .change(|scenario| scenario.suspension = None);
        assert_eq!(held.stalled(), Reason::RemovalSuspended);
        assert!(held.message().contains("20 of 40"), "{}", held.message());
        // It stays so, whatever becomes of the controller.
        let held = held.rested();
        assert_eq!(held.stalled(), Reason::RemovalSuspended);
        let confirmed = |count| {
            held.clone()
                .annotated(names::ANNOTATION_CONFIRM_DELETIONS, count)
        };
        let other = confirmed("19-2026-11-21T10:00:00Z");
        assert_eq!(other.stalled(), Reason::RemovalSuspended);
        let this = confirmed("20-2026-11-21T10:00:00Z");
        assert!(matches!(this.write(), Write::Delete(_)));
        assert!(!begins(&this), "nobody is asked any more");
    }
    // Named back, it goes on as if nothing had been.
    let back = renamed
        .change(|scenario| scenario.suspension = Some(suspension()))
        .recorded()
        .change(|scenario| scenario.suspension = None)
        .external(|_| {});
    let back = back.rested();
    assert_eq!(back.stored.status["sync"].get("removalSuspended"), None);
}

#[test]
fn many_deletions_only_one_that_begins_is_counted() {
    let begun = deleted(&spec()).recorded();
    assert!(matches!(begun.effect(), Effect::Build(_)));
    assert!(!begun.step().begins_deletion);
    let waiting = deleted(&spec())
        .external(|external| external.build = foreign(2, Transition::Stop, Job::Active));
    assert!(!waiting.step().begins_deletion);
}
