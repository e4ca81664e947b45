//! The declared version of a template.

use super::*;

/// The declared version, as coderd shows it where it can be used.
pub(super) fn version() -> PinnedVersion {
    PinnedVersion {
        id: id("other"),
        template_id: Some(id("template")),
        import: Job::Succeeded,
        is_archived: false,
    }
}

/// What cannot be used, and what is said of it.
fn unusable() -> [(PinnedVersion, &'static str); 4] {
    [
        (
            PinnedVersion {
                template_id: None,
                import: Job::Failed,
                ..version()
            },
            "may not see it",
        ),
        (
            PinnedVersion {
                template_id: Some(id("another")),
                ..version()
            },
            "belongs to another template",
        ),
        (
            PinnedVersion {
                import: Job::Failed,
                ..version()
            },
            "was not imported",
        ),
        (
            PinnedVersion {
                import: Job::Canceled,
                ..version()
            },
            "was not imported",
        ),
    ]
}

fn spec(running: bool) -> Value {
    let pin = id("other").to_string();
    json!({"templateName": "go", "templateVersionID": pin, "running": running})
}

/// A workspace whose latest build, number 1, brought the state `runs`.
fn bound(spec: &Value, runs: bool) -> Scenario {
    Scenario::declared(spec)
        .change(|scenario| {
            scenario.own.pinned = Some(version());
            scenario.stored.status["sync"] = json!({"run": {"wanted": runs, "buildNumber": 1}});
        })
        .external(|external| external.build = build(1, Transition::towards(runs), Job::Succeeded))
}

/// The order is recorded; its build is to be requested.
fn ordered(scenario: Scenario, wanted: bool) -> Scenario {
    scenario.change(|scenario| {
        scenario.stored.status["sync"]["run"] = json!({
            "wanted": wanted, "buildNumber": 2, "orderedAt": "2026-11-21T10:00:00Z",
        });
    })
}

fn new_build(scenario: &Scenario) -> (Transition, Option<uuid::Uuid>) {
    match scenario.effect() {
        Effect::Build(new) => (new.transition, new.version_id),
        effect @ Effect::Create(_) => panic!("{effect:?}"),
    }
}

#[test]
fn it_waits_for_the_next_start_and_is_no_drift() {
    let running = bound(&spec(true), true);
    assert_eq!(running.waits(), (Reason::WaitingForBuild, None));
    assert!(running.message().contains("templateVersionID"));
    let status = running.rest();
    assert_eq!(status.condition(ConditionType::Drifted), None);
    assert_eq!(
        status.template_version_id,
        Some(id("version").to_string()),
        "what runs"
    );
    for equal in [
        bound(&spec(false), false),
        bound(&spec(true), true).external(|external| external.version_id = id("other")),
    ] {
        let ready = equal.rest();
        let ready = ready.condition(ConditionType::Ready).unwrap();
        assert_eq!(ready.status, "True");
    }
}

#[test]
fn a_start_sends_it_and_a_stop_does_not() {
    let start = ordered(bound(&spec(true), false), true);
    let (transition, version) = new_build(&start);
    assert_eq!(transition, Transition::Start);
    assert_eq!(version, Some(id("other")));
    let stop = ordered(bound(&spec(false), true), false);
    assert_eq!(new_build(&stop), (Transition::Stop, None));
    let deleted = bound(&spec(true), true).change(|scenario| {
        scenario.stored.delete();
        scenario.stored.status["sync"]["deletion"] = json!({
            "attempts": 1, "buildNumber": 2, "orderedAt": "2026-11-21T10:00:00Z",
        });
    });
    assert_eq!(new_build(&deleted), (Transition::Delete, None));
}

#[test]
fn it_goes_before_the_version_that_coderd_would_take() {
    let scenario = bound(&spec(true), false).external(|external| {
        external.version_of_next_start = Some(id("active"));
        external.build = build(1, Transition::Stop, Job::Succeeded);
    });
    assert_eq!(new_build(&ordered(scenario, true)).1, Some(id("other")));
}

#[test]
fn a_mirrored_version_follows_coder_and_asks_for_nothing() {
    let moved = Scenario::imported().external(|external| external.version_id = id("new"));
    let Write::ApplySpec { fields, force } = moved.write() else {
        panic!("{:?}", moved.action())
    };
    assert_eq!(fields["templateVersionID"], id("new").to_string());
    assert!(!force);
    let spec = json!({"templateName": "go", "running": true});
    let start = ordered(bound(&spec, false), true);
    assert!(start.stored.is_mirrored("templateVersionID"));
    assert_eq!(new_build(&start).1, None);
    // What is empty counts as absent, whoever says so.
    let mut empty = spec;
    empty["templateVersionID"] = json!("");
    assert_eq!(new_build(&ordered(bound(&empty, false), true)).1, None);
    let ready = bound(&empty, true).rest();
    let ready = ready.condition(ConditionType::Ready).unwrap();
    assert_eq!(ready.status, "True");
}

#[test]
fn a_version_that_cannot_be_used_is_said_at_once_and_never_sent() {
    for (version, said) in unusable() {
        let with = |scenario: &mut Scenario| scenario.own.pinned = Some(version);
        for scenario in [
            bound(&spec(true), true),
            bound(&spec(true), false),
            ordered(bound(&spec(true), false), true),
            Scenario::new(&spec(true)),
        ] {
            let scenario = scenario.change(with);
            assert_eq!(scenario.stalled(), Reason::VersionUnusable, "{version:?}");
            assert!(scenario.message().contains(said), "{}", scenario.message());
        }
        // A stop has to work whatever is declared.
        let stop = bound(&spec(false), true).change(with);
        assert!(stop.records().sync.run.is_some());
    }
}

#[test]
fn an_import_that_is_under_way_is_awaited() {
    let importing = PinnedVersion {
        import: Job::Active,
        ..version()
    };
    for scenario in [bound(&spec(true), false), Scenario::new(&spec(true))] {
        let scenario = scenario.change(|scenario| scenario.own.pinned = Some(importing));
        let (reason, delay) = scenario.waits();
        assert_eq!(reason, Reason::Building);
        assert!(delay.is_some());
    }
}

#[test]
fn a_workspace_is_created_from_it_unless_it_is_archived() {
    let created = Scenario::new(&spec(true))
        .attempted("10:00:00")
        .change(|scenario| scenario.own.pinned = Some(version()));
    let Effect::Create(new) = created.effect() else {
        panic!("{:?}", created.action())
    };
    assert_eq!(new.pin, Some(id("other")));
    let archived = PinnedVersion {
        is_archived: true,
        ..version()
    };
    let created = created.change(|scenario| scenario.own.pinned = Some(archived));
    assert_eq!(created.stalled(), Reason::VersionUnusable);
    // coderd starts a workspace with it.
    let start = ordered(bound(&spec(true), false), true);
    let start = start.change(|scenario| scenario.own.pinned = Some(archived));
    assert_eq!(new_build(&start).1, Some(id("other")));
}
