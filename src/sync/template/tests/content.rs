//! What the content of the active version means for a new one: modes, what is left out, variables.

use super::{version::spec, *};
use crate::sync::template::version::{id_of, needs_variables};

#[test]
fn files_that_the_source_leaves_out_are_named() {
    let scenario = Scenario::declared(&json!({"files": {"other.tf": "b"}}))
        .change(|scenario| scenario.own.active = Some(content("a")));
    let events = scenario.step().events;
    assert_eq!(events[0].reason, EventReason::FilesDropped);
    assert!(events[0].message.contains("main.tf"), "{events:?}");
}

/// The content of a version whose files `run.sh` and `other.sh` may be run.
fn with_scripts() -> Content {
    let files = json!({"main.tf": "a", "run.sh": "x", "other.sh": "y"});
    let source = Source::from_inline(&serde_json::from_value(files).unwrap()).unwrap();
    let executables = ["run.sh".to_owned(), "other.sh".to_owned()];
    let tar = source.with_executables(&executables).tar_bytes();
    Content::read(&tar).unwrap()
}

#[test]
fn what_might_be_run_in_the_active_version_may_be_run_in_the_next_one() {
    let spec = |text: &str| json!({"files": {"main.tf": text, "run.sh": "x"}});
    let scenario = Scenario::declared(&spec("b"))
        .change(|scenario| scenario.own.active = Some(Ok(with_scripts())));
    let step = scenario.step();
    assert_eq!(step.events[0].reason, EventReason::FilesDropped);
    let record = scenario.records().own.version.unwrap();
    assert_eq!(record.executable_files, ["run.sh"]);
    // It is the hash of what is declared that tells a new source, and the name that tells what is built.
    let plain = scenario.look(|context| {
        context
            .observed
            .source
            .unwrap()
            .as_ref()
            .unwrap()
            .hash
            .clone()
    });
    assert_eq!(record.source_hash, plain);
    assert!(!source::is_version_of(&record.name, &plain));
    let begun = scenario.recorded().change(|scenario| {
        (scenario.own.version, scenario.own.active) = (Find::Absent, None);
    });
    let Effect::CreateVersion { executables, .. } = begun.effect() else {
        panic!("no version but {:?}", begun.effect());
    };
    assert_eq!(executables, ["run.sh"]);

    // Another try, and another text while the content cannot be read: as it was known.
    let failed = begun
        .change(|scenario| {
            scenario.own.version = Find::Found(version("v1", Some(ID), failed(false)));
        })
        .recorded()
        .annotated(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    assert_eq!(
        failed.records().own.version.unwrap().executable_files,
        ["run.sh"]
    );
    let mut edited = failed;
    let files = spec("c")["files"].clone();
    edited.stored.edit(USER, "files", Some(files));
    edited.own.version = Find::NotSought;
    edited.own.active = Some(unreadable("404", true));
    let events = edited.step().events;
    assert_eq!(events[0].reason, EventReason::ModesUnknown);
    assert_eq!(
        edited.records().own.version.unwrap().executable_files,
        ["run.sh"]
    );

    // Nothing is built for modes alone.
    let files = json!({"files": {"main.tf": "a", "run.sh": "x", "other.sh": "y"}});
    let equal = Scenario::declared(&files)
        .change(|scenario| scenario.own.active = Some(Ok(with_scripts())));
    let record = equal.records().own.version.unwrap();
    assert_eq!(id_of(&record), Some(id("active")));
    assert_eq!(record.executable_files, ["other.sh", "run.sh"]);
}

#[test]
fn files_of_variables_are_told_to_have_no_effect() {
    let files = json!({"main.tf": "a", "terraform.tfvars": "x = 1"});
    let scenario = Scenario::declared(&json!({ "files": files }))
        .change(|scenario| scenario.own.active = Some(content("a")));
    let event = &scenario.step().events[0];
    assert_eq!(event.reason, EventReason::VariablesIgnored);
    assert!(
        event.message.contains("terraform.tfvars"),
        "{}",
        event.message
    );
}

#[test]
fn a_variable_that_keeps_its_value_is_told_and_stays_told() {
    let kept = KeptVariable {
        name: "region".to_owned(),
        in_source: "eu".to_owned(),
    };
    let found = Version {
        kept_variables: Some(vec![kept]),
        ..version("v1", Some(ID), VersionJob::Succeeded)
    };
    let scenario = Scenario::declared(&spec())
        .seeing(recorded("a", 1, Some("v1")), found)
        .active("v1");
    let event = &scenario.step().events[0];
    assert_eq!(event.reason, EventReason::VariablesKept);
    let said = "region is \"eu\" in the files, and has another value";
    assert!(event.message.contains(said), "{}", event.message);
    // It is asked for once it may be known, and the record keeps it.
    let asks = |scenario: &Scenario| needs_variables(&scenario.stored.object());
    assert!(asks(&scenario));
    let scenario = scenario.recorded().change(|scenario| {
        scenario.own.version = Find::Found(version("v1", Some(ID), VersionJob::Succeeded));
    });
    assert!(!asks(&scenario));
    let status = scenario.rest();
    let ready = status.condition(ConditionType::Ready).unwrap();
    assert_eq!(ready.status, "True");
    assert!(ready.message.contains(said), "{}", ready.message);
    // It is said of the version that is active, not of another one in its place.
    let mut watched = scenario.active("other");
    watched
        .stored
        .edit(USER, "driftPolicy", Some(json!("Observe")));
    let status = watched.rest();
    let ready = status.condition(ConditionType::Ready).unwrap();
    assert_eq!(ready.message, "active version name-of-other");
}

#[test]
fn variables_that_are_not_known_yet_are_asked_for_again() {
    let found = |kept_variables| Version {
        kept_variables,
        ..version("v1", Some(ID), VersionJob::Succeeded)
    };
    let asks = |scenario: &Scenario| needs_variables(&scenario.stored.object());
    let scenario = Scenario::declared(&spec())
        .seeing(recorded("a", 1, Some("v1")), found(None))
        .active("v1")
        .recorded();
    assert_eq!(scenario.rest().version.unwrap().kept_variables, None);
    assert!(asks(&scenario));
    let scenario = scenario
        .change(|scenario| scenario.own.version = Find::Found(found(Some(Vec::new()))))
        .recorded();
    assert_eq!(
        scenario.rest().version.unwrap().kept_variables,
        Some(Vec::new())
    );
    assert!(!asks(&scenario));
}

#[test]
fn of_many_variables_that_keep_their_values_some_are_named() {
    let kept = |number: usize| KeptVariable {
        name: format!("v{number}"),
        in_source: "x".repeat(1000),
    };
    for (count, rows, last) in [
        (16, 16, "v15 is"),
        (17, 17, "and 1 more"),
        (500, 17, "and 484 more"),
    ] {
        let found = Version {
            kept_variables: Some((0..count).map(kept).collect()),
            ..version("v1", Some(ID), VersionJob::Succeeded)
        };
        let scenario = Scenario::declared(&spec())
            .seeing(recorded("a", 1, Some("v1")), found)
            .active("v1")
            .recorded();
        let kept = scenario.rest().version.unwrap().kept_variables.unwrap();
        assert_eq!(kept.len(), rows);
        assert!(kept[rows - 1].starts_with(last), "{kept:?}");
        assert!(kept.concat().len() < 4096, "{kept:?}");
    }
}
