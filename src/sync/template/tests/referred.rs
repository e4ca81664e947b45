//! A source that `spec.source` refers to.

use super::*;

fn spec(name: &str) -> Value {
    json!({"source": {"configMapRef": {"name": name}}})
}

#[test]
fn the_source_in_a_config_map_is_built_as_one_that_is_inline() {
    let scenario =
        Scenario::declared(&spec("a")).change(|scenario| scenario.own.active = Some(content("b")));
    let record = scenario.records().own.version.unwrap();
    assert_eq!(record.name, source::version_name(&hash("a"), 1));
    let building = scenario
        .recorded()
        .change(|scenario| scenario.own.version = Find::Absent);
    assert!(matches!(building.effect(), Effect::CreateVersion { .. }));
    // Moved from the object into a ConfigMap, it is the version that is active already.
    let mut moved = Scenario::promoted();
    moved.stored.edit(USER, "files", None);
    moved
        .stored
        .edit(USER, "source", Some(spec("a")["source"].clone()));
    assert_eq!(moved.action(), Action::Rest(None));
    assert_eq!(
        moved.condition(ConditionType::VersionPromoted).unwrap().0,
        "True"
    );
}

#[test]
fn a_config_map_that_is_not_there_is_awaited() {
    for scenario in [
        Scenario::new(&spec("none")),
        Scenario::declared(&spec("none")),
    ] {
        let waiting = (Reason::WaitingForReference, Some(Duration::from_secs(60)));
        assert_eq!(scenario.waits(), waiting);
        let said = scenario.message();
        assert!(said.contains("no ConfigMap none"), "{said}");
    }
}

#[test]
fn two_declared_sources_exclude_each_other() {
    let mut both = spec("a");
    both["files"] = files("a");
    for scenario in [Scenario::new(&both), Scenario::declared(&both)] {
        assert_eq!(scenario.stalled(), Reason::InvalidSource);
        assert!(scenario.message().contains("both declared"));
    }
}

#[test]
fn what_differs_is_told_of_the_field_that_is_declared() {
    let mut watched = spec("a");
    watched["driftPolicy"] = json!("Observe");
    let scenario =
        Scenario::declared(&watched).change(|scenario| scenario.own.active = Some(content("b")));
    let drifted = scenario.status();
    let drifted = drifted.condition(ConditionType::Drifted).unwrap();
    assert!(drifted.message.contains("source:"), "{}", drifted.message);
}

#[test]
fn a_source_that_is_let_go_of_leaves_the_version_and_files_are_mirrored() {
    let mut released = Scenario::declared(&spec("a"))
        .seeing(
            recorded("a", 1, Some("v1")),
            version("v1", Some(ID), VersionJob::Succeeded),
        )
        .active("v1")
        .recorded();
    assert_eq!(released.action(), Action::Rest(None));
    released.stored.edit(USER, "source", None);
    released.own.active = Some(content("a"));
    let Write::ApplySpec { fields, .. } = released.write() else {
        panic!("{:?}", released.action());
    };
    assert_eq!(fields["files"], files("a"));
}
