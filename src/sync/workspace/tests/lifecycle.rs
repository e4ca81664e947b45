//! What becomes of a bound object whose external object is gone, has another name, or cannot be seen.

use super::*;

fn spec() -> Value {
    json!({"templateName": "go"})
}

#[test]
fn gone_in_coderd_an_imported_object_follows() {
    assert!(matches!(
        Scenario::imported().gone().write(),
        Write::Delete(_)
    ));
}

#[test]
fn gone_in_coderd_a_declared_object_stays_and_says_how_to_go_on() {
    let scenario = Scenario::declared(&spec()).gone();
    assert_eq!(scenario.stalled(), Reason::DeletedExternally);
    let message = scenario.message();
    assert!(
        message.contains(&format!("coder.com/recreate: {ID}")),
        "{message}"
    );
    assert_eq!(scenario.rest().binding.unwrap().id, ID);
}

#[test]
fn recreate_names_the_lost_id() {
    let scenario = Scenario::declared(&spec()).gone();
    for (value, begins) in [(ID, true), ("true", false), ("", false)] {
        let scenario = scenario
            .clone()
            .change(|scenario| scenario.stored.annotate(names::ANNOTATION_RECREATE, value));
        assert_eq!(
            matches!(scenario.action(), Action::Record(_)),
            begins,
            "{value}"
        );
    }
    // While the external object is there, it means nothing.
    let there = Scenario::declared(&spec())
        .change(|scenario| scenario.stored.annotate(names::ANNOTATION_RECREATE, ID));
    assert_eq!(there.action(), Action::Rest(None));
}

#[test]
fn not_provable_does_nothing_on_either_side() {
    let wanting = json!({"templateName": "go", "running": false, "ttlMillis": 60_000});
    let unbound = Scenario::new(&wanting).attempted("10:00:00");
    let restored = Scenario::new(&wanting).change(|scenario| scenario.stored.label(Origin::Coderd));
    for scenario in [
        Scenario::imported(),
        Scenario::declared(&wanting),
        unbound,
        restored,
    ] {
        let scenario = scenario.unknown();
        assert_eq!(scenario.action(), Action::Rest(None));
        let status = scenario.rest();
        let synced = status.condition(ConditionType::Synced).unwrap();
        assert_eq!(
            (synced.status.as_str(), synced.reason.as_str()),
            ("Unknown", "CoderdUnavailable")
        );
    }
}

#[test]
fn renamed_in_coderd_an_imported_object_goes() {
    for rename in [
        (|external: &mut Workspace| external.name = "new".to_owned()) as fn(&mut Workspace),
        |external| external.owner = "Bea".to_owned(),
        |external| external.organization = "Other".to_owned(),
    ] {
        assert!(matches!(
            Scenario::imported().external(rename).write(),
            Write::Delete(_)
        ));
        let declared = Scenario::declared(&spec()).external(rename);
        assert_eq!(declared.stalled(), Reason::RenamedInCoder);
        // It keeps syncing by id.
        let spec = json!({"templateName": "go", "ttlMillis": 60_000});
        let declared = Scenario::declared(&spec).external(rename);
        assert_eq!(declared.changes(), [ttl(Some(60_000))]);
    }
    // What was made here stays somebody's, also where every field was handed back: deleting it would
    // delete the workspace.
    let handed_back = |policy: &Value| {
        let scenario = Scenario::bound(MANAGER_CODERD, policy, Origin::Kubernetes);
        scenario.external(|external| external.owner = "Bea".to_owned())
    };
    let scenario = handed_back(&json!({"organization": "acme"}));
    assert_eq!(scenario.stalled(), Reason::RenamedInCoder);
    assert_eq!(scenario.gone().stalled(), Reason::DeletedExternally);
    // Nor is an object deleted under a claim to delete its external object, or before a finalizer left over.
    let claimed = Scenario::imported()
        .external(|external| external.name = "new".to_owned())
        .change(|scenario| {
            let claim = json!({"deletionPolicy": "Delete"});
            let claim = claim.as_object().unwrap();
            scenario.stored.apply(MANAGER_SHIM, claim, false).unwrap();
            scenario.stored.has_finalizer = true;
        });
    assert_eq!(claimed.stalled(), Reason::RenamedInCoder);
    let left_over = Scenario::imported()
        .external(|external| external.name = "new".to_owned())
        .change(|scenario| scenario.stored.has_finalizer = true);
    assert_eq!(left_over.write(), Write::RemoveFinalizer);
    // Another case is the same name.
    let shouting = Scenario::imported().external(|external| external.name = "DEV".to_owned());
    assert_eq!(shouting.action(), Action::Rest(None));
}

#[test]
fn a_paused_object_writes_nothing_to_coderd() {
    let spec = json!({"templateName": "go", "running": false, "ttlMillis": 60_000});
    for scenario in [
        Scenario::new(&spec),
        Scenario::declared(&spec),
        Scenario::declared(&spec).gone(),
    ] {
        let scenario =
            scenario.change(|scenario| scenario.stored.annotate(names::ANNOTATION_PAUSED, "true"));
        assert_eq!(scenario.action(), Action::Rest(None));
        let status = scenario.rest();
        assert_eq!(
            status.condition(ConditionType::Synced).unwrap().reason,
            "Paused"
        );
    }
    let other = Scenario::declared(&spec)
        .change(|scenario| scenario.stored.annotate(names::ANNOTATION_PAUSED, "false"));
    assert_eq!(other.changes(), [ttl(Some(60_000))]);
}

#[test]
fn the_origin_label_follows_the_binding() {
    let scenario =
        Scenario::imported().change(|scenario| scenario.stored.label(Origin::Kubernetes));
    assert_eq!(scenario.write(), Write::ApplyOrigin(Origin::Coderd));
    let scenario = Scenario::declared(&spec()).change(|scenario| scenario.stored.labels.clear());
    assert_eq!(scenario.write(), Write::ApplyOrigin(Origin::Kubernetes));
}

#[test]
fn the_finalizer_is_on_exactly_while_delete_is_in_effect() {
    let table = [
        (Origin::Kubernetes, None, true),
        (Origin::Coderd, None, false),
        (Origin::Kubernetes, Some("Retain"), false),
        (Origin::Coderd, Some("Delete"), true),
    ];
    for (origin, policy, wanted) in table {
        let mut spec = spec();
        if let Some(policy) = policy {
            spec["deletionPolicy"] = json!(policy);
        }
        for has_finalizer in [true, false] {
            let scenario = Scenario::bound(USER, &spec, origin)
                .change(|scenario| scenario.stored.has_finalizer = has_finalizer);
            let expected = match (wanted, has_finalizer) {
                (true, false) => Action::Write(Write::AddFinalizer),
                (false, true) => Action::Write(Write::RemoveFinalizer),
                _ => Action::Rest(None),
            };
            assert_eq!(
                scenario.action(),
                expected,
                "{origin:?} {policy:?} {has_finalizer}"
            );
        }
    }
}
