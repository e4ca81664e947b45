//! What the aggregated API claims for a deletion.

use super::*;

/// An imported workspace whose deletion policy was claimed at 10:00:00, looked at at `now`.
fn claimed(now: &str) -> Scenario {
    Scenario::declared(&json!({"templateName": "go"})).change(|scenario| {
        scenario.stored.status["binding"]["origin"] = json!("coderd");
        scenario.stored.label(Origin::Coderd);
        let policy = json!({"deletionPolicy": "Delete"});
        let policy = policy.as_object().unwrap();
        scenario.stored.apply(MANAGER_SHIM, policy, false).unwrap();
        scenario.stored.has_finalizer = true;
        scenario.now = at(now);
    })
}

#[test]
fn a_claim_waits_a_minute_for_its_deletion() {
    for (now, left) in [("10:00:00", 60), ("10:00:59", 1)] {
        let Action::Rest(Some(delay)) = claimed(now).action() else {
            panic!("{now}: {:?}", claimed(now).action())
        };
        assert!(delay <= Duration::from_secs(left), "{now}: {delay:?}");
    }
    for now in ["10:01:00", "11:00:00"] {
        assert_eq!(claimed(now).write(), Write::DropClaim, "{now}");
    }
}

#[test]
fn a_claim_is_as_old_as_the_clock_says_that_dated_it() {
    for (ours, left) in [("09:00:00", true), ("11:00:00", true), ("10:02:00", false)] {
        let dated = if left { "10:00:30" } else { "10:01:30" };
        let scenario = claimed(ours).change(|scenario| scenario.kube_now = Some(at(dated)));
        let waits = matches!(scenario.action(), Action::Rest(_));
        assert_eq!(waits, left, "{ours}: {:?}", scenario.action());
    }
}

#[test]
fn a_dropped_claim_takes_policy_and_finalizer_along() {
    let mut scenario = claimed("10:01:00");
    assert!(scenario.take(&Write::DropClaim));
    assert_eq!(scenario.stored.spec.get("deletionPolicy"), None);
    assert_eq!(scenario.write(), Write::RemoveFinalizer);
    scenario.take(&Write::RemoveFinalizer);
    assert!(
        matches!(scenario.action(), Action::Rest(_)),
        "{:?}",
        scenario.action()
    );
}

#[test]
fn what_somebody_declared_stays() {
    let mut scenario = claimed("10:01:00").change(|scenario| {
        let owners = scenario.stored.owners.get_mut("deletionPolicy").unwrap();
        owners.insert(USER.to_owned());
    });
    assert_eq!(scenario.write(), Write::DropClaim);
    scenario.take(&Write::DropClaim);
    assert_eq!(scenario.stored.spec["deletionPolicy"], "Delete");
    assert!(
        matches!(scenario.action(), Action::Rest(_)),
        "{:?}",
        scenario.action()
    );
}

#[test]
fn a_claim_whose_deletion_came_is_kept() {
    let scenario = claimed("10:05:00").change(|scenario| scenario.stored.delete());
    assert_ne!(scenario.action(), Action::Write(Write::DropClaim));
}

#[test]
fn a_claim_is_dropped_while_coderd_is_down_or_the_object_is_paused() {
    let down = claimed("10:01:00").unknown();
    let paused = claimed("10:01:00").annotated(names::ANNOTATION_PAUSED, "true");
    for scenario in [down, paused] {
        assert_eq!(scenario.write(), Write::DropClaim);
    }
}
