//! Which builds are looked at by timer; the sweep sees the end of all others.

use super::*;

fn looks_again(scenario: &Scenario) -> bool {
    scenario.waits().1.is_some()
}

#[test]
fn a_build_of_somebody_else_is_looked_at_by_timer_only_where_an_order_waits_for_its_end() {
    let theirs =
        |external: &mut Workspace| external.build = foreign(2, Transition::Stop, Job::Active);
    let declared = |running: bool| json!({"templateName": "go", "running": running});
    assert!(!looks_again(&Scenario::imported().external(theirs)));
    assert!(!looks_again(
        &Scenario::declared(&declared(true)).external(theirs)
    ));
    assert!(looks_again(
        &Scenario::declared(&declared(false)).external(theirs)
    ));
}

#[test]
fn a_build_of_ours_is_looked_at_by_timer_until_it_ends() {
    let ordered = |scenario: &mut Scenario| {
        let run = json!({"wanted": false, "buildNumber": 2, "orderedAt": "2026-11-21T09:59:00Z"});
        scenario.stored.status["sync"]["run"] = run;
    };
    let scenario = |job: Job| {
        Scenario::declared(&json!({"templateName": "go", "running": false}))
            .change(ordered)
            .external(|external| external.build = build(2, Transition::Stop, job))
    };
    assert!(looks_again(&scenario(Job::Active)));
    assert_eq!(scenario(Job::Succeeded).action(), Action::Rest(None));
}

#[test]
fn a_state_that_somebody_else_brought_about_is_looked_at_twice_before_spec_follows() {
    let ended = |stable_for: u64| {
        Scenario::imported()
            .external(|external| external.build = foreign(2, Transition::Stop, Job::Succeeded))
            .change(|scenario| scenario.own.stable_for = Duration::from_secs(stable_for))
    };
    assert_eq!(ended(0).waits().1, Some(Duration::from_secs(5)));
    assert!(matches!(ended(5).write(), Write::ApplySpec { .. }));
}
