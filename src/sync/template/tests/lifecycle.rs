//! Creation, adoption, loss and deletion of templates.

use super::*;
use crate::sync::released::Released;

fn spec() -> Value {
    json!({"files": files("a"), "displayName": "Go"})
}

fn deleted(spec: &Value) -> Scenario {
    Scenario::declared(spec).change(|scenario| {
        scenario.stored.delete();
        scenario.stored.status["observedGeneration"] = json!(2);
    })
}

fn released(scenario: &Scenario) {
    assert_eq!(scenario.write(), Write::RemoveFinalizer, "{scenario:?}");
}

#[test]
fn created_here_goes_by_finalizer_version_attempt_template_and_binding() {
    let scenario = Scenario::new(&spec());
    assert_eq!(scenario.write(), Write::AddFinalizer);
    let scenario = scenario.change(|scenario| scenario.stored.has_finalizer = true);
    assert_eq!(
        scenario.records().own.version.unwrap().name,
        source::version_name(&hash("a"), 1)
    );
    let scenario = scenario
        .recorded()
        .change(|scenario| scenario.own.version = Find::Absent);
    assert!(matches!(
        scenario.effect(),
        Effect::CreateVersion {
            template_id: None,
            ..
        }
    ));

    // The template comes only after its first version succeeded.
    let found = |job| Find::Found(version("v1", None, job));
    let scenario = scenario
        .change(|scenario| scenario.own.version = found(VersionJob::Active))
        .recorded();
    assert_eq!(
        scenario.waits(),
        (Reason::Building, Some(Duration::from_secs(2)))
    );
    let scenario = scenario
        .change(|scenario| scenario.own.version = found(VersionJob::Succeeded))
        .recorded();
    let records = scenario.records();
    assert!(records.sync.attempt.is_some() && records.own.version.is_some());
    let scenario = scenario.recorded();
    let Effect::Create(new) = scenario.effect() else {
        panic!("{:?}", scenario.action())
    };
    assert_eq!(
        (new.name.as_str(), new.template_version_id),
        ("go", id("v1"))
    );
    assert_eq!(new.display_name, "Go");

    let scenario = scenario.active("v1").external(|external| {
        (external.live.created_by_id, external.live.created_at) = (US, at("10:00:00"));
        external.live.display_name = "Go".to_owned();
    });
    let records = scenario.records();
    assert_eq!(records.binding.unwrap().origin, Origin::Kubernetes);
    assert_eq!(records.sync.attempt, None);
    let scenario = scenario.recorded().change(|scenario| {
        scenario.own.version = Find::Found(version("v1", Some(ID), VersionJob::Succeeded));
    });
    assert_eq!(scenario.write(), Write::ApplyOrigin(Origin::Kubernetes));
}

#[test]
fn a_failed_first_version_creates_no_template() {
    let scenario = Scenario::new(&spec())
        .attempted("10:00:00")
        .seeing(
            recorded("a", 1, Some("v1")),
            version("v1", None, failed(false)),
        )
        .recorded();
    assert_eq!(scenario.stalled(), Reason::VersionFailed);
    let asked = scenario.annotated(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    assert_eq!(
        asked.records().own.version.unwrap().name,
        source::version_name(&hash("a"), 2)
    );
}

#[test]
fn a_first_version_that_belongs_to_a_template_already_cannot_create_another() {
    let scenario = Scenario::new(&spec()).attempted("10:00:00").seeing(
        recorded("a", 1, Some("v1")),
        version("v1", Some("lost"), VersionJob::Succeeded),
    );
    assert_eq!(
        scenario.records().own.version.unwrap().name,
        source::version_name(&hash("a"), 2)
    );
}

#[test]
fn what_exists_is_adopted_and_retained() {
    for (creator, created) in [(id("ann"), "10:00:05"), (US, "09:59:59")] {
        let scenario = Scenario::new(&spec())
            .attempted("10:00:00")
            .external(|external| {
                (external.live.created_by_id, external.live.created_at) = (creator, at(created));
            });
        assert_eq!(scenario.records().binding.unwrap().origin, Origin::Coderd);
        assert_eq!(scenario.step().events[0].reason, EventReason::Adopted);
    }
}

#[test]
fn what_cannot_be_created_says_why() {
    let stalled = |scenario: Scenario| scenario.stalled();
    assert_eq!(
        stalled(Scenario::new(&json!({"displayName": "Go"}))),
        Reason::Incomplete
    );
    assert_eq!(
        stalled(Scenario::new(&json!({"files": {"/x": "a"}}))),
        Reason::InvalidSource
    );
    let alias = Scenario::new(&spec())
        .change(|scenario| scenario.own.organization = Some(Spelling::Alias("coder".to_owned())));
    assert_eq!(stalled(alias), Reason::NotCanonical);
    let duplicate = Scenario::new(&spec())
        .external(|_| {})
        .change(|scenario| scenario.bound_elsewhere = Some("other"));
    assert_eq!(stalled(duplicate), Reason::Duplicate);
    let restored =
        Scenario::new(&spec()).change(|scenario| scenario.stored.label(Origin::Kubernetes));
    assert_eq!(stalled(restored), Reason::LostAfterRestore);
    let named = Scenario::new(&spec()).change(|scenario| scenario.stored.name = "go".to_owned());
    assert_eq!(stalled(named), Reason::InvalidName);
    let missing = Scenario::new(&spec())
        .change(|scenario| scenario.own.organization = Some(Spelling::NotFound));
    let (reason, delay) = missing.waits();
    assert_eq!(
        (reason, delay.is_some()),
        (Reason::OrganizationNotFound, true)
    );
}

#[test]
fn a_refused_creation_is_not_sent_again() {
    let scenario = Scenario::new(&spec())
        .attempted("10:00:00")
        .seeing(
            recorded("a", 1, Some("v1")),
            version("v1", None, VersionJob::Succeeded),
        )
        .recorded();
    let effect = scenario.effect();
    let refused = scenario.refusing(&effect, "coderd says no");
    assert_eq!(refused.stalled(), Reason::Refused);
    let mut edited = refused;
    edited
        .stored
        .edit(USER, "displayName", Some(json!("Golang")));
    assert!(edited.records().sync.attempt.is_some());
    assert!(matches!(edited.recorded().effect(), Effect::Create(_)));
}

#[test]
fn gone_with_a_declared_source_it_is_made_again_with_a_new_version() {
    let lost = Scenario::promoted().change(|scenario| {
        scenario.external = External::Gone;
        scenario.own.organization = Some(Spelling::Canonical);
    });
    let records = lost.records();
    assert_eq!((records.binding, records.own.version), (None, None));
    let begun = lost.recorded().change(|scenario| {
        scenario.external = External::Absent;
        scenario.own.version = Find::NotSought;
    });
    // The finalizer stays on, although the label is that of a bound object.
    assert_eq!(
        begun.records().own.version.unwrap().name,
        source::version_name(&hash("a"), 1)
    );
}

#[test]
fn gone_without_a_source() {
    let imported = Scenario::imported().change(|scenario| scenario.external = External::Gone);
    assert!(matches!(imported.write(), Write::Delete(_)));
    let declared = Scenario::declared(&json!({"displayName": "Go"}))
        .change(|scenario| scenario.external = External::Gone);
    assert_eq!(declared.stalled(), Reason::DeletedExternally);
}

#[test]
fn renamed_in_coderd() {
    let rename = |external: &mut Template| external.live.name = "rust".to_owned();
    assert!(matches!(
        Scenario::imported().external(rename).write(),
        Write::Delete(_)
    ));
    assert_eq!(
        Scenario::promoted().external(rename).stalled(),
        Reason::RenamedInCoder
    );
    let handed_back = Scenario::bound(
        MANAGER_CODERD,
        &json!({"organization": "acme"}),
        Origin::Kubernetes,
    );
    let handed_back = handed_back.external(rename);
    assert_eq!(handed_back.stalled(), Reason::RenamedInCoder);
    let gone = handed_back.change(|scenario| scenario.external = External::Gone);
    assert_eq!(gone.stalled(), Reason::DeletedExternally);
}

#[test]
fn not_provable_paused_and_read_only_do_nothing() {
    let hinder = [
        (|scenario: &mut Scenario| scenario.external = External::Unknown(failure()))
            as fn(&mut Scenario),
        |scenario| scenario.stored.annotate(names::ANNOTATION_PAUSED, "true"),
        |scenario| scenario.read_only = Some(failure()),
    ];
    for hinder in hinder {
        for scenario in [
            Scenario::new(&spec()),
            Scenario::new(&spec()).attempted("10:00:00"),
            Scenario::declared(&spec()),
            deleted(&spec()),
        ] {
            let scenario = scenario.change(hinder);
            assert!(matches!(scenario.action(), Action::Rest(_)), "{scenario:?}");
            let before: TemplateStatus =
                serde_json::from_value(scenario.stored.status.clone()).unwrap();
            let after = scenario.status();
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
fn deletion_waits_for_workspaces_and_says_how_many() {
    let scenario = deleted(&spec()).change(|scenario| scenario.own.workspaces = Some(2));
    let (reason, delay) = scenario.waits();
    assert_eq!(
        (reason, delay.is_some()),
        (Reason::WaitingForWorkspaces, true)
    );
    assert!(scenario.message().starts_with("2 workspaces"));
    let free = scenario.change(|scenario| scenario.own.workspaces = Some(0));
    assert_eq!(free.effect(), Effect::Delete);
    released(&free.change(|scenario| scenario.external = External::Gone));
}

#[test]
fn retain_the_crd_going_and_never_begun_are_released_at_once() {
    let retained = deleted(&json!({"files": files("a"), "deletionPolicy": "Retain"}));
    let going = deleted(&spec()).change(|scenario| scenario.released = Some(Released::KindIsGoing));
    let never = Scenario::new(&spec()).change(|scenario| {
        scenario.stored.has_finalizer = true;
        scenario.stored.delete();
    });
    for scenario in [retained, going, never] {
        released(&scenario);
        released(&scenario.change(|scenario| scenario.external = External::Unknown(failure())));
    }
}

#[test]
fn an_unsettled_attempt_is_settled_before_the_object_goes() {
    let scenario = Scenario::new(&spec())
        .attempted("10:00:00")
        .change(|scenario| scenario.stored.delete());
    assert_eq!(scenario.waits().1, Some(Duration::from_secs(30)));
    released(
        &scenario
            .clone()
            .change(|scenario| scenario.now = at("10:00:30")),
    );
    released(&scenario.clone().external(|_| {}));
    let ours = scenario.external(|external| {
        (external.live.created_by_id, external.live.created_at) = (US, at("10:00:00"));
    });
    assert_eq!(ours.records().binding.unwrap().origin, Origin::Kubernetes);
    assert_eq!(ours.recorded().effect(), Effect::Delete);
}
