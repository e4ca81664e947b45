//! The declared version, and versions that wait for somebody to promote them.

use super::*;

fn spec() -> Value {
    json!({"versionID": id("v9")})
}

fn pinned(version: Version) -> impl FnOnce(&mut Scenario) {
    move |scenario| scenario.own.pinned = Find::Found(version)
}

fn good() -> Version {
    version("v9", Some(ID), VersionJob::Succeeded)
}

#[test]
fn a_declared_version_is_promoted_and_put_back() {
    let scenario = Scenario::declared(&spec()).change(pinned(good()));
    assert_eq!(scenario.effect(), Effect::PromotePinned(id("v9")));
    let restored = scenario.clone().active("v9").rested().active("other");
    assert_eq!(restored.effect(), Effect::PromotePinned(id("v9")));
    assert_eq!(
        restored.step().events[0].reason,
        EventReason::DriftCorrected
    );
    let refused = scenario.clone().refusing(&scenario.effect(), "no");
    assert_eq!(refused.stalled(), Reason::Refused);
    let mut watched = scenario;
    watched
        .stored
        .edit(USER, "driftPolicy", Some(json!("Observe")));
    assert_eq!(watched.action(), Action::Rest(None));
    assert_eq!(watched.condition(ConditionType::Drifted).unwrap().0, "True");
}

#[test]
fn a_version_that_cannot_be_active_is_refused_before_anything_is_sent() {
    let archived = Version {
        is_archived: true,
        ..good()
    };
    for (found, said) in [
        (Find::Absent, "does not exist"),
        (
            Find::Found(version("v9", Some("another"), VersionJob::Succeeded)),
            "another template",
        ),
        (
            Find::Found(version("v9", Some(ID), failed(false))),
            "not imported",
        ),
        (Find::Found(archived), "archived"),
    ] {
        let scenario = Scenario::declared(&spec()).change(|scenario| scenario.own.pinned = found);
        assert_eq!(scenario.stalled(), Reason::VersionUnusable, "{said}");
        assert!(scenario.message().contains(said), "{}", scenario.message());
    }
    let importing =
        Scenario::declared(&spec()).change(pinned(version("v9", Some(ID), VersionJob::Active)));
    assert_eq!(importing.waits().0, Reason::Building);
}

#[test]
fn a_template_is_created_from_a_version_that_has_none() {
    let scenario = Scenario::new(&spec())
        .attempted("10:00:00")
        .change(pinned(version("v9", None, VersionJob::Succeeded)));
    let Effect::Create(new) = scenario.effect() else {
        panic!("{:?}", scenario.action());
    };
    assert_eq!(new.template_version_id, id("v9"));
    let taken = scenario.change(pinned(good()));
    assert_eq!(taken.stalled(), Reason::VersionUnusable);
    let both = json!({"files": files("a"), "versionID": id("v9")});
    assert_eq!(Scenario::new(&both).stalled(), Reason::SourceConflict);
}

#[test]
fn what_nobody_declares_shows_the_active_version() {
    let scenario =
        Scenario::imported().external(|external| external.live.active_version_id = id("v9"));
    let Write::ApplySpec { fields, .. } = scenario.write() else {
        panic!("{:?}", scenario.action());
    };
    assert_eq!(fields[VERSION_ID], json!(id("v9")));
    // Let go of, it is mirrored, and nothing is promoted.
    let mut released = Scenario::declared(&spec()).active("v9").active("other");
    released.stored.edit(USER, VERSION_ID, None);
    assert!(matches!(released.write(), Write::ApplySpec { .. }));
    // "" is no version: nothing is asked for.
    let empty = Scenario::declared(&json!({"versionID": ""}));
    assert_eq!(empty.action(), Action::Rest(None));
}

#[test]
fn a_source_and_another_version_exclude_each_other() {
    let mut both = Scenario::promoted();
    both.stored.edit(USER, VERSION_ID, Some(json!(id("v9"))));
    let both = both.change(pinned(good()));
    assert_eq!(both.stalled(), Reason::SourceConflict);
    assert!(both.message().contains(VERSION_ID), "{}", both.message());
    // One that is active already says nothing else.
    let mut equal = Scenario::promoted();
    equal.stored.edit(USER, VERSION_ID, Some(json!(id("v1"))));
    // `coderd` lets go of what is declared.
    let owners = equal.stored.owners.get_mut(VERSION_ID).unwrap();
    assert!(owners.remove(MANAGER_CODERD));
    assert_eq!(equal.action(), Action::Rest(None));
}

/// A version that was built from the declared source, while another one is active.
fn manual() -> Scenario {
    Scenario::declared(&json!({"files": files("a"), "promotion": "Manual"}))
        .seeing(
            recorded("a", 1, Some("v1")),
            version("v1", Some(ID), VersionJob::Succeeded),
        )
        .recorded()
}

#[test]
fn a_version_that_waits_is_shown_and_promoted_when_it_is_named() {
    let waiting = manual();
    assert_eq!(waiting.action(), Action::Rest(None));
    assert_eq!(waiting.condition(ConditionType::Ready).unwrap().0, "True");
    let promoted = waiting.status();
    let promoted = promoted.condition(ConditionType::VersionPromoted).unwrap();
    assert_eq!(promoted.status, "False");
    let name = source::version_name(&hash("a"), 1);
    for said in [names::ANNOTATION_PROMOTE_VERSION, VERSION_ID, &name] {
        assert!(promoted.message.contains(said), "{}", promoted.message);
    }
    let other = waiting
        .clone()
        .annotated(names::ANNOTATION_PROMOTE_VERSION, "another");
    assert_eq!(other.action(), Action::Rest(None));
    let named = waiting.annotated(names::ANNOTATION_PROMOTE_VERSION, &name);
    assert_eq!(named.effect(), Effect::Promote(id("v1")));
    // Once: what somebody promotes in Coder later stays.
    let after = named.active("v1").recorded().active("other");
    assert_eq!(after.action(), Action::Rest(None));
    let automatic = Scenario::promoted().active("other");
    assert_eq!(automatic.effect(), Effect::Promote(id("v1")));
}

#[test]
fn by_hand_the_declared_version_says_which_is_active_and_the_source_what_is_built() {
    for chosen in ["v1", "v9"] {
        let mut scenario = manual();
        scenario
            .stored
            .edit(USER, VERSION_ID, Some(json!(id(chosen))));
        let found = version(chosen, Some(ID), VersionJob::Succeeded);
        let scenario = scenario.change(pinned(found));
        assert_eq!(scenario.effect(), Effect::PromotePinned(id(chosen)));
    }
}
