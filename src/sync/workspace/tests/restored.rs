//! Objects that come from a backup, or are made again.

use super::*;

fn spec() -> Value {
    json!({"templateName": "go"})
}

fn restored(spec: &Value, origin: Origin) -> Scene {
    Scene::new(spec).change(|scene| scene.stored.label(origin))
}

#[test]
fn row_a_restored_object_creates_nothing() {
    for origin in [Origin::Kubernetes, Origin::Coderd] {
        for policy in [None, Some("Delete"), Some("Retain")] {
            let mut spec = json!({"templateName": "go", "running": true});
            if let Some(policy) = policy {
                spec["deletionPolicy"] = json!(policy);
            }
            let scene = restored(&spec, origin);
            assert_eq!(scene.stalled(), Reason::LostAfterRestore);
        }
    }
}

#[test]
fn row_a_restored_object_starts_and_stops_nothing() {
    for wanted in [true, false] {
        for (transition, running) in [(Transition::Start, true), (Transition::Stop, false)] {
            for job in [Job::Succeeded, Job::Failed, Job::Active] {
                let spec = json!({"templateName": "go", "running": wanted});
                let mut scene = restored(&spec, Origin::Kubernetes)
                    .external(|external| external.build = foreign(9, transition, job));
                assert_eq!(scene.records().binding.unwrap().origin, Origin::Coderd);
                scene = scene.recorded();
                // The label is put right; no step after it builds.
                for _ in 0..4 {
                    match scene.action() {
                        Action::Write(Write::ApplyOrigin(origin)) => {
                            scene.stored.label(origin);
                        }
                        Action::Write(Write::ApplySpec { fields, force }) => {
                            scene.stored.apply(MANAGER_CODERD, &fields, force).unwrap();
                        }
                        Action::Record(_) => scene = scene.recorded(),
                        Action::Rest(_) => break,
                        other => panic!("{wanted} {transition:?} {job:?}: {other:?}"),
                    }
                }
                if job == Job::Succeeded {
                    assert_eq!(scene.stored.spec["running"], json!(running));
                }
            }
        }
    }
}

#[test]
fn row_a_restored_object_deletes_nothing() {
    let scene = restored(&spec(), Origin::Kubernetes).change(|scene| {
        scene.stored.has_finalizer = true;
        scene.stored.delete();
        scene.external = External::Present(workspace());
    });
    assert_eq!(scene.write(), Write::RemoveFinalizer);
}

#[test]
fn row_an_object_that_is_made_again_keeps_its_finalizer() {
    let lost = Scene::declared(&spec()).gone().change(|scene| {
        scene.stored.annotate(names::ANNOTATION_RECREATE, ID);
        scene.own.site = Some(site());
    });
    let records = lost.records();
    assert_eq!(records.binding, None);
    assert!(records.sync.attempt.is_some());
    let begun = lost
        .recorded()
        .change(|scene| scene.external = External::Absent);
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
    let scene = Scene::imported()
        .change(|scene| {
            scene
                .stored
                .spec
                .insert("ttlMillis".to_owned(), json!(60_000));
            scene.stored.owners.clear();
        })
        .external(|external| {
            external.build = Build {
                reason: "autostop".to_owned(),
                ..foreign(2, Transition::Stop, Job::Succeeded)
            };
        });
    // The lever follows coderd as before.
    let Write::ApplySpec { fields, force } = scene.write() else {
        panic!("no apply but {:?}", scene.write());
    };
    assert_eq!((&fields["running"], force), (&json!(false), true));
    let mut scene = scene;
    scene.take(&Write::ApplySpec { fields, force });
    let scene = scene.recorded();
    assert_eq!(scene.action(), Action::Rest(None));
    let status = scene.rest();
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
    let ours = Scene::declared(&json!({"templateName": "go", "ttlMillis": 60_000}))
        .change(|scene| scene.stored.owners.clear());
    assert_eq!(ours.changes(), [ttl(Some(60_000))]);
}
