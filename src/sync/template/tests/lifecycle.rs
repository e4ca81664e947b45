//! Creation, adoption, loss and deletion of templates.

use super::*;

fn spec() -> Value {
    json!({"files": files("a"), "displayName": "Go"})
}

fn deleted(spec: &Value) -> Scene {
    Scene::declared(spec).change(|scene| {
        scene.stored.delete();
        scene.stored.status["observedGeneration"] = json!(2);
    })
}

fn released(scene: &Scene) {
    assert_eq!(scene.write(), Write::RemoveFinalizer, "{scene:?}");
}

#[test]
fn row_created_here_goes_by_finalizer_version_attempt_template_and_binding() {
    let scene = Scene::new(&spec());
    assert_eq!(scene.write(), Write::AddFinalizer);
    let scene = scene.change(|scene| scene.stored.has_finalizer = true);
    assert_eq!(
        scene.records().own.version.unwrap().name,
        source::version_name(&hash("a"), 1)
    );
    let scene = scene
        .recorded()
        .change(|scene| scene.own.version = Find::Absent);
    assert!(matches!(
        scene.effect(),
        Effect::CreateVersion {
            template_id: None,
            ..
        }
    ));

    // The template comes only after its first version succeeded.
    let found = |job| Find::Found(version("v1", None, job));
    let scene = scene
        .change(|scene| scene.own.version = found(VersionJob::Active))
        .recorded();
    assert_eq!(
        scene.waits(),
        (Reason::Building, Some(Duration::from_secs(2)))
    );
    let scene = scene
        .change(|scene| scene.own.version = found(VersionJob::Succeeded))
        .recorded();
    let records = scene.records();
    assert!(records.sync.attempt.is_some() && records.own.version.is_some());
    let scene = scene.recorded();
    let Effect::Create(new) = scene.effect() else {
        panic!("{:?}", scene.action())
    };
    assert_eq!(
        (new.name.as_str(), new.template_version_id),
        ("go", id("v1"))
    );
    assert_eq!(new.display_name, "Go");

    let scene = scene.active("v1").external(|external| {
        (external.creator, external.created_at) = (US, at("10:00:00"));
        external.display_name = "Go".to_owned();
    });
    let records = scene.records();
    assert_eq!(records.binding.unwrap().origin, Origin::Kubernetes);
    assert_eq!(records.sync.attempt, None);
    let scene = scene.recorded().change(|scene| {
        scene.own.version = Find::Found(version("v1", Some(ID), VersionJob::Succeeded));
    });
    assert_eq!(scene.write(), Write::ApplyOrigin(Origin::Kubernetes));
}

#[test]
fn row_a_failed_first_version_creates_no_template() {
    let scene = Scene::new(&spec())
        .attempted("10:00:00")
        .seeing(
            recorded("a", 1, Some("v1")),
            version("v1", None, failed(false)),
        )
        .recorded();
    assert_eq!(scene.stalled(), Reason::VersionFailed);
    let asked = scene.annotated(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    assert_eq!(
        asked.records().own.version.unwrap().name,
        source::version_name(&hash("a"), 2)
    );
}

#[test]
fn a_first_version_that_belongs_to_a_template_already_cannot_create_another() {
    let scene = Scene::new(&spec()).attempted("10:00:00").seeing(
        recorded("a", 1, Some("v1")),
        version("v1", Some("lost"), VersionJob::Succeeded),
    );
    assert_eq!(
        scene.records().own.version.unwrap().name,
        source::version_name(&hash("a"), 2)
    );
}

#[test]
fn row_what_exists_is_adopted_and_retained() {
    for (creator, created) in [(id("ann"), "10:00:05"), (US, "09:59:59")] {
        let scene = Scene::new(&spec())
            .attempted("10:00:00")
            .external(|external| {
                (external.creator, external.created_at) = (creator, at(created));
            });
        assert_eq!(scene.records().binding.unwrap().origin, Origin::Coderd);
        assert_eq!(scene.step().events[0].reason, EventReason::Adopted);
    }
}

#[test]
fn row_what_cannot_be_created_says_why() {
    let stalled = |scene: Scene| scene.stalled();
    assert_eq!(
        stalled(Scene::new(&json!({"displayName": "Go"}))),
        Reason::Incomplete
    );
    assert_eq!(
        stalled(Scene::new(&json!({"files": {"/x": "a"}}))),
        Reason::InvalidSource
    );
    let alias = Scene::new(&spec())
        .change(|scene| scene.own.organization = Some(Spelling::Alias("coder".to_owned())));
    assert_eq!(stalled(alias), Reason::NotCanonical);
    let duplicate = Scene::new(&spec())
        .external(|_| {})
        .change(|scene| scene.bound_elsewhere = Some("other"));
    assert_eq!(stalled(duplicate), Reason::Duplicate);
    let restored = Scene::new(&spec()).change(|scene| scene.stored.label(Origin::Kubernetes));
    assert_eq!(stalled(restored), Reason::LostAfterRestore);
    let named = Scene::new(&spec()).change(|scene| scene.stored.name = "go".to_owned());
    assert_eq!(stalled(named), Reason::InvalidName);
    let missing =
        Scene::new(&spec()).change(|scene| scene.own.organization = Some(Spelling::NotFound));
    let (reason, delay) = missing.waits();
    assert_eq!(
        (reason, delay.is_some()),
        (Reason::OrganizationNotFound, true)
    );
}

#[test]
fn row_a_refused_creation_is_not_sent_again() {
    let scene = Scene::new(&spec())
        .attempted("10:00:00")
        .seeing(
            recorded("a", 1, Some("v1")),
            version("v1", None, VersionJob::Succeeded),
        )
        .recorded();
    let effect = scene.effect();
    let refused = scene.refusing(&effect, "coderd says no");
    assert_eq!(refused.stalled(), Reason::Refused);
    let mut edited = refused;
    edited
        .stored
        .edit(USER, "displayName", Some(json!("Golang")));
    assert!(edited.records().sync.attempt.is_some());
    assert!(matches!(edited.recorded().effect(), Effect::Create(_)));
}

#[test]
fn row_gone_with_a_declared_source_it_is_made_again_with_a_new_version() {
    let lost = Scene::promoted().change(|scene| {
        scene.external = External::Gone;
        scene.own.organization = Some(Spelling::Canonical);
    });
    let records = lost.records();
    assert_eq!((records.binding, records.own.version), (None, None));
    let begun = lost.recorded().change(|scene| {
        scene.external = External::Absent;
        scene.own.version = Find::NotSought;
    });
    // The finalizer stays on, although the label is that of a bound object.
    assert_eq!(
        begun.records().own.version.unwrap().name,
        source::version_name(&hash("a"), 1)
    );
}

#[test]
fn row_gone_without_a_source() {
    let imported = Scene::imported().change(|scene| scene.external = External::Gone);
    assert!(matches!(imported.write(), Write::Delete(_)));
    let declared = Scene::declared(&json!({"displayName": "Go"}))
        .change(|scene| scene.external = External::Gone);
    assert_eq!(declared.stalled(), Reason::DeletedExternally);
}

#[test]
fn row_renamed_in_coderd() {
    let rename = |external: &mut Template| external.name = "rust".to_owned();
    assert!(matches!(
        Scene::imported().external(rename).write(),
        Write::Delete(_)
    ));
    assert_eq!(
        Scene::promoted().external(rename).stalled(),
        Reason::RenamedInCoder
    );
    let handed_back = Scene::bound(
        MANAGER_CODERD,
        &json!({"organization": "acme"}),
        Origin::Kubernetes,
    );
    let handed_back = handed_back.external(rename);
    assert_eq!(handed_back.stalled(), Reason::RenamedInCoder);
    let gone = handed_back.change(|scene| scene.external = External::Gone);
    assert_eq!(gone.stalled(), Reason::DeletedExternally);
}

#[test]
fn row_not_provable_paused_and_read_only_do_nothing() {
    let hinder = [
        (|scene: &mut Scene| scene.external = External::Unknown(failure())) as fn(&mut Scene),
        |scene| scene.stored.annotate(names::ANNOTATION_PAUSED, "true"),
        |scene| scene.read_only = Some(failure()),
    ];
    for hinder in hinder {
        for scene in [
            Scene::new(&spec()),
            Scene::new(&spec()).attempted("10:00:00"),
            Scene::declared(&spec()),
            deleted(&spec()),
        ] {
            let scene = scene.change(hinder);
            assert!(matches!(scene.action(), Action::Rest(_)), "{scene:?}");
            let before: TemplateStatus =
                serde_json::from_value(scene.stored.status.clone()).unwrap();
            let after = scene.status();
            assert_eq!(
                (after.binding, after.version),
                (before.binding, before.version)
            );
            assert_eq!(
                after.sync.and_then(|it| it.attempt),
                before.sync.and_then(|it| it.attempt)
            );
        }
    }
}

#[test]
fn row_deletion_waits_for_workspaces_and_says_how_many() {
    let scene = deleted(&spec()).change(|scene| scene.own.workspaces = Some(2));
    let (reason, delay) = scene.waits();
    assert_eq!(
        (reason, delay.is_some()),
        (Reason::WaitingForWorkspaces, true)
    );
    assert!(scene.message().starts_with("2 workspaces"));
    let free = scene.change(|scene| scene.own.workspaces = Some(0));
    assert_eq!(free.effect(), Effect::Delete);
    released(&free.change(|scene| scene.external = External::Gone));
}

#[test]
fn row_retain_the_crd_going_and_never_begun_are_released_at_once() {
    let retained = deleted(&json!({"files": files("a"), "deletionPolicy": "Retain"}));
    let going = deleted(&spec()).change(|scene| scene.crd_is_going = true);
    let never = Scene::new(&spec()).change(|scene| {
        scene.stored.has_finalizer = true;
        scene.stored.delete();
    });
    for scene in [retained, going, never] {
        released(&scene);
        released(&scene.change(|scene| scene.external = External::Unknown(failure())));
    }
}

#[test]
fn row_an_unsettled_attempt_is_settled_before_the_object_goes() {
    let scene = Scene::new(&spec())
        .attempted("10:00:00")
        .change(|scene| scene.stored.delete());
    assert_eq!(scene.waits().1, Some(Duration::from_secs(30)));
    released(&scene.clone().change(|scene| scene.now = at("10:00:30")));
    released(&scene.clone().external(|_| {}));
    let ours = scene.external(|external| {
        (external.creator, external.created_at) = (US, at("10:00:00"));
    });
    assert_eq!(ours.records().binding.unwrap().origin, Origin::Kubernetes);
    assert_eq!(ours.recorded().effect(), Effect::Delete);
}
