//! Orders: `spec.running` was changed in Kubernetes.

use super::*;

#[test]
fn an_order_is_recorded_before_anything_is_sent() {
    for wanted in [true, false] {
        let (record, latest) = (seen_at(4, !wanted), build(4, !wanted));
        assert_eq!(decided(wanted, &record, &latest), order_of(5, wanted));
    }
}

#[test]
fn a_recorded_order_is_sent_once() {
    for wanted in [true, false] {
        let (record, latest) = (ordered_as(5, wanted), build(4, !wanted));
        assert_eq!(
            decided(wanted, &record, &latest),
            Decision::Send(Transition::towards(wanted))
        );
    }
}

#[test]
fn an_order_waits_for_the_end_of_any_active_build() {
    for running in [true, false] {
        let latest = with(Job::Active, build(5, running));
        for record in [seen_at(4, true), ordered_as(5, false), ordered_as(6, false)] {
            let decision = decided(false, &record, &latest);
            assert_eq!(decision, Decision::Wait { ours: false }, "{record:?}");
        }
        assert_eq!(decided(true, None, &latest), Decision::Wait { ours: false });
    }
}

#[test]
fn the_end_of_a_build_is_awaited_where_it_is_ours_or_an_order_waits_for_it() {
    let theirs = with(Job::Active, build(5, false));
    let awaits = |wanted, is_mirrored, record: Option<&RunRecord>, build: &Build| {
        is_awaited(&RunInput {
            is_mirrored,
            ..lever(wanted, record, build)
        })
    };
    let agreed = seen_at(4, true);
    // Somebody stops it, and nobody here wants anything else than before.
    assert!(!awaits(Some(true), false, Some(&agreed), &theirs));
    assert!(!awaits(Some(true), true, Some(&agreed), &theirs));
    assert!(!awaits(Some(false), true, Some(&agreed), &theirs));
    assert!(!awaits(None, false, None, &theirs));
    // An order that it replaced is over.
    assert!(!awaits(
        Some(true),
        false,
        Some(&ordered_as(5, true)),
        &theirs
    ));
    // An order is to come.
    assert!(awaits(Some(false), false, Some(&agreed), &theirs));
    assert!(awaits(Some(true), false, None, &theirs));
    assert!(awaits(
        Some(true),
        false,
        Some(&ordered_as(6, true)),
        &theirs
    ));
    // It is ours, whoever declares what.
    let ours = with(Job::Active, our_build(5, true));
    for wanted in [None, Some(true), Some(false)] {
        assert!(awaits(wanted, false, Some(&ordered_as(5, true)), &ours));
    }
}

#[test]
fn an_order_for_the_state_that_is_there_agrees_without_a_build() {
    for wanted in [true, false] {
        let (record, latest) = (seen_at(4, !wanted), build(6, wanted));
        assert_eq!(
            decided(wanted, &record, &latest),
            Decision::Agree(seen_at(6, wanted))
        );
        assert_eq!(
            decided(wanted, None, &latest),
            Decision::Agree(seen_at(6, wanted))
        );
    }
}

#[test]
fn an_order_that_was_taken_back_before_it_was_sent_is_forgotten() {
    let (record, latest) = (ordered_as(5, true), build(4, false));
    assert_eq!(
        decided(false, &record, &latest),
        Decision::Agree(seen_at(4, false))
    );
}

#[test]
fn an_adopted_object_orders_what_it_declares() {
    assert_eq!(decided(true, None, &build(3, false)), order_of(4, true));
}

#[test]
fn crash_between_record_and_send_sends_once() {
    // The record says that build 5 was to come, and 4 is still the latest.
    let record = ordered_as(5, true);
    for latest in [
        build(4, false),
        our_build(4, false),
        with(Job::Failed, build(4, true)),
    ] {
        assert_eq!(
            decided(true, &record, &latest),
            Decision::Send(Transition::Start)
        );
    }
}

#[test]
fn crash_after_send_finds_its_own_build() {
    let record = ordered_as(5, true);
    let active = with(Job::Active, our_build(5, true));
    assert_eq!(
        decided(true, &record, &active),
        Decision::Wait { ours: true }
    );
    assert_eq!(decided(true, &record, &our_build(5, true)), Decision::Rest);
    let failed = with(Job::Failed, our_build(5, true));
    assert_eq!(
        decided(true, &record, &failed),
        Decision::Failed { ours: true }
    );
}

#[test]
fn a_build_is_ours_only_if_number_transition_initiator_and_reason_agree() {
    let record = ordered_as(5, true);
    let ours = our_build(5, true);
    let others = [
        Build {
            number: 6,
            ..ours.clone()
        },
        Build {
            transition: Transition::Stop,
            ..ours.clone()
        },
        Build {
            initiator: OWNER,
            ..ours.clone()
        },
        Build {
            reason: "dashboard".to_owned(),
            ..ours.clone()
        },
        Build {
            reason: String::new(),
            ..ours.clone()
        },
    ];
    for other in others {
        let active = with(Job::Active, other.clone());
        let decision = decided(true, &record, &active);
        assert_eq!(decision, Decision::Wait { ours: false }, "{other:?}");
        assert_ne!(decided(true, &record, &other), Decision::Rest, "{other:?}");
    }
    assert_eq!(decided(true, &record, &ours), Decision::Rest);
}

#[test]
fn a_foreign_build_in_place_of_the_order_replaces_it() {
    // Somebody's stop took number 5, which was to be our start.
    let record = ordered_as(5, true);
    assert_eq!(
        decided(true, &record, &build(5, false)),
        Decision::Mirror(false)
    );
    // Somebody's start brought what we wanted.
    assert_eq!(
        decided(true, &record, &build(5, true)),
        Decision::Agree(seen_at(5, true))
    );
}

#[test]
fn an_order_against_a_newer_foreign_build_wins_and_says_so() {
    // 4 was agreed on as running; somebody stopped (5), and Kubernetes says false → true meanwhile.
    let record = seen_at(4, false);
    let latest = build(5, false);
    let Decision::Order { record, overruled } = decided(true, &record, &latest) else {
        panic!("no order");
    };
    assert_eq!(record, ordered_as(6, true));
    assert_eq!(overruled.as_deref(), Some("ann (dashboard)"));
}

#[test]
fn an_order_names_nobody_where_the_agreed_build_is_still_the_latest() {
    let Decision::Order { overruled, .. } = decided(true, &seen_at(4, false), &build(4, false))
    else {
        panic!("no order");
    };
    assert_eq!(overruled, None);
}

#[test]
fn what_only_our_own_apply_says_is_no_order() {
    // Mirrored false from build 6, crashed before the record, and somebody started again (7).
    let record = seen_at(5, true);
    let latest = build(7, true);
    let mirrored = RunInput {
        is_mirrored: true,
        ..lever(false, &record, &latest)
    };
    assert_eq!(decide(&mirrored), Decision::Mirror(true));
    let stopped = build(6, false);
    let mirrored = RunInput {
        build: &stopped,
        ..mirrored
    };
    assert_eq!(decide(&mirrored), Decision::Agree(seen_at(6, false)));
}

#[test]
fn running_removed_while_an_order_is_recorded_hands_over_to_coderd() {
    let record = ordered_as(5, true);
    // Not sent yet: it is not sent any more.
    assert_eq!(
        decided(None, &record, &build(4, false)),
        Decision::Agree(seen_at(4, false))
    );
    // Under way: its end is awaited, and what it brings is agreed on.
    let active = with(Job::Active, our_build(5, true));
    assert_eq!(
        decided(None, &record, &active),
        Decision::Wait { ours: true }
    );
    assert_eq!(decided(None, &record, &our_build(5, true)), Decision::Rest);
    // Failed: removing the field makes the spec new, and yet orders nothing.
    let failed = with(Job::Failed, our_build(5, true));
    assert_eq!(
        retried(None, &record, &failed),
        Decision::Failed { ours: true }
    );
}

#[test]
fn an_older_copy_of_the_database_starts_and_stops_nothing() {
    // Build 9 was ours and ran; the database that is back knows five builds only.
    for (latest, record) in [
        (build(5, false), ordered_as(9, true)),
        (our_build(5, false), ordered_as(9, true)),
        (build(5, false), seen_at(9, true)),
    ] {
        assert_eq!(
            decided(true, &record, &latest),
            Decision::Mirror(false),
            "{record:?}"
        );
    }
    let record = ordered_as(9, true);
    assert_eq!(
        decided(true, &record, &build(5, true)),
        Decision::Agree(seen_at(5, true))
    );
    // A new order counts on from what is there.
    assert_eq!(decided(false, &record, &build(5, true)), order_of(6, false));
}
