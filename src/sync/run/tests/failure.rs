//! Builds that did not succeed.

use super::*;

#[test]
fn our_failed_build_is_not_retried() {
    for job in [Job::Failed, Job::Canceled] {
        let latest = with(job, our_build(5, true));
        let decision = decided(true, &ordered_as(5, true), &latest);
        assert_eq!(decision, Decision::Failed { ours: true });
    }
}

#[test]
fn our_failed_build_is_retried_once_on_a_new_spec() {
    for job in [Job::Failed, Job::Canceled] {
        let latest = with(job, our_build(5, true));
        assert_eq!(
            retried(true, &ordered_as(5, true), &latest),
            order_of(6, true)
        );
    }
}

#[test]
fn our_failed_build_is_over_after_a_foreign_one() {
    let record = ordered_as(5, true);
    assert_eq!(
        decided(true, &record, &build(6, true)),
        Decision::Agree(seen_at(6, true))
    );
    assert_eq!(
        decided(true, &record, &build(6, false)),
        Decision::Mirror(false)
    );
}

#[test]
fn a_failed_foreign_build_is_never_mirrored() {
    for job in [Job::Failed, Job::Canceled] {
        for running in [true, false] {
            let latest = with(job, build(5, running));
            for wanted in [None, Some(true), Some(false)] {
                for record in [seen_at(4, true), seen_at(4, false), ordered_as(5, true)] {
                    let decision = decided(wanted, &record, &latest);
                    assert!(
                        matches!(
                            decision,
                            Decision::Failed { ours: false } | Decision::Order { .. }
                        ),
                        "{job:?} {wanted:?} {record:?}: {decision:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_failed_foreign_build_is_made_good_only_for_who_declares_a_state_and_asks() {
    let (record, latest) = (seen_at(4, true), with(Job::Failed, build(5, false)));
    assert_eq!(
        decided(true, &record, &latest),
        Decision::Failed { ours: false }
    );
    let overruling = Decision::Order {
        record: ordered_as(6, true),
        overruled: Some("ann (dashboard)".to_owned()),
    };
    assert_eq!(retried(true, &record, &latest), overruling);
    assert_eq!(
        retried(None, &record, &latest),
        Decision::Failed { ours: false }
    );
    let mirrored = RunInput {
        is_mirrored: true,
        retry: true,
        ..lever(true, &record, &latest)
    };
    assert_eq!(decide(&mirrored), Decision::Failed { ours: false });
}

#[test]
fn an_order_of_the_other_state_comes_after_a_failure_too() {
    let record = ordered_as(5, true);
    let latest = with(Job::Failed, our_build(5, true));
    assert_eq!(decided(false, &record, &latest), order_of(6, false));
}

#[test]
fn an_order_that_was_recorded_for_a_retry_is_sent() {
    let record = ordered_as(6, true);
    let latest = with(Job::Failed, our_build(5, true));
    assert_eq!(
        decided(true, &record, &latest),
        Decision::Send(Transition::Start)
    );
}

#[test]
fn a_canceled_build_leaves_the_order_to_whoever_asks_again() {
    let record = ordered_as(5, false);
    let latest = with(Job::Canceled, our_build(5, false));
    assert_eq!(
        decided(false, &record, &latest),
        Decision::Failed { ours: true }
    );
    assert_eq!(retried(false, &record, &latest), order_of(6, false));
    let later = RunInput {
        now: now() + SignedDuration::from_hours(9),
        ..lever(false, &record, &latest)
    };
    assert_eq!(decide(&later), Decision::Failed { ours: true });
}

#[test]
fn a_failed_creation_is_tried_again_where_nobody_declares_a_state() {
    let record = ordered_as(1, true);
    let failed = with(Job::Failed, our_build(1, true));
    assert_eq!(
        decided(None, &record, &failed),
        Decision::Failed { ours: true }
    );
    assert_eq!(retried(None, &record, &failed), order_of(2, true));
    let again = ordered_as(2, true);
    assert_eq!(
        decided(None, &again, &failed),
        Decision::Send(Transition::Start)
    );
}

#[test]
fn a_failed_order_is_tried_again_on_request_where_nobody_declares_a_state() {
    let record = ordered_as(5, true);
    let failed = with(Job::Failed, our_build(5, true));
    let asked = RunInput {
        retry: true,
        requested: true,
        ..lever(None, &record, &failed)
    };
    assert_eq!(decide(&asked), order_of(6, true));
    // Another's failed build is none of ours.
    let foreign = with(Job::Failed, build(5, true));
    let asked = RunInput {
        build: &foreign,
        ..asked
    };
    assert_eq!(decide(&asked), Decision::Failed { ours: false });
}
