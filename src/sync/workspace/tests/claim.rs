//! What the aggregated API claims for a deletion.

use super::*;

/// An imported workspace whose deletion policy was claimed at 10:00:00, looked at at `now`.
fn claimed(now: &str) -> Scene {
    Scene::declared(&json!({"templateName": "go"})).change(|scene| {
        scene.stored.status["binding"]["origin"] = json!("coderd");
        scene.stored.label(Origin::Coderd);
        let policy = json!({"deletionPolicy": "Delete"});
        let policy = policy.as_object().unwrap();
        scene.stored.apply(MANAGER_SHIM, policy, false).unwrap();
        scene.stored.has_finalizer = true;
        scene.now = at(now);
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
        let scene = claimed(ours).change(|scene| scene.kube_now = Some(at(dated)));
        let waits = matches!(scene.action(), Action::Rest(_));
        assert_eq!(waits, left, "{ours}: {:?}", scene.action());
    }
}

#[test]
fn a_dropped_claim_takes_policy_and_finalizer_along() {
    let mut scene = claimed("10:01:00");
    assert!(scene.take(&Write::DropClaim));
    assert_eq!(scene.stored.spec.get("deletionPolicy"), None);
    assert_eq!(scene.write(), Write::RemoveFinalizer);
    scene.take(&Write::RemoveFinalizer);
    assert!(
        matches!(scene.action(), Action::Rest(_)),
        "{:?}",
        scene.action()
    );
}

#[test]
fn what_somebody_declared_stays() {
    let mut scene = claimed("10:01:00").change(|scene| {
        let owners = scene.stored.owners.get_mut("deletionPolicy").unwrap();
        owners.insert(USER.to_owned());
    });
    assert_eq!(scene.write(), Write::DropClaim);
    scene.take(&Write::DropClaim);
    assert_eq!(scene.stored.spec["deletionPolicy"], "Delete");
    assert!(
        matches!(scene.action(), Action::Rest(_)),
        "{:?}",
        scene.action()
    );
}

#[test]
fn a_claim_whose_deletion_came_is_kept() {
    let scene = claimed("10:05:00").change(|scene| scene.stored.delete());
    assert_ne!(scene.action(), Action::Write(Write::DropClaim));
}

#[test]
fn a_claim_is_dropped_while_coderd_is_down_or_the_object_is_paused() {
    let down = claimed("10:01:00").unknown();
    let paused = claimed("10:01:00").annotated(names::ANNOTATION_PAUSED, "true");
    for scene in [down, paused] {
        assert_eq!(scene.write(), Write::DropClaim);
    }
}
