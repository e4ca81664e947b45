//! The state of coderd: what is mirrored, what is foreign, what is settled.

use super::*;

#[test]
fn both_sides_equal_and_recorded_rest() {
    for running in [true, false] {
        let (record, latest) = (seen_at(4, running), build(4, running));
        for wanted in [Some(running), None] {
            assert_eq!(decided(wanted, &record, &latest), Decision::Rest);
            assert_eq!(retried(wanted, &record, &latest), Decision::Rest);
        }
    }
}

#[test]
fn a_later_foreign_build_settled_in_the_other_state_is_mirrored() {
    for running in [true, false] {
        for record in [seen_at(4, !running), ordered_as(4, !running)] {
            let latest = build(5, running);
            let decision = decided(!running, &record, &latest);
            assert_eq!(decision, Decision::Mirror(running), "{record:?}");
        }
    }
}

#[test]
fn a_state_that_is_not_settled_is_looked_at_again() {
    let (record, latest) = (seen_at(4, true), build(5, false));
    for (stable, left) in [(0, 5_000), (1, 4_999), (4_999, 1)] {
        let stable_for = Duration::from_millis(stable);
        let fresh = RunInput {
            stable_for,
            ..lever(true, &record, &latest)
        };
        assert_eq!(
            decide(&fresh),
            Decision::LookAgain(Duration::from_millis(left))
        );
        let silent = RunInput {
            wanted: None,
            ..fresh
        };
        assert_eq!(
            decide(&silent),
            Decision::LookAgain(Duration::from_millis(left))
        );
    }
    let settled = RunInput {
        stable_for: SETTLING,
        ..lever(true, &record, &latest)
    };
    assert_eq!(decide(&settled), Decision::Mirror(false));
}

#[test]
fn a_later_foreign_build_into_the_agreed_state_is_only_recorded() {
    for wanted in [Some(true), None] {
        let decision = decided(wanted, &seen_at(4, true), &build(6, true));
        assert_eq!(decision, Decision::Agree(seen_at(6, true)));
    }
}

#[test]
fn where_running_is_absent_coderd_decides() {
    for running in [true, false] {
        let latest = build(5, running);
        for record in [None, Some(seen_at(4, !running)), Some(seen_at(4, running))] {
            let decision = decided(None, record.as_ref(), &latest);
            assert_eq!(decision, Decision::Agree(seen_at(5, running)), "{record:?}");
        }
    }
}

#[test]
fn autostop_with_our_user_as_owner_is_foreign() {
    // Our user owns the workspace, so that coderd names us as the initiator of its own builds.
    for reason in ["autostop", "autostart", "dormancy", "something-new"] {
        let latest = Build {
            reason: reason.to_owned(),
            ..our_build(5, false)
        };
        assert_eq!(
            decided(true, &seen_at(4, true), &latest),
            Decision::Mirror(false)
        );
        // Also where it has the very number and transition of an order.
        let latest = Build {
            reason: reason.to_owned(),
            ..our_build(5, true)
        };
        let record = ordered_as(5, true);
        assert_eq!(
            decided(true, &record, &latest),
            Decision::Agree(seen_at(5, true))
        );
        let failed = with(Job::Failed, latest);
        assert_eq!(
            decided(true, &record, &failed),
            Decision::Failed { ours: false }
        );
    }
}

#[test]
fn a_restored_object_mirrors_and_orders_nothing() {
    // What it asks for counts as agreed at build 0.
    for wanted in [true, false] {
        let record = seen_at(0, wanted);
        let other = build(7, !wanted);
        assert_eq!(decided(wanted, &record, &other), Decision::Mirror(!wanted));
        let same = build(7, wanted);
        assert_eq!(
            decided(wanted, &record, &same),
            Decision::Agree(seen_at(7, wanted))
        );
        let failed = with(Job::Failed, build(7, !wanted));
        assert_eq!(
            decided(wanted, &record, &failed),
            Decision::Failed { ours: false }
        );
        assert_eq!(
            retried(wanted, &record, &failed),
            Decision::Failed { ours: false }
        );
        let active = with(Job::Active, build(7, !wanted));
        assert_eq!(
            decided(wanted, &record, &active),
            Decision::Wait { ours: false }
        );
    }
}

#[test]
fn only_a_start_or_stop_that_succeeded_says_how_it_is() {
    for job in [Job::Active, Job::Succeeded, Job::Failed, Job::Canceled] {
        for transition in [
            Transition::Start,
            Transition::Stop,
            Transition::Delete,
            Transition::Other,
        ] {
            let latest = Build {
                transition,
                ..with(job, build(5, true))
            };
            let known = match (job, transition) {
                (Job::Succeeded, Transition::Start) => Some(true),
                (Job::Succeeded, Transition::Stop) => Some(false),
                _ => None,
            };
            assert_eq!(latest.run_state(), known, "{job:?} {transition:?}");
            if known.is_none() {
                for record in [seen_at(4, true), ordered_as(5, true)] {
                    let decision = decided(true, &record, &latest);
                    assert!(
                        matches!(decision, Decision::Wait { .. } | Decision::Failed { .. }),
                        "{job:?} {transition:?}: {decision:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_workspace_that_was_deleted_is_waited_for_until_it_is_gone() {
    let latest = Build {
        transition: Transition::Delete,
        ..build(5, true)
    };
    for wanted in [None, Some(true), Some(false)] {
        for record in [None, Some(seen_at(4, true)), Some(ordered_as(6, false))] {
            let decision = retried(wanted, record.as_ref(), &latest);
            assert_eq!(
                decision,
                Decision::Wait { ours: false },
                "{wanted:?} {record:?}"
            );
        }
    }
}

#[test]
fn a_delete_build_that_failed_leaves_the_state_unknown() {
    let latest = Build {
        transition: Transition::Delete,
        ..with(Job::Failed, build(5, true))
    };
    let record = seen_at(4, true);
    assert_eq!(
        decided(true, &record, &latest),
        Decision::Failed { ours: false }
    );
    assert_eq!(
        decided(None, &record, &latest),
        Decision::Failed { ours: false }
    );
    assert_eq!(
        decided(false, &record, &latest),
        Decision::Order {
            record: ordered_as(6, false),
            overruled: Some("ann (dashboard)".into())
        }
    );
}

/// Every small lever.
fn every_lever(mut check: impl FnMut(&RunInput)) {
    let records = [None, Some(true), Some(false)]
        .into_iter()
        .flat_map(|wanted| {
            (3..=7).filter_map(move |number| {
                let wanted = wanted?;
                Some([seen_at(number, wanted), ordered_as(number, wanted)])
            })
        });
    let records: Vec<_> = records.flatten().map(Some).chain([None]).collect();
    let jobs = [Job::Active, Job::Succeeded, Job::Failed, Job::Canceled];
    for job in jobs {
        for running in [true, false] {
            for latest in [build(5, running), our_build(5, running)] {
                let latest = with(job, latest);
                for record in &records {
                    for wanted in [None, Some(true), Some(false)] {
                        for flags in 0_u8..16 {
                            check(&RunInput {
                                is_mirrored: flags & 1 != 0 && wanted.is_some(),
                                retry: flags & 2 != 0 || flags & 8 != 0,
                                requested: flags & 8 != 0,
                                stable_for: SETTLING * u32::from(flags & 4 != 0),
                                ..lever(wanted, record.as_ref(), &latest)
                            });
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn nothing_is_ever_ordered_sent_or_mirrored_while_a_build_runs() {
    every_lever(|lever| {
        let waits = matches!(decide(lever), Decision::Wait { .. });
        assert_eq!(waits, lever.build.is_active(), "{lever:?}");
    });
}

#[test]
fn builds_come_only_from_somebody_who_asks_for_another_state() {
    every_lever(|lever| {
        let declared = lever.wanted.filter(|_| !lever.is_mirrored);
        // Where nobody declares a state, only what we ordered and what failed is tried again.
        let repeats = lever.build.initiator == lever.us && lever.build.run_state().is_none();
        let asked = declared.or(lever.record.filter(|_| repeats).map(|record| record.wanted));
        match decide(lever) {
            Decision::Order { record, .. } => {
                assert_eq!(Some(record.wanted), asked, "{lever:?}");
                assert_ne!(lever.build.run_state(), asked, "{lever:?}");
                assert_eq!(record.build_number, lever.build.number + 1, "{lever:?}");
                assert!(record.ordered_at.is_some(), "{lever:?}");
            }
            Decision::Send(transition) => {
                let record = lever.record.unwrap();
                assert_eq!(Some(record.wanted), asked, "{lever:?}");
                assert_eq!(transition, Transition::towards(record.wanted), "{lever:?}");
                assert_eq!(record.build_number, lever.build.number + 1, "{lever:?}");
                assert_ne!(lever.build.run_state(), asked, "{lever:?}");
            }
            Decision::Rest
            | Decision::Agree(_)
            | Decision::Wait { .. }
            | Decision::LookAgain(_)
            | Decision::Mirror(_)
            | Decision::Failed { .. } => {}
        }
    });
}

#[test]
fn a_record_of_agreement_is_never_contradicted_by_coderd() {
    every_lever(|lever| match decide(lever) {
        Decision::Agree(record) => {
            assert_eq!(
                record,
                seen_at(lever.build.number, record.wanted),
                "{lever:?}"
            );
            assert_eq!(lever.build.run_state(), Some(record.wanted), "{lever:?}");
            assert!(
                lever.wanted.is_none_or(|wanted| wanted == record.wanted),
                "{lever:?}"
            );
        }
        Decision::Mirror(running) => {
            assert_eq!(lever.build.run_state(), Some(running), "{lever:?}");
            assert_eq!(lever.wanted, Some(!running), "{lever:?}");
            assert!(lever.stable_for >= SETTLING, "{lever:?}");
        }
        Decision::Rest => {
            let record = lever.record.unwrap();
            assert_eq!(lever.build.run_state(), Some(record.wanted), "{lever:?}");
            assert!(
                lever.wanted.is_none_or(|wanted| wanted == record.wanted),
                "{lever:?}"
            );
        }
        Decision::Order { .. }
        | Decision::Send(_)
        | Decision::Wait { .. }
        | Decision::LookAgain(_)
        | Decision::Failed { .. } => {}
    });
}
