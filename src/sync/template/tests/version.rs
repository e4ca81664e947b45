//! The version of the declared source.

use super::*;
use crate::sync::template::version::id_of;

pub(super) fn spec() -> Value {
    json!({"files": files("a")})
}

fn name(text: &str, attempt: u32) -> String {
    source::version_name(&hash(text), attempt)
}

#[test]
fn content_that_is_active_already_is_recorded_and_not_built() {
    let scenario =
        Scenario::declared(&spec()).change(|scenario| scenario.own.active = Some(content("a")));
    let record = scenario.records().own.version.unwrap();
    assert_eq!(
        (id_of(&record), record.name.as_str()),
        (Some(id("active")), "angry_name1")
    );
    assert_eq!(record.source_hash, hash("a"));
    let scenario = scenario.recorded().change(|scenario| {
        scenario.own.version = Find::Found(version("active", Some(ID), VersionJob::Succeeded));
    });
    assert_eq!(scenario.action(), Action::Rest(None));
    assert_eq!(
        scenario
            .condition(ConditionType::VersionPromoted)
            .unwrap()
            .0,
        "True"
    );
    // Also by its name, where the content cannot be read, but only if it is ours.
    for (creator, known) in [(US, Some(id("active"))), (id("ann"), None)] {
        let named = Scenario::declared(&spec())
            .change(|scenario| scenario.own.active = Some(unreadable("no file", false)))
            .external(|external| {
                external.active_version_name = name("a", 3);
                external.active_version_creator = Some(creator);
            });
        assert_eq!(
            id_of(&named.records().own.version.unwrap()),
            known,
            "{creator}"
        );
    }
}

#[test]
fn somebody_elses_version_under_our_name_is_passed_over_and_never_promoted() {
    let foreign = |attempt| {
        let version = Version {
            creator: Some(id("ann")),
            ..version("theirs", Some(ID), VersionJob::Succeeded)
        };
        Scenario::declared(&spec()).seeing(recorded("a", attempt, None), version)
    };
    let record = foreign(1).records().own.version.unwrap();
    assert_eq!((record.id, record.name), (None, name("a", 2)));
    // There is an end to it.
    assert_eq!(foreign(16).stalled(), Reason::NameTaken);
    let asked = foreign(16).annotated(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    assert_eq!(asked.records().own.version.unwrap().name, name("a", 17));
}

#[test]
fn another_source_is_recorded_built_awaited_and_promoted() {
    let scenario =
        Scenario::declared(&spec()).change(|scenario| scenario.own.active = Some(content("b")));
    let record = scenario.records().own.version.unwrap();
    assert_eq!((record.id, record.name), (None, name("a", 1)));

    let scenario = scenario
        .recorded()
        .change(|scenario| scenario.own.version = Find::Absent);
    let effect = Effect::CreateVersion {
        name: name("a", 1),
        template_id: Some(id(ID)),
        executables: Vec::new(),
    };
    assert_eq!(scenario.effect(), effect);

    let found = |job| Find::Found(version("v1", Some(ID), job));
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
    assert_eq!(scenario.effect(), Effect::Promote(id("v1")));
    assert_eq!(
        scenario.step().events[0].reason,
        EventReason::VersionPromoted
    );

    let scenario = scenario.active("v1").recorded();
    assert!(scenario.records_now().promoted_at.is_some());
    assert_eq!(scenario.action(), Action::Rest(None));
}

impl Scenario {
    fn records_now(&self) -> VersionStatus {
        serde_json::from_value(self.stored.status["version"].clone()).unwrap()
    }
}

#[test]
fn a_lost_reply_finds_its_own_version_by_name() {
    let scenario = Scenario::declared(&spec()).seeing(
        recorded("a", 1, None),
        version("v1", Some(ID), VersionJob::Active),
    );
    assert_eq!(
        id_of(&scenario.records().own.version.unwrap()),
        Some(id("v1"))
    );
}

#[test]
fn a_failed_import_is_stalled_with_its_log_and_the_old_version_stays() {
    let scenario = Scenario::declared(&spec())
        .seeing(
            recorded("a", 1, Some("v1")),
            version("v1", Some(ID), failed(false)),
        )
        .recorded();
    assert_eq!(scenario.stalled(), Reason::VersionFailed);
    assert!(scenario.message().contains("line 3"));
    assert_eq!(
        scenario
            .condition(ConditionType::VersionPromoted)
            .unwrap()
            .0,
        "False"
    );
}

#[test]
fn the_next_attempt_comes_on_request_only() {
    let scenario = Scenario::declared(&spec())
        .seeing(
            recorded("a", 4, Some("v1")),
            version("v1", Some(ID), failed(false)),
        )
        .recorded();
    let asked = scenario
        .clone()
        .annotated(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    assert_eq!(asked.records().own.version.unwrap().name, name("a", 5));
    // It is asked for once.
    let begun = asked.recorded();
    assert_eq!(begun.stored.status["lastHandledReconcileAt"], "now");
    // A new source begins at its first attempt.
    let mut edited = scenario;
    edited.stored.edit(USER, "files", Some(files("b")));
    edited.own.version = Find::NotSought;
    assert_eq!(edited.records().own.version.unwrap().name, name("b", 1));
}

#[test]
fn a_build_that_was_given_up_is_tried_three_times_in_all() {
    for attempt in 1..=4 {
        let scenario = Scenario::declared(&spec())
            .seeing(
                recorded("a", attempt, Some("v1")),
                version("v1", Some(ID), failed(true)),
            )
            .recorded();
        if attempt < 3 {
            assert_eq!(
                scenario.records().own.version.unwrap().name,
                name("a", attempt + 1)
            );
        } else {
            assert_eq!(scenario.stalled(), Reason::VersionFailed);
        }
    }
}

#[test]
fn an_archived_version_is_brought_back_before_it_is_promoted() {
    let archived = Version {
        is_archived: true,
        ..version("v1", Some(ID), VersionJob::Succeeded)
    };
    let scenario = Scenario::declared(&spec())
        .seeing(recorded("a", 1, Some("v1")), archived)
        .recorded();
    assert_eq!(scenario.effect(), Effect::Unarchive(id("v1")));
    assert_eq!(scenario.step().events, []);
}

#[test]
fn nothing_is_promoted_before_it_succeeded() {
    for job in [VersionJob::Active, failed(false)] {
        let scenario = Scenario::declared(&spec())
            .seeing(recorded("a", 1, Some("v1")), version("v1", Some(ID), job))
            .recorded();
        assert!(
            matches!(scenario.action(), Action::Rest(_)),
            "{:?}",
            scenario.action()
        );
    }
}

#[test]
fn promoted_by_somebody_else_is_enforced_without_a_build() {
    let scenario = Scenario::promoted().active("other");
    assert_eq!(scenario.effect(), Effect::Promote(id("v1")));
    assert_eq!(
        scenario.step().events[0].reason,
        EventReason::DriftCorrected
    );
}

#[test]
fn promoted_by_somebody_else_is_shown_where_it_is_only_watched() {
    let mut scenario = Scenario::promoted().rested();
    scenario
        .stored
        .edit(USER, "driftPolicy", Some(json!("Observe")));
    scenario.stored.generation = 1;
    let scenario = scenario.active("other");
    assert_eq!(scenario.action(), Action::Rest(None));
    let condition = |kind| scenario.condition(kind).unwrap().0;
    assert_eq!(condition(ConditionType::Drifted), "True");
    assert_eq!(condition(ConditionType::Synced), "False");
    assert_eq!(condition(ConditionType::Ready), "True");
    assert_eq!(condition(ConditionType::VersionPromoted), "False");
}

#[test]
fn observe_builds_nothing() {
    let mut spec = spec();
    spec["driftPolicy"] = json!("Observe");
    let scenario =
        Scenario::declared(&spec).change(|scenario| scenario.own.active = Some(content("b")));
    assert_eq!(scenario.action(), Action::Rest(None));
    assert_eq!(
        scenario.condition(ConditionType::Drifted).unwrap().0,
        "True"
    );
    // Nor does a version that failed before hold up what is still enforced.
    let failed = Scenario::declared(&spec)
        .seeing(
            recorded("a", 1, Some("v1")),
            version("v1", Some(ID), failed(false)),
        )
        .recorded();
    assert_eq!(failed.condition(ConditionType::Ready).unwrap().0, "True");
}

#[test]
fn an_import_that_takes_too_long_is_promoted_when_it_still_succeeds() {
    let scenario = Scenario::declared(&spec())
        .seeing(
            recorded("a", 1, Some("v1")),
            version("v1", Some(ID), VersionJob::Active),
        )
        .recorded()
        .change(|scenario| scenario.now = at("10:25:00"));
    let (reason, delay) = scenario.rests(crate::sync::conditions::Progress::Stalled);
    assert_eq!(
        (reason, delay),
        (Reason::VersionTimedOut, Some(Duration::from_secs(60)))
    );
    let late = scenario
        .change(|scenario| {
            scenario.own.version = Find::Found(version("v1", Some(ID), VersionJob::Succeeded));
        })
        .recorded();
    assert_eq!(late.effect(), Effect::Promote(id("v1")));
}

#[test]
fn the_wait_goes_on_where_it_stopped() {
    let scenario = Scenario::declared(&spec())
        .seeing(
            recorded("a", 1, Some("v1")),
            version("v1", Some(ID), VersionJob::Active),
        )
        .recorded()
        .change(|scenario| scenario.now = at("10:10:00"));
    assert_eq!(scenario.waits().1, Some(Duration::from_secs(10)));
}

#[test]
fn a_version_without_a_template_gets_one_of_its_own_in_a_template_of_others() {
    // Built to create the template, which somebody else created meanwhile.
    for owner in [None, Some("another")] {
        let scenario = Scenario::declared(&spec()).seeing(
            recorded("a", 1, Some("v1")),
            version("v1", owner, VersionJob::Succeeded),
        );
        // Under another name: by its old one the controller remembers the version that it made.
        let record = scenario.records().own.version.unwrap();
        assert_eq!((record.id, record.name), (None, name("a", 2)));
        let scenario = scenario
            .recorded()
            .change(|scenario| scenario.own.version = Find::Absent);
        assert!(matches!(
            scenario.effect(),
            Effect::CreateVersion {
                template_id: Some(_),
                ..
            }
        ));
    }
}

#[test]
fn a_version_that_vanished_is_built_again_on_request_only() {
    let scenario = Scenario::declared(&spec()).change(|scenario| {
        scenario.stored.status["version"] = recorded("a", 1, Some("v1"));
        scenario.own.version = Find::Absent;
    });
    assert_eq!(scenario.stalled(), Reason::NotProved);
    let asked = scenario.annotated(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    assert_eq!(asked.records().own.version.unwrap().name, name("a", 2));
}

#[test]
fn a_refused_version_is_stalled_and_not_sent_again() {
    let scenario = Scenario::declared(&spec()).change(|scenario| {
        scenario.stored.status["version"] = recorded("a", 1, None);
        scenario.own.version = Find::Absent;
    });
    let effect = scenario.effect();
    let refused = scenario.refusing(&effect, "coderd says no");
    assert_eq!(refused.stalled(), Reason::Refused);
    assert_eq!(refused.clone().rested().stalled(), Reason::Refused);
    let asked = refused.annotated(names::ANNOTATION_RECONCILE_REQUESTED_AT, "now");
    assert!(matches!(asked.effect(), Effect::CreateVersion { .. }));
}

#[test]
fn a_refused_promotion_is_stalled_also_in_place_of_somebody_elses() {
    let first = Scenario::declared(&spec())
        .seeing(
            recorded("a", 1, Some("v1")),
            version("v1", Some(ID), VersionJob::Succeeded),
        )
        .recorded();
    for scenario in [first, Scenario::promoted().active("other")] {
        let refused = scenario
            .clone()
            .refusing(&scenario.effect(), "coderd says no");
        assert_eq!(refused.stalled(), Reason::Refused);
        assert_eq!(refused.rested().stalled(), Reason::Refused);
    }
}

#[test]
fn a_source_that_is_no_source_is_refused() {
    let scenario = Scenario::declared(&json!({"files": {"../x": "a"}}));
    assert_eq!(scenario.stalled(), Reason::InvalidSource);
}

#[test]
fn the_version_is_sought_where_its_record_says() {
    let seek = |record: Value, text: &str| {
        let scenario = Scenario::declared(&spec())
            .change(|scenario| scenario.stored.status["version"] = record);
        let object: CoderTemplate = scenario.stored.object();
        format!(
            "{:?}",
            crate::sync::template::version::seek(&object, &hash(text))
        )
    };
    assert_eq!(
        seek(recorded("a", 1, Some("v1")), "a"),
        format!("ById({})", id("v1"))
    );
    assert_eq!(
        seek(recorded("a", 2, None), "a"),
        format!("ByName({:?})", name("a", 2))
    );
    assert_eq!(seek(recorded("a", 1, Some("v1")), "b"), "Nothing");
    assert_eq!(seek(Value::Null, "a"), "Nothing");
}

#[test]
fn a_version_that_two_writers_keep_replacing_is_left_alone_for_an_hour() {
    let mut scenario = Scenario::promoted().active("other");
    for _ in 0..5 {
        assert_eq!(scenario.effect(), Effect::Promote(id("v1")));
        let corrects = scenario.step().corrects;
        assert_eq!(corrects.len(), 1);
        for correction in corrects {
            scenario.damper.corrected(correction, scenario.now);
        }
    }
    assert_eq!(
        scenario.action(),
        Action::Rest(Some(Duration::from_hours(1)))
    );
    assert_eq!(scenario.stalled(), Reason::Fighting);
    let message = scenario.message();
    assert!(message.contains("name-of-other is active"), "{message}");
}

#[test]
fn a_source_that_comes_back_passes_over_its_failed_version() {
    let failed_before = |created: &str| Version {
        created_at: at(created),
        ..version("v1", Some(ID), failed(false))
    };
    let scenario = Scenario::declared(&spec())
        .seeing(recorded("a", 1, None), failed_before("09:00:00"))
        .change(|scenario| scenario.now = at("10:00:00"));
    let record = scenario.records().own.version.unwrap();
    assert_eq!((record.name, record.id), (name("a", 2), None));
    // The one that was made just now is the one.
    let scenario = Scenario::declared(&spec())
        .seeing(recorded("a", 1, None), failed_before("10:00:00"))
        .recorded();
    assert_eq!(scenario.stalled(), Reason::VersionFailed);
}

#[test]
fn an_import_is_dated_by_the_clock_that_it_is_compared_with() {
    let scenario = Scenario::declared(&spec()).change(|scenario| {
        scenario.now = at("11:00:00");
        scenario.coderd_now = Some(at("10:00:00"));
    });
    let begun = scenario.records().own.version.unwrap();
    let started = begun.started_at.map(|time| time.0);
    assert_eq!(
        started,
        Some(at("10:00:00")),
        "{begun:?}",
        begun = begun.name
    );
}
