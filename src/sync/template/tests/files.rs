//! Mirrored files of a bound template.

use super::{metadata::applied, *};

#[test]
fn files_that_fit_are_mirrored_and_recorded() {
    let scenario =
        applied(Scenario::imported().change(|scenario| scenario.own.active = Some(content("a"))));
    assert_eq!(scenario.stored.spec["files"], files("a"));
    assert!(scenario.stored.is_mirrored("files"));
    let files = scenario.records().own.mirrored_files.unwrap();
    assert_eq!(
        (files.version_id, files.omitted),
        (id("active").to_string(), None)
    );
    let scenario = scenario
        .recorded()
        .change(|scenario| scenario.own.active = None);
    assert_eq!(scenario.action(), Action::Rest(None));
}

#[test]
fn files_that_do_not_fit_are_left_out_and_that_is_said() {
    let large = "x".repeat(128 << 10);
    for active in [
        content(&large),
        content("a\0b"),
        unreadable("no file", false),
    ] {
        let scenario = Scenario::imported().change(|scenario| scenario.own.active = Some(active));
        assert!(
            scenario
                .records()
                .own
                .mirrored_files
                .unwrap()
                .omitted
                .is_some()
        );
        let scenario = scenario
            .recorded()
            .change(|scenario| scenario.own.active = None);
        assert_eq!(scenario.action(), Action::Rest(None));
        assert!(!scenario.stored.spec.contains_key("files"));
    }
}

#[test]
fn a_missing_right_is_no_fact_about_a_version() {
    let scenario =
        Scenario::imported().change(|scenario| scenario.own.active = Some(unreadable("403", true)));
    assert_eq!(
        scenario.action(),
        Action::Rest(Some(Duration::from_secs(60)))
    );
    let status = scenario.rest();
    assert_eq!(status.mirrored_files, None);
    let synced = status.condition(ConditionType::Synced).unwrap();
    assert_eq!(
        (synced.status.as_str(), synced.reason.as_str()),
        ("False", "NotMirrored")
    );
    assert_eq!(
        status.condition(ConditionType::Ready).unwrap().status,
        "True"
    );
    // What was mirrored before stays, and with the right all is well.
    let mirrored =
        applied(scenario.change(|scenario| scenario.own.active = Some(content("a")))).recorded();
    let lost = mirrored
        .active("next")
        .change(|scenario| scenario.own.active = Some(unreadable("403", true)));
    assert_eq!(lost.action(), Action::Rest(Some(Duration::from_secs(60))));
    assert_eq!(
        lost.rest().mirrored_files.unwrap().version_id,
        id("active").to_string()
    );
    let found = applied(lost.change(|scenario| scenario.own.active = Some(content("b"))));
    assert_eq!(found.stored.spec["files"], files("b"));
}

#[test]
fn files_that_fitted_before_are_dropped() {
    let scenario =
        applied(Scenario::imported().change(|scenario| scenario.own.active = Some(content("a"))));
    let scenario = scenario.recorded().active("larger");
    let scenario = applied(
        scenario.change(|scenario| scenario.own.active = Some(unreadable("too large", false))),
    );
    assert!(!scenario.stored.spec.contains_key("files"));
    assert_eq!(
        scenario
            .records()
            .own
            .mirrored_files
            .unwrap()
            .omitted
            .as_deref(),
        Some("too large")
    );
}

#[test]
fn files_removed_from_the_manifest_are_mirrored_again_and_never_pushed() {
    let mut scenario = Scenario::promoted();
    scenario
        .stored
        .edit(USER, "driftPolicy", Some(json!("Enforce")));
    scenario.stored.edit(USER, "files", None);
    scenario.own.version = Find::NotSought;
    let scenario = scenario
        .active("other")
        .change(|scenario| scenario.own.active = Some(content("b")));
    let scenario = applied(scenario);
    assert_eq!(scenario.stored.spec["files"], files("b"));
    let scenario = scenario
        .recorded()
        .change(|scenario| scenario.own.active = None);
    assert_eq!(scenario.action(), Action::Rest(None));
    assert_eq!(scenario.status().version, None);
}

#[test]
fn declared_files_are_never_mirrored() {
    let scenario = Scenario::promoted().change(|scenario| scenario.own.active = Some(content("b")));
    assert_eq!(scenario.action(), Action::Rest(None));
    assert_eq!(scenario.status().mirrored_files, None);
}
