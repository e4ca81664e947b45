//! Objects that come from a backup, or are made again.

use super::*;

fn spec() -> Value {
    json!({"templateName": "go"})
}

fn restored(spec: &Value, origin: Origin) -> Scenario {
    Scenario::new(spec).change(|scenario| scenario.stored.label(origin))
}

#[test]
fn a_restored_object_creates_nothing() {
    for origin in [Origin::Kubernetes, Origin::Coderd] {
        for policy in [None, Some("Delete"), Some("Retain")] {
            let mut spec = json!({"templateName": "go", "running": true});
            if let Some(policy) = policy {
                spec["deletionPolicy"] = json!(policy);
            }
            let scenario = restored(&spec, origin);
            assert_eq!(scenario.stalled(), Reason::LostAfterRestore);
        }
    }
}

#[test]
fn a_restored_object_starts_and_stops_nothing() {
    for wanted in [true, false] {
        for (transition, running) in [(Transition::Start, true), (Transition::Stop, false)] {
            for job in [Job::Succeeded, Job::Failed, Job::Active] {
                let spec = json!({"templateName": "go", "running": wanted});
                let mut scenario = restored(&spec, Origin::Kubernetes)
                    .external(|external| external.build = foreign(9, transition, job));
                assert_eq!(scenario.records().binding.unwrap().origin, Origin::Coderd);
                scenario = scenario.recorded();
                // The label is put right; no step after it builds.
                for _ in 0..4 {
                    match scenario.action() {
                        Action::Write(Write::ApplyOrigin(origin)) => {
                            scenario.stored.label(origin);
                        }
                        Action::Write(Write::ApplySpec { fields, force }) => {
                            scenario
                                .stored
                                .apply(MANAGER_CODERD, &fields, force)
                                .unwrap();
                        }
                        Action::Record(_) => scenario = scenario.recorded(),
                        Action::Rest(_) => break,
                        other => panic!("{wanted} {transition:?} {job:?}: {other:?}"),
                    }
                }
                if job == Job::Succeeded {
                    assert_eq!(scenario.stored.spec["running"], json!(running));
                }
            }
        }
    }
}

#[test]
fn a_restored_object_deletes_nothing() {
    let scenario = restored(&spec(), Origin::Kubernetes).change(|scenario| {
        scenario.stored.has_finalizer = true;
        scenario.stored.delete();
        scenario.external = External::Present(workspace());
    });
    assert_eq!(scenario.write(), Write::RemoveFinalizer);
}

#[test]
fn an_object_that_is_made_again_keeps_its_finalizer() {
    let lost = Scenario::declared(&spec()).gone().change(|scenario| {
        scenario.stored.annotate(names::ANNOTATION_RECREATE, ID);
        scenario.own.site = Some(site());
    });
    let records = lost.records();
    assert_eq!(records.binding, None);
    assert!(records.sync.attempt.is_some());
    let begun = lost
        .recorded()
        .change(|scenario| scenario.external = External::Absent);
    assert!(
        matches!(begun.effect(), Effect::Create(_)),
        "{:?}",
        begun.action()
    );
    // Refused: it stays what it is, and says why.
    let effect = begun.effect();
    let refused = begun.refusing(&effect, "no");
    assert_eq!(refused.stalled(), Reason::Refused);
}

#[test]
fn an_imported_object_that_lost_its_record_orders_nothing_and_says_so() {
    let scenario = Scenario::imported()
        .change(|scenario| {
            scenario
                .stored
                .spec
                .insert("ttlMillis".to_owned(), json!(60_000));
            scenario.stored.owners.clear();
        })
        .external(|external| {
            external.build = Build {
                reason: "autostop".to_owned(),
                ..foreign(2, Transition::Stop, Job::Succeeded)
            };
        });
    // The lever follows coderd as before.
    let Write::ApplySpec { fields, force } = scenario.write() else {
        panic!("no apply but {:?}", scenario.write());
    };
    assert_eq!((&fields["running"], force), (&json!(false), true));
    let mut scenario = scenario;
    scenario.take(&Write::ApplySpec { fields, force });
    let scenario = scenario.recorded();
    assert_eq!(scenario.action(), Action::Rest(None));
    let status = scenario.rest();
    let synced = status.condition(ConditionType::Synced).unwrap();
    assert_eq!(synced.reason, "NotMirrored");
    assert!(
        synced
            .message
            .contains("ttlMillis: 60000 here, in Coder nothing"),
        "{}",
        synced.message
    );
    // What was made here is somebody's.
    let ours = Scenario::declared(&json!({"templateName": "go", "ttlMillis": 60_000}))
        .change(|scenario| scenario.stored.owners.clear());
    assert_eq!(ours.changes(), [ttl(Some(60_000))]);
}
